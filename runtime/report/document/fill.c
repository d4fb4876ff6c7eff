/* Patterns read from left to right: names looked up in the document, conditions, lists, plurals (fill.h) */
#include "runtime/report/document/fill.h"

#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/report/text.h"

/* A part of a pattern. */
struct part {
    const char *at, *end;
};

struct filling {
    FILE *out;
    const struct fill_hand *hand;
};

/* Bytes that end a part; braces, which nest, follow them. */
#define AT(bytes) bytes "{}"

/* Return the first of the bytes outside of nested braces, or the end. */
static const char *part_end(struct part p, const char *bytes)
{
    const size_t ends = strlen(bytes) - strlen(AT(""));
    unsigned depth = 0;
    for (p.at += strcspn(p.at, bytes); p.at < p.end; p.at += 1 + strcspn(p.at + 1, bytes)) {
        if (!depth && memchr(bytes, *p.at, ends)) return p.at;
        depth += *p.at == '{';
        depth -= *p.at == '}' && depth;
    }
    return p.end;
}

/* Take the part before the next of the bytes, and that byte. */
static struct part part_take(struct part *p, const char *bytes)
{
    const struct part part = {p->at, part_end(*p, bytes)};
    p->at = part.end + (part.end < p->end);
    return part;
}

static bool part_is(struct part p, const char *text)
{
    return (size_t)(p.end - p.at) == strlen(text) && !memcmp(p.at, text, strlen(text));
}

static const cJSON *child(const cJSON *of, struct part name)
{
    const size_t len = (size_t)(name.end - name.at);
    const cJSON *one;
    cJSON_ArrayForEach(one, of)
    {
        const char *key = one->string ? one->string : "";
        if (*key == *name.at && !strncmp(key, name.at, len) && !key[len]) return one;
    }
    return NULL;
}

/* Return the member of that path; `.` is the object itself. */
static const cJSON *member(const cJSON *of, struct part path)
{
    if (part_is(path, ".")) return of;
    while (of && path.at < path.end) of = child(of, part_take(&path, AT(".")));
    return of;
}

const cJSON *document_at(const cJSON *of, const char *path)
{
    return member(of, (struct part){path, path + strlen(path)});
}

static uint64_t sum(const cJSON *of, struct part names)
{
    uint64_t all = 0;
    while (names.at < names.end) {
        struct part name = part_take(&names, AT("+"));
        const bool members = name.end - name.at > 2 && name.end[-1] == '*';
        name.end -= members ? 2 : 0;
        const cJSON *one, *v = member(of, name);
        if (members)
            cJSON_ArrayForEach(one, v) all += value_number(one);
        else
            all += value_number(v);
    }
    return all;
}

static bool is_set(const cJSON *v)
{
    if (cJSON_IsRaw(v)) return value_number(v);
    return cJSON_IsTrue(v) || (cJSON_IsString(v) && *v->valuestring) || (v && v->child);
}

static bool holds_one(const cJSON *of, struct part condition)
{
    const struct part name = part_take(&condition, AT("=?"));
    const cJSON *v = member(of, name);
    if (*name.end == '=') return part_is(condition, value_text(v));
    return *name.end == '?' ? v && !cJSON_IsNull(v) : is_set(v);
}

static bool condition_holds(const cJSON *of, struct part condition)
{
    while (condition.at < condition.end) {
        struct part one = part_take(&condition, AT(","));
        const bool negated = *one.at == '!';
        one.at += negated;
        if (holds_one(of, one) != negated) return true;
    }
    return false;
}

/* Return a time in nanoseconds, at most UINT64_MAX. Its unit is the end of its name. */
static uint64_t time_of(const cJSON *of, struct part name)
{
    const char unit = name.end - name.at > 2 ? name.end[-2] : 0;
    const uint64_t n = sum(of, name), each_ns = unit == 'n'   ? 1
                                                : unit == 'u' ? 1000
                                                : unit == 'm' ? 1000000
                                                              : 1000000000;
    return n < UINT64_MAX / each_ns ? n * each_ns : UINT64_MAX;
}

static void write(const struct filling *f, const cJSON *of, struct part p);

static void each(const struct filling *f, const cJSON *of, struct part rest)
{
    struct part head = part_take(&rest, AT("|"));
    const struct part before = part_take(&rest, AT("|")), between = part_take(&rest, AT("|")),
                      body = part_take(&rest, AT("|"));
    const struct part name = part_take(&head, AT("?"));
    const cJSON *one, *list = member(of, name);
    bool any = false;
    cJSON_ArrayForEach(one, list)
    {
        if (head.at < head.end && !condition_holds(one, head)) continue;
        write(f, of, any ? between : before);
        write(f, one, body);
        any = true;
    }
    if (any) write(f, of, rest);
}

