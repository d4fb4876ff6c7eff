/* Values and left sides as nft writes them, for comments. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compiler/import/nft/nft_priv.h"
#include "compiler/import/rows.h"

void nft_say(struct nft_text *t, const char *fmt, ...)
{
    const size_t room = sizeof(t->bytes) - t->len;
    va_list ap;
    if (t->cut) return;
    va_start(ap, fmt);
    const int n = vsnprintf(t->bytes + t->len, room, fmt, ap);
    va_end(ap);
    t->cut = n < 0 || (size_t)n >= room;
    t->len += t->cut ? room - 1 : (size_t)n;
}

void nft_each(struct nft_text *t, const cJSON *list, const char *between)
{
    const cJSON *v;
    bool more = false;
    cJSON_ArrayForEach(v, list)
    {
        if (t->cut) return;
        if (more) nft_say(t, "%s", between);
        more = true;
        nft_value(t, v);
    }
}

void nft_json(struct nft_text *t, const cJSON *v)
{
    char json[512];
    if (cJSON_PrintPreallocated((cJSON *)v, json, sizeof(json), false))
        nft_say(t, "%s", json);
    else
        nft_say(t, "...");
}

static const char *member(const cJSON *o, const char *name) { return nft_member(o, name) ? nft_member(o, name) : "?"; }

void nft_say_member(struct nft_text *t, const char *word, const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    if (!v) return;
    nft_say(t, "%s", word);
    nft_value(t, v);
}

void nft_pattern(struct nft_text *t, const char *pattern, const cJSON *o)
{
    char word[24], name[24];
    for (const char *at = pattern; *at; at += strcspn(at, "}"), at += *at == '}') {
        const size_t plain = strcspn(at, "{");
        nft_say(t, "%.*s", (int)plain, at);
        at += plain;
        if (sscanf(at, "{%23[^|]|%23[^}]", word, name) == 2)
            nft_say_member(t, word, o, name);
        else if (sscanf(at, "{|%23[^}]", name) == 1)
            nft_say_member(t, "", o, name);
    }
}

static void add_each(struct nft_text *t, const char *between, const cJSON *v) { nft_each(t, v, between); }

static void add_payload(struct nft_text *t, const char *text, const cJSON *v)
{
    if (!nft_member(v, "base")) {
        nft_say(t, "%s %s", member(v, "protocol"), member(v, "field"));
        return;
    }
    nft_say(t, "@%s", nft_member(v, "base"));
    nft_pattern(t, "{,|offset}{,|len}", v);
}

static void add_meta(struct nft_text *t, const char *text, const cJSON *v)
{
    static const char *const alone[] = {"iif", "oif", "iifname", "oifname", "iifgroup", "oifgroup"};
    const char *key = member(v, "key");
    nft_say(t, "%s%s", ROW_NAMED(alone, key) < ROWS(alone) ? "" : "meta ", key);
}

static void add_ct(struct nft_text *t, const char *text, const cJSON *v)
{
    const char *dir = nft_member(v, "dir");
    nft_say(t, "ct %s%s%s", dir ? dir : "", dir ? " " : "", member(v, "key"));
}

static void add_fib(struct nft_text *t, const char *text, const cJSON *v)
{
    const cJSON *flags = cJSON_GetObjectItemCaseSensitive(v, "flags");
    nft_say(t, "fib ");
    if (cJSON_IsArray(flags))
        nft_each(t, flags, " . ");
    else
        nft_value(t, flags);
    nft_say(t, " %s", member(v, "result"));
}

/* Write a set or a map; an array in it is a pair of a map. */
static void add_set(struct nft_text *t, const char *text, const cJSON *v)
{
    const cJSON *one;
    nft_say(t, "{ ");
    cJSON_ArrayForEach(one, v)
    {
        if (t->cut) return;
        if (one != v->child) nft_say(t, ", ");
        if (cJSON_IsArray(one))
            nft_each(t, one, " : ");
        else
            nft_value(t, one);
    }
    nft_say(t, " }");
}

static void text_map(struct nft_text *t, const char *text, const cJSON *v)
{
    const cJSON *key = cJSON_GetObjectItemCaseSensitive(v, "key");
    nft_value(t, key);
    nft_say(t, " map ");
    nft_value_of(t, key, cJSON_GetObjectItemCaseSensitive(v, "data"));
}

