/* Statements of a rule, one after another */
#include <string.h>

#include "compiler/import/nft/nft_priv.h"
#include "compiler/import/rows.h"

static void act(struct reading_rule *r, enum act what)
{
    for (struct rule *one = r->first; one; one = one->next) one->act = what;
}

static void jump(struct reading_rule *r, enum act what, const char *target)
{
    const char *name = import_format(r->nft->s, "%s", target);
    act(r, what);
    for (struct rule *one = r->first; one; one = one->next) one->target = name;
}

bool read_verdict(struct reading_rule *r, const char *kind, const cJSON *value)
{
    const char *target = nft_member(value, "target");
    if (!strcmp(kind, "accept"))
        act(r, ACT_ACCEPT);
    else if (!strcmp(kind, "drop"))
        act(r, ACT_DROP);
    else if (!strcmp(kind, "return"))
        act(r, ACT_RETURN);
    else if (!strcmp(kind, "continue"))
        act(r, ACT_NONE);
    else if (!strcmp(kind, "jump") && target)
        jump(r, ACT_JUMP, target);
    else if (!strcmp(kind, "goto") && target)
        jump(r, ACT_GOTO, target);
    else
        return false;
    return true;
}

/* Read a reject. Its reply becomes a reset, a prohibition or, from all other ICMP errors, unreachable. */
static void read_reject(struct reading_rule *r, const cJSON *value)
{
    const char *type = nft_member(value, "type"), *with = nft_member(value, "expr");
    const bool prohibited = with && strstr(with, "prohibited");
    act(r, ACT_REJECT);
    for (struct rule *one = r->first; one; one = one->next)
        one->answer = type && !strcmp(type, "tcp reset") ? ANSWER_RST
                      : prohibited                       ? ANSWER_PROHIBITED
                                                         : ANSWER_UNREACHABLE;
}

void reading_go_on(struct reading_rule *r)
{
    struct rule *first = NULL, *last = r->first;
    uint64_t rules = 1;
    for (; last->next; last = last->next) rules++;
    for (const struct rule *one = r->first; rules--; one = one->next) {
        struct rule *again = chain_rule_again(r->nft->s, r->chain, one);
        r->full |= !again;
        if (!again) return;
        again->log = false;
        again->prefix = again->target = again->apart = NULL;
        again->act = ACT_NONE;
        again->adding = (struct adding){.to = NULL};
        again->comment = NULL;
        if (!first) first = again;
    }
    r->first = first;
    r->slot = &last->next;
}

/* End a rule with `log` before a statement that may match fewer packets: logging becomes a separate rule. */
static void end_logging(struct reading_rule *r)
{
    if (r->first->log && !r->first->unsaid) reading_go_on(r);
}

/* Read a copy: `dup to ADDRESS device DEVICE`, or at a device's ingress `dup to DEVICE`. */
static void read_dup(struct reading_rule *r, const cJSON *value)
{
    const char *to = nft_member(value, "addr"), *device = nft_member(value, "dev");
    if (to && !device && r->chain->hook == HOOK_INGRESS) device = to, to = NULL;
    if (!device) {
        read_apart(r, "prey's `mirror to` copies frames to a device, not to an address");
        return;
    }
    end_logging(r);
    if (r->full) return;
    jump(r, ACT_MIRROR, device);
    if (to) read_apart(r, "the copies keep their MAC addresses, and aren't routed to the address");
    r->copied = true;
}

static void read_log(struct reading_rule *r, const cJSON *value)
{
    const char *prefix = nft_member(value, "prefix");
    end_logging(r);
    for (struct rule *one = r->first; one; one = one->next) {
        one->log = true;
        one->prefix = prefix ? import_format(r->nft->s, "%s", prefix) : NULL;
    }
}

static void read_counter(struct reading_rule *r, const cJSON *value)
{
    const char *name = cJSON_IsString(value) ? import_format(r->nft->s, "%s", value->valuestring) : NULL;
    r->counts = true;
    for (struct rule *one = r->first; name && one; one = one->next) one->name = name;
}

/* Read a change of a field. prey changes segment sizes only, and not by rules. */
static void read_mangle(struct reading_rule *r, const cJSON *value)
{
    const cJSON *key = cJSON_GetObjectItemCaseSensitive(value, "key"), *inside,
                *to = cJSON_GetObjectItemCaseSensitive(value, "value");
    const char *kind = nft_kind(key, &inside), *option = nft_member(inside, "name");
    if (!kind || strcmp(kind, "tcp option") != 0 || !option || strcmp(option, "maxseg") != 0) {
        r->nft->s->sets_marks |= kind && !strcmp(kind, "meta");
        read_apart(r, "prey's rules can't set marks or change fields");
        return;
    }
    const bool fixed = cJSON_IsNumber(to) && to->valuedouble >= 536 && to->valuedouble <= 65495;
    for (struct rule *one = r->first; one; one = one->next) one->clamp = fixed ? (uint16_t)to->valuedouble : 1;
    act(r, ACT_SILENT);
}

static void ignore(struct reading_rule *r, const cJSON *value)
{
    if (r->first->act == ACT_NONE && !r->first->log) act(r, ACT_SILENT);
}

static const struct statement_row {
    const char *kind;
    void (*read)(struct reading_rule *r, const cJSON *value);
    bool asks;       /* not every packet passes the statement */
    const char *why; /* reason if read is NULL; it applies to the rule if `asks`, else to a part */
} rows[] = {
    {"match", read_match, true, NULL},
    {"limit", read_limit, true, NULL},
    {"set", read_set_statement, true, NULL},
    {"meter", read_set_statement, true, NULL},
    {"ct count", NULL, true, "prey counts connections only per source"},
    {"vmap", read_verdict_map, true, NULL},
    {"xt", NULL, true, "nft doesn't show this extension of iptables: import the output of iptables-save"},
    {"log", read_log, false, NULL},
    {"counter", read_counter, false, NULL},
    {"reject", read_reject, false, NULL},
    {"mangle", read_mangle, false, NULL},
    {"flow", ignore, false, NULL},
    {"last", ignore, false, NULL},
    {"notrack", NULL, false, "prey tracks every connection"},
    {"dup", read_dup, false, NULL},
    {"ct helper", NULL, false, "prey has no equivalent"},
    {"ct timeout", NULL, false, "prey has no equivalent"},
    {"ct expectation", NULL, false, "prey has no equivalent"},
    {"secmark", NULL, false, "prey has no equivalent"},
};

void read_statement(struct reading_rule *r, const cJSON *statement)
{
    const cJSON *value;
    const char *kind = nft_kind(statement, &value);
    for (const struct rule *one = r->first; one; one = one->next) ruleset_spend(r->nft->s, 1);
    if (!kind) {
        read_unsaid(r, "the rule has an unknown statement");
        return;
    }
    if (r->copied && !r->first->unsaid && strcmp(kind, "counter") != 0) reading_go_on(r);
    r->copied &= !strcmp(kind, "counter");
    if (r->full) return;
    const size_t at = ROW_NAMED(rows, kind);
    if (at == ROWS(rows)) {
        if (!read_verdict(r, kind, value) && !read_translation(r, kind, value))
            read_unsaid(r, import_format(r->nft->s, "prey has no equivalent of `%.40s`", kind));
        return;
    }
    if (rows[at].asks) end_logging(r);
    if (r->full) return;
    if (rows[at].why)
        (rows[at].asks ? read_unsaid : read_apart)(r, rows[at].why);
    else
        rows[at].read(r, value);
}
