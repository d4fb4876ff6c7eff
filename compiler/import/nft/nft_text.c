/* Rules of the JSON as `nft list ruleset` writes them, without the values of counters: for comments. */
#include <string.h>

#include "compiler/import/nft/nft_priv.h"
#include "compiler/import/rows.h"

static bool is_true(const cJSON *o, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static void add_match(struct nft_text *t, const char *text, const cJSON *v)
{
    const char *op = nft_member(v, "op") ? nft_member(v, "op") : "==";
    const cJSON *left = cJSON_GetObjectItemCaseSensitive(v, "left"),
                *right = cJSON_GetObjectItemCaseSensitive(v, "right"),
                *masked = cJSON_GetObjectItemCaseSensitive(left, "&");
    if (masked && masked->child && masked->child->next && (cJSON_IsArray(right) || cJSON_IsString(right)) &&
        nft_member(cJSON_GetObjectItemCaseSensitive(masked->child, "payload"), "field") &&
        !strcmp(nft_member(cJSON_GetObjectItemCaseSensitive(masked->child, "payload"), "field"), "flags")) {
        /* `tcp flags syn / syn,ack`: the value, and the bits that are compared */
        nft_value(t, masked->child);
        if (!strcmp(op, "!=")) nft_say(t, " !=");
        nft_say(t, " ");
        nft_value(t, right);
        nft_say(t, " / ");
        nft_value(t, masked->child->next);
        return;
    }
    nft_value(t, left);
    if (masked || (strcmp(op, "==") != 0 && strcmp(op, "in") != 0)) nft_say(t, " %s", op);
    nft_say(t, " ");
    nft_value_of(t, left, right);
}

static void add_vmap(struct nft_text *t, const char *text, const cJSON *v)
{
    const cJSON *key = cJSON_GetObjectItemCaseSensitive(v, "key");
    nft_value(t, key);
    nft_say(t, " vmap ");
    nft_value_of(t, key, cJSON_GetObjectItemCaseSensitive(v, "data"));
}

static void add_quoted(struct nft_text *t, const char *word, const cJSON *v)
{
    t->look = LOOK_QUOTED;
    nft_say(t, "%s", word);
    nft_value(t, v);
    t->look = LOOK_PLAIN;
}

static void add_log(struct nft_text *t, const char *text, const cJSON *v)
{
    const char *level = nft_member(v, "level");
    nft_say(t, "log");
    if (nft_member(v, "prefix")) add_quoted(t, " prefix ", cJSON_GetObjectItemCaseSensitive(v, "prefix"));
    if (level && strcmp(level, "warn") != 0) nft_say(t, " level %s", level);
    nft_pattern(t, "{ group |group}{ snaplen |snaplen}{ queue-threshold |queue-threshold}{ flags |flags}", v);
}

static void add_limit(struct nft_text *t, const char *text, const cJSON *v)
{
    const cJSON *burst = cJSON_GetObjectItemCaseSensitive(v, "burst");
    const char *unit = nft_member(v, "burst_unit");
    if (cJSON_IsString(v)) {
        add_quoted(t, "limit name ", v);
        return;
    }
    nft_say(t, "limit rate %s", is_true(v, "inv") ? "over " : "");
    nft_pattern(t, "{|rate}{ |rate_unit}{/|per}", v);
    if (!cJSON_IsNumber(burst) || burst->valuedouble == 0) return;
    nft_say_member(t, " burst ", v, "burst");
    nft_say(t, " %s", unit ? unit : "packets");
}

static void add_quota(struct nft_text *t, const char *text, const cJSON *v)
{
    if (cJSON_IsString(v)) {
        add_quoted(t, "quota name ", v);
        return;
    }
    nft_say(t, "quota %s", is_true(v, "inv") ? "over " : "");
    nft_pattern(t, "{|val}{ |val_unit}", v);
}

static void add_counter(struct nft_text *t, const char *text, const cJSON *v)
{
    if (cJSON_IsString(v))
        add_quoted(t, "counter name ", v);
    else
        nft_say(t, "counter");
}

static void add_count(struct nft_text *t, const char *text, const cJSON *v)
{
    nft_say(t, "ct count %s", is_true(v, "inv") ? "over " : "");
    nft_say_member(t, "", v, "val");
}

static void add_statements(struct nft_text *t, const cJSON *stmt)
{
    const bool many = cJSON_IsArray(stmt);
    for (const cJSON *one = many ? stmt->child : stmt; one && !t->cut; one = many ? one->next : NULL) {
        nft_say(t, " ");
        nft_statement(t, one);
    }
}

/* Write `add @set { ip saddr limit rate ... }`. */
static void add_filling(struct nft_text *t, const char *text, const cJSON *v)
{
    const char *set = nft_member(v, "set") ? nft_member(v, "set") : nft_member(v, "map");
    if (cJSON_IsString(v)) {
        nft_value(t, v);
        return;
    }
    nft_say(t, "%s %s { ", nft_member(v, "op") ? nft_member(v, "op") : "meter",
            set                     ? set
            : nft_member(v, "name") ? nft_member(v, "name")
                                    : "?");
    nft_pattern(t, "{|elem}{|key}", v);
    add_statements(t, cJSON_GetObjectItemCaseSensitive(v, "stmt"));
    nft_say_member(t, " : ", v, "data");
    nft_say(t, " }");
}

static void add_reject(struct nft_text *t, const char *text, const cJSON *v)
{
    const char *type = nft_member(v, "type"), *expr = nft_member(v, "expr");
    nft_say(t, "reject%s%s%s%s", type || expr ? " with " : "", type ? type : "", type && expr ? " " : "",
            expr ? expr : "");
}

static void add_translation(struct nft_text *t, const char *kind, const cJSON *v)
{
    const cJSON *addr = cJSON_GetObjectItemCaseSensitive(v, "addr"),
                *port = cJSON_GetObjectItemCaseSensitive(v, "port");
    nft_say(t, "%s", kind);
    nft_pattern(t, "{ |family}{ |type_flags}", v);
    if (addr || port) nft_say(t, " to ");
    /* an address and a port: `192.0.2.1:80`, `[2001:db8::1]:80` */
    const bool brackets = port && cJSON_IsString(addr) && strchr(addr->valuestring, ':');
    nft_say(t, brackets ? "[" : "");
    nft_value(t, addr);
    nft_say(t, brackets ? "]" : "");
    nft_pattern(t, "{:|port}{ |flags}", v);
}

static void add_sent(struct nft_text *t, const char *kind, const cJSON *v)
{
    const cJSON *addr = cJSON_GetObjectItemCaseSensitive(v, "addr"), *by = cJSON_GetObjectItemCaseSensitive(v, "dev");
    nft_say(t, "%s", kind);
    nft_say_member(t, " ", v, "family");
    if (addr) nft_say(t, " to ");
    nft_value(t, addr);
    if (by) add_quoted(t, addr ? " device " : " to ", by);
}

static void add_synproxy(struct nft_text *t, const char *text, const cJSON *v)
{
    if (cJSON_IsString(v)) {
        add_quoted(t, "synproxy name ", v);
        return;
    }
    nft_pattern(t, "synproxy{ mss |mss}{ wscale |wscale}", v);
    const cJSON *flags = cJSON_GetObjectItemCaseSensitive(v, "flags");
    if (flags) nft_say(t, " ");
    if (cJSON_IsArray(flags))
        nft_each(t, flags, " ");
    else
        nft_value(t, flags);
}

static void add_mangle(struct nft_text *t, const char *text, const cJSON *v)
{
    const cJSON *key = cJSON_GetObjectItemCaseSensitive(v, "key");
    nft_value(t, key);
    nft_say(t, " set ");
    nft_value_of(t, key, cJSON_GetObjectItemCaseSensitive(v, "value"));
}

static void add_xt(struct nft_text *t, const char *text, const cJSON *v)
{
    nft_say_member(t, "xt ", v, "type");
    add_quoted(t, " ", cJSON_GetObjectItemCaseSensitive(v, "name"));
}

/* Ways to write a kind. text: argument of `how`, a word or a pattern (nft_pattern) */
static const struct {
    const char *kind;
    void (*how)(struct nft_text *t, const char *text, const cJSON *v);
    const char *text;
} ways[] = {
    {"match", add_match, NULL},
    {"vmap", add_vmap, NULL},
    {"log", add_log, NULL},
    {"limit", add_limit, NULL},
    {"quota", add_quota, NULL},
    {"counter", add_counter, NULL},
    {"ct count", add_count, NULL},
    {"ct helper", add_quoted, "ct helper set "},
    {"ct timeout", add_quoted, "ct timeout set "},
    {"ct expectation", add_quoted, "ct expectation set "},
    {"secmark", add_quoted, "meta secmark set "},
    {"meter", add_filling, NULL},
    {"set", add_filling, NULL},
    {"reject", add_reject, NULL},
    {"dnat", add_translation, "dnat"},
    {"snat", add_translation, "snat"},
    {"masquerade", add_translation, "masquerade"},
    {"redirect", add_translation, "redirect"},
    {"tproxy", add_translation, "tproxy"},
    {"dup", add_sent, "dup"},
    {"fwd", add_sent, "fwd"},
    {"queue", nft_pattern, "queue{ flags |flags}{ to |num}"},
    {"synproxy", add_synproxy, NULL},
    {"flow", nft_pattern, "{flow |op}{ |flowtable}"},
    {"mangle", add_mangle, NULL},
    {"last", nft_pattern, "last"},
    {"xt", add_xt, NULL},
};

void nft_statement(struct nft_text *t, const cJSON *statement)
{
    const cJSON *v;
    const char *kind = nft_kind(statement, &v);
    const size_t way = ROW_NAMED(ways, kind);
    t->look = LOOK_PLAIN;
    if (!kind)
        nft_json(t, statement);
    else if (way < ROWS(ways))
        ways[way].how(t, ways[way].text, v);
    else
        nft_value(t, statement);
}

void nft_rule(struct nft_text *t, const cJSON *statements)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, statements)
    {
        if (t->len) nft_say(t, " ");
        nft_statement(t, one);
        if (t->cut) return;
    }
}