/* Write a header of IPv6, or an option: its field or, for `exists` without a field, its name. Only a name has the
 * word `exthdr` before it. */
static void add_header(struct nft_text *t, const char *word, const cJSON *v)
{
    const char *field = nft_member(v, "field");
    if (nft_member(v, "base") || cJSON_GetObjectItemCaseSensitive(v, "base")) {
        nft_pattern(t, "{tcp option @|base}{,|offset}{,|len}", v);
        return;
    }
    if (field && !strcmp(word, "exthdr ")) word = "";
    nft_say(t, "%s%s%s%s", word, member(v, "name"), field ? " " : "", field ? field : "");
}

static void add_offset(struct nft_text *t, const cJSON *v)
{
    const cJSON *offset = cJSON_GetObjectItemCaseSensitive(v, "offset");
    if (cJSON_IsNumber(offset) && offset->valuedouble != 0) nft_say_member(t, " offset ", v, "offset");
}

static void add_numgen(struct nft_text *t, const char *text, const cJSON *v)
{
    nft_pattern(t, "{numgen |mode}{ mod |mod}", v);
    add_offset(t, v);
}

static void add_jhash(struct nft_text *t, const char *text, const cJSON *v)
{
    nft_pattern(t, "{jhash |expr}{ mod |mod}", v);
    t->look = LOOK_HEX;
    t->digits = 1;
    nft_say_member(t, " seed ", v, "seed");
    t->look = LOOK_PLAIN;
    add_offset(t, v);
}

static void add_symhash(struct nft_text *t, const char *text, const cJSON *v)
{
    nft_say_member(t, "symhash mod ", v, "mod");
    add_offset(t, v);
}

static void add_element(struct nft_text *t, const char *text, const cJSON *v)
{
    const enum nft_look look = t->look;
    nft_say_member(t, "", v, "val");
    t->look = LOOK_TIME;
    nft_say_member(t, " timeout ", v, "timeout");
    t->look = look;
}

static void add_target(struct nft_text *t, const char *word, const cJSON *v)
{
    nft_say(t, "%s %s", word, member(v, "target"));
}

/* Ways to write a kind. text: argument of `how`, a word or a pattern (nft_pattern) */
static const struct {
    const char *kind;
    void (*how)(struct nft_text *t, const char *text, const cJSON *v);
    const char *text;
} ways[] = {
    {"payload", add_payload, NULL},
    {"meta", add_meta, NULL},
    {"ct", add_ct, NULL},
    {"fib", add_fib, NULL},
    {"prefix", nft_pattern, "{|addr}{/|len}"},
    {"set", add_set, NULL},
    {"range", add_each, "-"},
    {"concat", add_each, " . "},
    {"elem", add_element, NULL},
    {"map", text_map, NULL},
    {"exthdr", add_header, "exthdr "},
    {"tcp option", add_header, "tcp option "},
    {"ip option", add_header, "ip option "},
    {"dccp option", nft_pattern, "{dccp option |type}"},
    {"sctp chunk", add_header, "sctp chunk "},
    {"numgen", add_numgen, NULL},
    {"jhash", add_jhash, NULL},
    {"symhash", add_symhash, NULL},
    {"socket", nft_pattern, "{socket |key}"},
    {"osf", nft_pattern, "osf{ ttl |ttl}{ |key}"},
    {"rt", nft_pattern, "rt{ |family}{ |key}"},
    {"ipsec", nft_pattern, "{ipsec |dir}{ spnum |spnum}{ |family}{ |key}"},
    {"jump", add_target, "jump"},
    {"goto", add_target, "goto"},
};

static bool is_operator(const char *kind)
{
    static const char *const operators[] = {"&", "|", "^", "<<", ">>"};
    return ROW_NAMED(operators, kind) < ROWS(operators);
}

