/* Matches on what came before a packet: connections, kept sets and lists, marks */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compiler/import/iptables/reading.h"

struct states {
    struct list plain;
    bool dnat, snat;
};

static bool read_states(struct reading *r, const char *text, struct states *s)
{
    static const char *const plain[][2] = {{"NEW", "new"},
                                           {"ESTABLISHED", "established"},
                                           {"RELATED", "related"},
                                           {"INVALID", "invalid"},
                                           {"UNTRACKED", "untracked"}};
    for (const char *at = text;; at++) {
        const size_t len = strcspn(at, ",");
        bool known = false;
        for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
            if (len == strlen(plain[i][0]) && !strncasecmp(at, plain[i][0], len)) {
                list_word(&s->plain, plain[i][1], strlen(plain[i][1]), r->s->arena);
                known = true;
            }
        const bool dnat = len == 4 && !strncasecmp(at, "DNAT", len), snat = len == 4 && !strncasecmp(at, "SNAT", len);
        s->dnat |= dnat;
        s->snat |= snat;
        if (!known && !dnat && !snat) return reading_fault(r, "`%.60s` are not connection states", text);
        at += len;
        if (!*at) return true;
    }
}

/* Ask for one of the states, or for a translated destination. */
static void want_one_of(struct reading *r, const struct states *s)
{
    struct list others = s->plain;
    if (!s->dnat) {
        reading_want(r, ASK_STATE, s->plain);
        return;
    }
    struct choice *c = reading_choice(r);
    others.negated = true;
    if (c && s->plain.count) alternative_want(choice_next(c), ASK_STATE, s->plain);
    if (!c) return;
    struct alternative *a = choice_next(c);
    a->translated = true;
    a->has_apart = s->plain.count > 0;
    a->apart = (struct wanted){ASK_STATE, others};
}

static void want_none_of(struct reading *r, const struct states *s)
{
    r->rule.never |= r->rule.translated == MUST_BE && s->dnat;
    if (s->dnat) r->rule.translated = MUST_NOT_BE;
    if (s->plain.count) reading_want(r, ASK_STATE, s->plain);
}

static bool take_states(struct reading *r, const char *const *v)
{
    struct states s = {.plain = {.negated = r->inverted}};
    if (!read_states(r, v[0], &s)) return false;
    if (s.snat)
        rule_unsaid(&r->rule, "prey has no condition for translated sources");
    else if (r->inverted)
        want_none_of(r, &s);
    else
        want_one_of(r, &s);
    return true;
}

static bool take_connections(struct reading *r, const char *v, bool upto)
{
    if (r->conn.asked) rule_unsaid(&r->rule, "it has two limits of connections");
    r->conn.asked = true;
    r->conn.upto = upto != r->inverted;
    return reading_number(r, v, UINT32_MAX, "number of connections", &r->conn.over);
}

static bool take_conn_above(struct reading *r, const char *const *v) { return take_connections(r, v[0], false); }
static bool take_conn_upto(struct reading *r, const char *const *v) { return take_connections(r, v[0], true); }

static bool take_conn_mask(struct reading *r, const char *const *v)
{
    const unsigned bits = r->family == 4 ? 32 : 128;
    uint64_t n;
    if (!reading_number(r, v[0], bits, "prefix length", &n)) return false;
    r->conn.length = (unsigned)n;
    if (r->conn.length != bits) rule_unsaid(&r->rule, "prey counts connections of one address, not of a network");
    return true;
}

static bool take_conn_destination(struct reading *r, const char *const *v)
{
    r->conn.destination = true;
    return true;
}

static bool take_set(struct reading *r, const char *const *v)
{
    struct list l = {.negated = r->inverted, .set = ruleset_find_set(r->s, "ipset", v[0])};
    if (!l.set)
        rule_unsaid(&r->rule, import_format(r->s,
                                            "the file lacks the set `%.40s`: put the output of `ipset save`, for "
                                            "sets of addresses, before the tables",
                                            v[0]));
    else if (!strcmp(v[1], "src"))
        reading_want(r, ASK_FROM, l);
    else if (!strcmp(v[1], "dst"))
        reading_want(r, ASK_TO, l);
    else
        rule_unsaid(&r->rule, "prey has only sets of addresses");
    return true;
}

