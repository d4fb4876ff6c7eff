/* Write a rule of the JSON nearly as nft would, for comments. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compiler/import/nft/nft_priv.h"
#include "compiler/import/rows.h"

static void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void text_add(struct text *t, const char *fmt, ...)
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

static void add_value(struct text *t, const cJSON *v);

static void add_each(struct text *t, const cJSON *list, const char *between)
{
    const cJSON *v;
    bool more = false;
    cJSON_ArrayForEach(v, list)
    {
        if (t->cut) return;
        if (more) text_add(t, "%s", between);
        more = true;
        add_value(t, v);
    }
}

static void add_json(struct text *t, const cJSON *v)
{
    char json[512];
    if (cJSON_PrintPreallocated((cJSON *)v, json, sizeof(json), false))
        text_add(t, "%s", json);
    else
        text_add(t, "...");
}

static void add_payload(struct text *t, const cJSON *v)
{
    const cJSON *offset = cJSON_GetObjectItem(v, "offset"), *len = cJSON_GetObjectItem(v, "len");
    if (nft_member(v, "base"))
        text_add(t, "@%s,%.0f,%.0f", nft_member(v, "base"), cJSON_GetNumberValue(offset), cJSON_GetNumberValue(len));
    else
        text_add(t, "%s %s", nft_member(v, "protocol") ? nft_member(v, "protocol") : "?",
                 nft_member(v, "field") ? nft_member(v, "field") : "?");
}

static void add_meta(struct text *t, const cJSON *v)
{
    const char *key = nft_member(v, "key");
    const bool alone = key && (!strncmp(key, "iif", 3) || !strncmp(key, "oif", 3));
    text_add(t, "%s%s", alone ? "" : "meta ", key ? key : "?");
}

static void add_ct(struct text *t, const cJSON *v)
{
    const char *dir = nft_member(v, "dir"), *key = nft_member(v, "key");
    text_add(t, "ct %s%s%s", dir ? dir : "", dir ? " " : "", key ? key : "?");
}

static void add_fib(struct text *t, const cJSON *v)
{
    text_add(t, "fib ");
    const cJSON *flags = cJSON_GetObjectItem(v, "flags");
    if (cJSON_IsArray(flags))
        add_each(t, flags, " . ");
    else
        add_value(t, flags);
    text_add(t, " %s", nft_member(v, "result") ? nft_member(v, "result") : "?");
}

static void add_prefix(struct text *t, const cJSON *v)
{
    add_value(t, cJSON_GetObjectItem(v, "addr"));
    text_add(t, "/%.0f", cJSON_GetNumberValue(cJSON_GetObjectItem(v, "len")));
}

/* Write a set or a map; an array in it is a pair of a map. */
static void add_set(struct text *t, const cJSON *v)
{
    const cJSON *one;
    text_add(t, "{ ");
    cJSON_ArrayForEach(one, v)
    {
        if (t->cut) return;
        if (one != v->child) text_add(t, ", ");
        if (cJSON_IsArray(one))
            add_each(t, one, " : ");
        else
            add_value(t, one);
    }
    text_add(t, " }");
}

static void add_map(struct text *t, const cJSON *v, const char *word)
{
    add_value(t, cJSON_GetObjectItem(v, "key"));
    text_add(t, " %s ", word);
    add_value(t, cJSON_GetObjectItem(v, "data"));
}

static void add_range(struct text *t, const cJSON *v) { add_each(t, v, "-"); }
static void add_concat(struct text *t, const cJSON *v) { add_each(t, v, " . "); }
static void add_and(struct text *t, const cJSON *v) { add_each(t, v, " & "); }
static void add_or(struct text *t, const cJSON *v) { add_each(t, v, "|"); }
static void add_element(struct text *t, const cJSON *v) { add_value(t, cJSON_GetObjectItem(v, "val")); }
static void add_value_map(struct text *t, const cJSON *v) { add_map(t, v, "map"); }
static void add_target(struct text *t, const cJSON *v)
{
    text_add(t, "%s", nft_member(v, "target") ? nft_member(v, "target") : "?");
}

static void add_object(struct text *t, const cJSON *v)
{
    static const struct {
        const char *kind;
        void (*how)(struct text *t, const cJSON *v);
    } ways[] = {{"payload", add_payload}, {"meta", add_meta}, {"ct", add_ct},        {"fib", add_fib},
                {"prefix", add_prefix},   {"set", add_set},   {"range", add_range},  {"concat", add_concat},
                {"&", add_and},           {"|", add_or},      {"elem", add_element}, {"map", add_value_map}};
    const cJSON *value;
    const char *kind = nft_kind(v, &value);
    const size_t way = ROW_NAMED(ways, kind);
    if (way < ROWS(ways))
        ways[way].how(t, value);
    else if (kind && cJSON_IsNull(value))
        text_add(t, "%s", kind);
    else if (kind && (!strcmp(kind, "jump") || !strcmp(kind, "goto"))) {
        text_add(t, "%s ", kind);
        add_target(t, value);
    } else
        add_json(t, v);
}

static void add_value(struct text *t, const cJSON *v)
{
    if (cJSON_IsString(v))
        text_add(t, "%s", v->valuestring);
    else if (cJSON_IsNumber(v))
        text_add(t, "%.0f", v->valuedouble);
    else if (cJSON_IsBool(v))
        text_add(t, cJSON_IsTrue(v) ? "exists" : "missing");
    else if (cJSON_IsArray(v))
        add_each(t, v, ",");
    else if (v)
        add_object(t, v);
}