/* Return the look of values that are compared with `left`. */
static enum nft_look look_of(const cJSON *left, unsigned *digits)
{
    static const char *const quoted[] = {"iif",     "oif",      "iifname", "oifname", "ibrname", "obrname", "iifkind",
                                         "oifkind", "sdifname", "day",     "hour",    "time",    "helper",  "name"};
    const cJSON *v;
    const char *kind = nft_kind(left, &v), *key = nft_member(v, "key"), *field = nft_member(v, "field");
    *digits = 8;
    if (kind && is_operator(kind) && v->child) return look_of(v->child, digits);
    if (!kind) return LOOK_PLAIN;
    if (key && (!strcmp(kind, "meta") || !strcmp(kind, "ct") || !strcmp(kind, "osf")) &&
        ROW_NAMED(quoted, key) < ROWS(quoted))
        return LOOK_QUOTED;
    if (key && !strcmp(key, "mark")) return LOOK_HEX;
    if (key && !strcmp(key, "expiration")) return LOOK_TIME;
    if (!strcmp(kind, "payload") && nft_member(v, "base")) {
        const cJSON *len = cJSON_GetObjectItemCaseSensitive(v, "len");
        *digits = cJSON_IsNumber(len) && len->valuedouble <= 64 ? (unsigned)len->valuedouble / 4 : 1;
        return LOOK_HEX;
    }
    *digits = 4;
    const bool type = field && !strcmp(field, "type") &&
                      (!strcmp(member(v, "protocol"), "ether") || !strcmp(member(v, "protocol"), "vlan"));
    return type || (key && !strcmp(key, "protocol")) ? LOOK_HEX : LOOK_PLAIN;
}

void nft_value_of(struct nft_text *t, const cJSON *of, const cJSON *v)
{
    const enum nft_look look = t->look;
    const unsigned digits = t->digits;
    t->look = look_of(of, &t->digits);
    nft_value(t, v);
    t->look = look;
    t->digits = digits;
}

/* Write operands; an operation within another has parentheses, except the first. */
static void add_operation(struct nft_text *t, const char *sign, const cJSON *v)
{
    const cJSON *one, *inside;
    const enum nft_look look = t->look;
    const unsigned digits = t->digits;
    t->look = look_of(v ? v->child : NULL, &t->digits);
    if (look == LOOK_HEX) t->look = look, t->digits = digits;
    cJSON_ArrayForEach(one, v)
    {
        const char *kind = nft_kind(one, &inside);
        const bool nested = kind && is_operator(kind) && strcmp(kind, sign) != 0;
        if (one != v->child) nft_say(t, " %s ", sign);
        if (nested) nft_say(t, "(");
        nft_value(t, one);
        if (nested) nft_say(t, ")");
    }
    t->look = look;
    t->digits = digits;
}

static void add_object(struct nft_text *t, const cJSON *v)
{
    const cJSON *value;
    const char *kind = nft_kind(v, &value);
    const size_t way = ROW_NAMED(ways, kind);
    if (way < ROWS(ways))
        ways[way].how(t, ways[way].text, value);
    else if (kind && is_operator(kind))
        add_operation(t, kind, value);
    else if (kind && cJSON_IsNull(value))
        nft_say(t, "%s", kind);
    else
        nft_json(t, v);
}

static void add_time(struct nft_text *t, double seconds)
{
    static const struct {
        uint64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    uint64_t left = seconds > 0 && seconds < 1e15 ? (uint64_t)seconds : 0;
    if (!left) nft_say(t, "0s");
    for (size_t i = 0; i < ROWS(units); i++) {
        if (left / units[i].seconds) nft_say(t, "%" PRIu64 "%c", left / units[i].seconds, units[i].unit);
        left %= units[i].seconds;
    }
}

static void text_of_number(struct nft_text *t, double n)
{
    if (t->look == LOOK_TIME)
        add_time(t, n);
    else if (t->look == LOOK_HEX && n >= 0 && n < 1.8e19)
        nft_say(t, "0x%0*" PRIx64, (int)t->digits, (uint64_t)n);
    else
        nft_say(t, "%.0f", n);
}

void nft_value(struct nft_text *t, const cJSON *v)
{
    if (cJSON_IsString(v))
        nft_say(t, t->look == LOOK_QUOTED && v->valuestring[0] != '@' ? "\"%s\"" : "%s", v->valuestring);
    else if (cJSON_IsNumber(v))
        text_of_number(t, v->valuedouble);
    else if (cJSON_IsBool(v))
        nft_say(t, cJSON_IsTrue(v) ? "exists" : "missing");
    else if (cJSON_IsArray(v))
        nft_each(t, v, ",");
    else if (v)
        add_object(t, v);
}