static bool take_recent_set(struct reading *r, const char *const *v)
{
    if (r->inverted)
        r->rule.never = true;
    else
        rule_apart(&r->rule, "prey keeps no list of sources");
    return true;
}

static bool take_recent_asked(struct reading *r, const char *const *v)
{
    rule_unsaid(&r->rule, "prey keeps no list of sources; a meter `per source` comes close");
    return true;
}

static const struct option of_state[] = {{"--state", 1, take_states}, {0}};
static const struct option of_conntrack[] = {
    {"--ctstate", 1, take_states}, {"--ctproto", 1, NULL},
    {"--ctorigsrc", 1, NULL},      {"--ctorigdst", 1, NULL},
    {"--ctreplsrc", 1, NULL},      {"--ctrepldst", 1, NULL},
    {"--ctorigsrcport", 1, NULL},  {"--ctorigdstport", 1, NULL},
    {"--ctreplsrcport", 1, NULL},  {"--ctrepldstport", 1, NULL},
    {"--ctstatus", 1, NULL},       {"--ctexpire", 1, NULL},
    {"--ctdir", 1, NULL},          {0},
};
static const struct option of_connlimit[] = {
    {"--connlimit-above", 1, take_conn_above},       {"--connlimit-upto", 1, take_conn_upto},
    {"--connlimit-mask", 1, take_conn_mask},         {"--connlimit-saddr", 0, reading_ignore},
    {"--connlimit-daddr", 0, take_conn_destination}, {0},
};
static const struct option of_set[] = {
    {"--match-set", 2, take_set},
    {"--return-nomatch", 0, NULL},
    {"--update-counters", 0, reading_ignore},
    {"--update-subcounters", 0, reading_ignore},
    {"--packets-eq", 1, NULL},
    {"--packets-lt", 1, NULL},
    {"--packets-gt", 1, NULL},
    {"--bytes-eq", 1, NULL},
    {"--bytes-lt", 1, NULL},
    {"--bytes-gt", 1, NULL},
    {0},
};
static const struct option of_recent[] = {
    {"--set", 0, take_recent_set},
    {"--rcheck", 0, take_recent_asked},
    {"--update", 0, take_recent_asked},
    {"--remove", 0, take_recent_asked},
    {"--seconds", 1, reading_ignore},
    {"--reap", 0, reading_ignore},
    {"--hitcount", 1, reading_ignore},
    {"--rttl", 0, reading_ignore},
    {"--name", 1, reading_ignore},
    {"--rsource", 0, reading_ignore},
    {"--rdest", 0, reading_ignore},
    {"--mask", 1, reading_ignore},
    {0},
};

const struct module matches_of_past[] = {
    {"conntrack", NULL, of_conntrack, NULL},
    {"state", NULL, of_state, NULL},
    {"connlimit", NULL, of_connlimit, NULL},
    {"set", NULL, of_set, NULL},
    {"recent", NULL, of_recent, NULL},
    {"mark", "prey has no condition for marks", NULL, NULL},
    {"connmark", "prey has no condition for marks", NULL, NULL},
    {"connlabel", "prey has no condition for connection labels", NULL, NULL},
    {"connbytes", "prey has no condition for the bytes of a connection", NULL, NULL},
    {"quota", "prey has no quotas", NULL, NULL},
    {"helper", "prey has no protocol helpers", NULL, NULL},
    {"socket", "prey has no condition for sockets", NULL, NULL},
    {"geoip", "prey has no countries; use a set of their addresses: `set NAME = file \"…\"`", NULL, NULL},
    {0},
};

void connlimit_finish(struct reading *r)
{
    if (!r->conn.asked || r->rule.unsaid) return;
    if (r->conn.destination)
        rule_unsaid(&r->rule, "prey counts connections only by source");
    else if (r->conn.upto)
        rule_unsaid(&r->rule, "prey's `flows over N` matches more connections than N, not fewer");
    else if (!r->conn.over)
        rule_unsaid(&r->rule, "prey's `flows over N` needs an N of at least 1");
    else {
        r->rule.flows_over = (uint32_t)(r->conn.over > 100000000 ? 100000000 : r->conn.over);
        rule_apart(&r->rule, "all connections of the source count here, not only those that reach this rule");
    }
}
