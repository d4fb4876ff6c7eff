/* Matches on earlier packets: connections, kept sets and lists, marks */
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
        if (!known && !dnat && !snat) return reading_fault(r, "`%.60s` aren't connection states", text);
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

static bool take_states(struct reading *r, const struct option *o, const char *const *v)
{
    struct states s = {.plain = {.negated = r->inverted}};
    if (!read_states(r, v[0], &s)) return false;
    if (s.snat) {
        rule_unsaid(&r->rule, "prey has no condition for translated sources");
    } else if (r->inverted) {
        r->rule.never |= r->rule.translated == MUST_BE && s.dnat;
        if (s.dnat) r->rule.translated = MUST_NOT_BE;
        if (s.plain.count) reading_want(r, ASK_STATE, s.plain);
    } else {
        want_one_of(r, &s);
    }
    return true;
}

static bool take_connections(struct reading *r, const struct option *o, const char *const *v)
{
    if (r->conn.asked) rule_unsaid(&r->rule, "the rule has two limits of connections");
    r->conn.asked = true;
    r->conn.upto = o->above == r->inverted;
    return reading_number(r, v[0], UINT32_MAX, "number of connections", &r->conn.over);
}

static bool take_conn_mask(struct reading *r, const struct option *o, const char *const *v)
{
    const unsigned bits = r->family == 4 ? 32 : 128;
    uint64_t n;
    if (!reading_number(r, v[0], bits, "prefix length", &n)) return false;
    r->conn.length = (unsigned)n;
    r->conn.masked = n != bits;
    return true;
}

static bool take_set(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {.negated = r->inverted, .set = reading_set(r, v[0])};
    if (l.set) l.set->asked = true;
    if (!l.set)
        rule_unsaid(
            &r->rule,
            import_format(r->s, "the file has no set `%.40s`: put the output of `ipset save` before the tables", v[0]));
    else if (!strcmp(v[1], "src"))
        reading_want(r, ASK_FROM, l);
    else if (!strcmp(v[1], "dst"))
        reading_want(r, ASK_TO, l);
    else
        rule_unsaid(&r->rule, "prey has only sets of addresses");
    return true;
}

static bool take_recent_set(struct reading *r, const struct option *o, const char *const *v)
{
    if (r->inverted)
        r->rule.never = true;
    else
        rule_apart(&r->rule, "prey keeps no list of sources");
    return true;
}

static const char remembered[] = "prey keeps no list of sources; a meter `per source` is similar";

static const struct option of_state[] = {{"--state", 1, .take = take_states}, {0}};
static const struct option of_conntrack[] = {
    {"--ctstate", 1, .take = take_states},
    {"--ctproto", .values = 1},
    {"--ctorigsrc", .values = 1},
    {"--ctorigdst", .values = 1},
    {"--ctreplsrc", .values = 1},
    {"--ctrepldst", .values = 1},
    {"--ctorigsrcport", .values = 1},
    {"--ctorigdstport", .values = 1},
    {"--ctreplsrcport", .values = 1},
    {"--ctrepldstport", .values = 1},
    {"--ctstatus", .values = 1},
    {"--ctexpire", .values = 1},
    {"--ctdir", .values = 1},
    {0},
};
static const struct option of_connlimit[] = {
    {"--connlimit-above", 1, .take = take_connections, .above = true},
    {"--connlimit-upto", 1, .take = take_connections},
    {"--connlimit-mask", 1, .take = take_conn_mask},
    {"--connlimit-saddr", 0, .take = take_nothing},
    {"--connlimit-daddr", 0, .take = take_flag, .into = offsetof(struct reading, conn.destination)},
    {0},
};
static const struct option of_set[] = {
    {"--match-set", 2, .take = take_set},
    {.name = "--return-nomatch"},
    {"--update-counters", 0, .take = take_nothing},
    {"--update-subcounters", 0, .take = take_nothing},
    {"--packets-eq", .values = 1},
    {"--packets-lt", .values = 1},
    {"--packets-gt", .values = 1},
    {"--bytes-eq", .values = 1},
    {"--bytes-lt", .values = 1},
    {"--bytes-gt", .values = 1},
    {0},
};
static const struct option of_recent[] = {
    {"--set", 0, .take = take_recent_set},
    {"--rcheck", .why = remembered},
    {"--update", .why = remembered},
    {"--remove", .why = remembered},
    {"--seconds", 1, .take = take_nothing},
    {"--reap", 0, .take = take_nothing},
    {"--hitcount", 1, .take = take_nothing},
    {"--rttl", 0, .take = take_nothing},
    {"--name", 1, .take = take_nothing},
    {"--rsource", 0, .take = take_nothing},
    {"--rdest", 0, .take = take_nothing},
    {"--mask", 1, .take = take_nothing},
    {0},
};

const struct module matches_of_past[] = {
    {"conntrack", .options = of_conntrack},
    {"state", .options = of_state},
    {"connlimit", .options = of_connlimit},
    {"set", .options = of_set},
    {"recent", .options = of_recent},
    {"mark", .why = "prey has no condition for marks"},
    {"connmark", .why = "prey has no condition for marks"},
    {"connlabel", .why = "prey has no condition for connection labels"},
    {"connbytes", .why = "prey has no condition for the bytes of a connection"},
    {"quota", .why = "prey has no quotas"},
    {"helper", .why = "prey has no protocol helpers"},
    {"socket", .why = "prey has no condition for sockets"},
    {"geoip", .why = "prey has no countries; use a set of their addresses: `set NAME = file \"…\"`"},
    {0},
};

void connlimit_finish(struct reading *r)
{
    if (!r->conn.asked || r->rule.unsaid) return;
    if (r->conn.destination)
        rule_unsaid(&r->rule, "prey counts connections only per source");
    else if (r->conn.upto)
        rule_unsaid(&r->rule, "prey's `flows over N` matches more than N connections, not fewer");
    else if (!r->conn.over)
        rule_unsaid(&r->rule, "prey's `flows over N` needs an N of at least 1");
    else
        rule_want_flows(&r->rule, r->conn.over, r->conn.masked && r->family == 4 ? r->conn.length : 32,
                        r->conn.masked && r->family == 6 ? r->conn.length : 128);
}