/* Write the word for a number: the first for one, else the second, or the first with an s. */
static void word(const struct filling *f, uint64_t n, struct part words)
{
    const struct part one = part_take(&words, AT("|")), many = words.at < words.end ? words : one;
    const struct part it = n == 1 ? one : many;
    fwrite(it.at, 1, (size_t)(it.end - it.at), f->out);
    if (n != 1 && words.at == words.end) putc('s', f->out);
}

/* Write a number with its noun, if it has one. */
static void counted(const struct filling *f, int width, uint64_t n, struct part words)
{
    f->hand->number(f->out, width, n);
    if (words.at == words.end) return;
    putc(' ', f->out);
    word(f, n, words);
}

static bool counts_bytes(struct part rate)
{
    static const char end[] = "bytes_per_s";
    const size_t len = sizeof end - 1;
    return (size_t)(rate.end - rate.at) >= len && !memcmp(rate.end - len, end, len);
}

/* Write the end of a text, in at most `most` columns. */
static void write_tail(const struct filling *f, const char *text, unsigned most)
{
    char buf[400];
    f->hand->text(f->out, 0, text_tail(text, most, buf, sizeof buf));
}

/* Write a value: a sign, a name, a width behind a colon, words behind bars. */
static void value(const struct filling *f, const cJSON *of, struct part p)
{
    struct part head = part_take(&p, AT("|"));
    const char sign = strchr("#=~@^$", *head.at) ? *head.at++ : 0;
    const struct part name = part_take(&head, AT(":"));
    const bool most = *head.at == '<';
    const int width = (int)strtol(head.at + most, NULL, 10);
    switch (sign) {
    case '#': counted(f, width, sum(of, name), p); break;
    case '=': word(f, sum(of, name), p); break;
    case '~': f->hand->time(f->out, width, time_of(of, name)); break;
    case '@': f->hand->moment(f->out, width, value_text(member(of, name))); break;
    case '^': f->hand->rate(f->out, width, member(of, name), counts_bytes(name)); break;
    case '$': f->hand->text(f->out, width, of && of->string ? of->string : ""); break;
    default:
        if (most)
            write_tail(f, value_text(member(of, name)), (unsigned)width);
        else
            f->hand->text(f->out, width, value_text(member(of, name)));
    }
}

/* Write the contents of a pair of braces. */
static void braces(const struct filling *f, const cJSON *of, struct part p)
{
    struct part rest = {p.at + 1, p.end};
    switch (*p.at) {
    case '*': each(f, of, rest); break;
    case '?':
        if (condition_holds(of, part_take(&rest, AT(" ")))) write(f, of, rest);
        break;
    case '!':
        if (!condition_holds(of, part_take(&rest, AT(" ")))) write(f, of, rest);
        break;
    case '/': {
        const cJSON *v = member(of, part_take(&rest, AT(" ")));
        if (v && !cJSON_IsNull(v)) write(f, v, rest);
        break;
    }
    default: value(f, of, p);
    }
}

static void write(const struct filling *f, const cJSON *of, struct part p)
{
    while (p.at < p.end) {
        const struct part text = part_take(&p, AT("{"));
        fwrite(text.at, 1, (size_t)(text.end - text.at), f->out);
        if (p.at < p.end) braces(f, of, part_take(&p, AT("}")));
    }
}

void fill_with(FILE *out, const struct fill_hand *hand, const cJSON *of, const char *pattern)
{
    write(&(struct filling){out, hand}, of, (struct part){pattern, pattern + strlen(pattern)});
}

static void plain_text(FILE *out, int width, const char *text) { fprintf(out, "%*s", width, text); }

static void plain_number(FILE *out, int width, uint64_t n)
{
    char buf[TEXT_NUMBER];
    fprintf(out, "%*s", width, text_number(n, buf));
}

static void plain_time(FILE *out, int width, uint64_t ns)
{
    char buf[TEXT_NUMBER];
    fprintf(out, "%*s", width, text_duration(ns, buf));
}

static void plain_moment(FILE *out, int width, const char *iso)
{
    char buf[TEXT_TIME];
    fprintf(out, "%*s", width, text_local(iso, buf));
}

static void plain_rate(FILE *out, int width, const cJSON *v, bool bytes) { plain_number(out, width, value_number(v)); }

void fill(FILE *out, const cJSON *of, const char *pattern)
{
    static const struct fill_hand plain = {plain_text, plain_number, plain_time, plain_moment, plain_rate};
    fill_with(out, &plain, of, pattern);
}