static void add_match(struct text *t, const cJSON *v)
{
    const char *op = nft_member(v, "op");
    const cJSON *left = cJSON_GetObjectItem(v, "left");
    const bool plain = op && (!strcmp(op, "==") || !strcmp(op, "in")) && !cJSON_GetObjectItem(left, "&");
    add_value(t, left);
    if (op && !plain) text_add(t, " %s", op);
    text_add(t, " ");
    add_value(t, cJSON_GetObjectItem(v, "right"));
}

static void add_log(struct text *t, const cJSON *v)
{
    text_add(t, "log");
    if (nft_member(v, "prefix")) text_add(t, " prefix \"%s\"", nft_member(v, "prefix"));
}

static void add_limit(struct text *t, const cJSON *v)
{
    if (cJSON_IsString(v)) {
        text_add(t, "limit name %s", v->valuestring);
        return;
    }
    const char *unit = nft_member(v, "rate_unit"), *per = nft_member(v, "per");
    text_add(t, "limit rate %s%.0f%s%s/%s", cJSON_IsTrue(cJSON_GetObjectItem(v, "inv")) ? "over " : "",
             cJSON_GetNumberValue(cJSON_GetObjectItem(v, "rate")), unit ? " " : "", unit ? unit : "", per ? per : "?");
}

static void add_count(struct text *t, const cJSON *v)
{
    text_add(t, "ct count %s%.0f", cJSON_IsTrue(cJSON_GetObjectItem(v, "inv")) ? "over " : "",
             cJSON_GetNumberValue(cJSON_GetObjectItem(v, "val")));
}

/* Write `add @set { ip saddr limit rate ... }`. */
static void add_filling(struct text *t, const cJSON *v)
{
    const cJSON *stmt = cJSON_GetObjectItem(v, "stmt");
    text_add(t, "%s %s { ", nft_member(v, "op") ? nft_member(v, "op") : "meter",
             nft_member(v, "set")    ? nft_member(v, "set")
             : nft_member(v, "name") ? nft_member(v, "name")
                                     : "?");
    add_value(t, cJSON_GetObjectItem(v, "elem") ? cJSON_GetObjectItem(v, "elem") : cJSON_GetObjectItem(v, "key"));
    for (const cJSON *one = cJSON_IsArray(stmt) ? stmt->child : stmt; one;
         one = cJSON_IsArray(stmt) ? one->next : NULL) {
        text_add(t, " ");
        text_statement(t, one);
    }
    text_add(t, " }");
}

static bool is_translation(const char *kind)
{
    return !strcmp(kind, "snat") || !strcmp(kind, "dnat") || !strcmp(kind, "masquerade") || !strcmp(kind, "redirect");
}

static void add_translation(struct text *t, const char *kind, const cJSON *v)
{
    const cJSON *addr = cJSON_GetObjectItem(v, "addr"), *port = cJSON_GetObjectItem(v, "port");
    text_add(t, "%s%s", kind, addr || port ? " to " : "");
    add_value(t, addr);
    if (port) text_add(t, ":");
    add_value(t, port);
}

static void add_copy(struct text *t, const cJSON *v)
{
    const cJSON *to = cJSON_GetObjectItem(v, "addr"), *device = cJSON_GetObjectItem(v, "dev");
    text_add(t, "dup%s", to ? " to " : "");
    add_value(t, to);
    if (device) text_add(t, " device ");
    add_value(t, device);
}

void text_statement(struct text *t, const cJSON *statement)
{
    const cJSON *v;
    const char *kind = nft_kind(statement, &v);
    if (!kind)
        add_json(t, statement);
    else if (!strcmp(kind, "match"))
        add_match(t, v);
    else if (!strcmp(kind, "vmap"))
        add_map(t, v, "vmap");
    else if (!strcmp(kind, "log"))
        add_log(t, v);
    else if (!strcmp(kind, "limit"))
        add_limit(t, v);
    else if (!strcmp(kind, "counter"))
        text_add(t, "counter");
    else if (!strcmp(kind, "ct count"))
        add_count(t, v);
    else if (!strcmp(kind, "meter") || (!strcmp(kind, "set") && cJSON_IsObject(v)))
        add_filling(t, v);
    else if (!strcmp(kind, "reject"))
        text_add(t, "reject%s%s", nft_member(v, "expr") || nft_member(v, "type") ? " with " : "",
                 nft_member(v, "expr")   ? nft_member(v, "expr")
                 : nft_member(v, "type") ? nft_member(v, "type")
                                         : "");
    else if (!strcmp(kind, "dup"))
        add_copy(t, v);
    else if (is_translation(kind))
        add_translation(t, kind, v);
    else if (!strcmp(kind, "mangle")) {
        add_value(t, cJSON_GetObjectItem(v, "key"));
        text_add(t, " set ");
        add_value(t, cJSON_GetObjectItem(v, "value"));
    } else
        add_object(t, statement);
}

void text_rule(struct text *t, const cJSON *statements)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, statements)
    {
        if (t->len) text_add(t, " ");
        text_statement(t, one);
        if (t->cut) return;
    }
}
