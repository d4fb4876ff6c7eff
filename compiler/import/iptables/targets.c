/* Targets of a rule (reading.h) */
#include <stdlib.h>
#include <string.h>

#include "compiler/import/iptables/reading.h"
#include "compiler/import/rows.h"

/* Begin a REJECT. Its default is port-unreachable, also for TCP. */
static bool begin_reject(struct reading *r, const struct module *m)
{
    r->rule.answer = ANSWER_UNREACHABLE;
    return true;
}

static bool take_answer(struct reading *r, const struct option *o, const char *const *v)
{
    static const struct {
        const char *name;
        bool prohibited, near;
    } answers[] = {
        {"icmp-port-unreachable", false, false},
        {"port-unreach", false, false},
        {"icmp6-port-unreachable", false, false},
        {"icmp-admin-prohibited", true, false},
        {"admin-prohib", true, false},
        {"icmp6-adm-prohibited", true, false},
        {"adm-prohibited", true, false},
        {"icmp-net-unreachable", false, true},
        {"icmp-host-unreachable", false, true},
        {"icmp-proto-unreachable", false, true},
        {"icmp6-no-route", false, true},
        {"icmp6-addr-unreachable", false, true},
        {"icmp-net-prohibited", true, true},
        {"icmp-host-prohibited", true, true},
        {"icmp6-policy-fail", true, true},
        {"icmp6-reject-route", true, true},
    };
    if (!strcmp(v[0], "tcp-reset") || !strcmp(v[0], "tcp-rst")) {
        r->rule.answer = ANSWER_RST;
        return true;
    }
    const size_t i = ROW_NAMED(answers, v[0]);
    if (i < ROWS(answers)) r->rule.answer = answers[i].prohibited ? ANSWER_PROHIBITED : ANSWER_UNREACHABLE;
    if (i == ROWS(answers))
        rule_apart(&r->rule, import_format(r->s, "the answer `%.60s`", v[0]));
    else if (answers[i].near)
        rule_apart(&r->rule, import_format(r->s, "prey's reply `%s` has another code", v[0]));
    return true;
}

static bool begin_log(struct reading *r, const struct module *m) { return r->rule.log = true; }

/* Begin a translation. A NETMAP translates the source if the chain's packets leave, and the destination if they
 * arrive. */
static bool begin_translation(struct reading *r, const struct module *m)
{
    const bool leaves = !strcmp(r->chain, "POSTROUTING") || !strcmp(r->chain, "INPUT");
    r->rule.nat.how = m->how == NAT_PREFIX_DESTINATION && leaves ? NAT_PREFIX_SOURCE : m->how;
    if (!r->nat) rule_unsaid(&r->rule, "the rule translates outside the table nat");
    return true;
}

static bool want_ports_of(struct reading *r, const char *text)
{
    const size_t len = strcspn(text, "-");
    char first[8] = {0};
    uint64_t lo, hi;
    if (len < sizeof(first)) memcpy(first, text, len);
    if (!reading_number(r, first, 65535, "port", &lo)) return false;
    hi = lo;
    if (text[len] && !reading_number(r, text + len + 1, 65535, "port", &hi)) return false;
    if (!lo || hi < lo) return reading_fault(r, "`%.60s` isn't a range of ports", text);
    r->rule.nat.port_lo = (uint16_t)lo;
    r->rule.nat.port_hi = (uint16_t)hi;
    return true;
}

/* Take an address or range as target. An IPv6 address before a port has brackets. */
static bool want_target(struct reading *r, const char *text, size_t len)
{
    struct list l = {0};
    char plain[128];
    size_t n = 0;
    for (size_t i = 0; i < len && n < sizeof(plain) - 1; i++)
        if (text[i] != '[' && text[i] != ']') plain[n++] = text[i];
    if (!list_address(&l, plain, n, r->s->arena) || l.of[0].family != r->family)
        return reading_fault(r, "`%.60s` isn't an address or ports to translate to", text);
    r->rule.nat.to = l.of[0];
    return true;
}

/* Take ADDRESS[-ADDRESS][:PORT[-PORT]] or :PORT only. An IPv6 address before a port has brackets. */
static bool take_to(struct reading *r, const struct option *o, const char *const *v)
{
    const char *colon = r->family == 4 ? strchr(v[0], ':') : NULL;
    const char *bracket = strrchr(v[0], ']');
    if (bracket && bracket[1] == ':') colon = bracket + 1;
    if (v[0][0] == ':' && v[0][1] >= '0' && v[0][1] <= '9' && !strchr(v[0] + 1, ':')) colon = v[0];
    const size_t len = colon ? (size_t)(colon - v[0]) : strlen(v[0]);
    /* `1000-1100/2000` shifts ports */
    if (colon && strchr(colon, '/')) {
        rule_unsaid(&r->rule, "prey can't shift ports by a base");
        return true;
    }
    if (r->rule.nat.to.family || r->rule.nat.port_lo) rule_unsaid(&r->rule, "the rule translates to two ranges");
    return (!len || want_target(r, v[0], len)) && (!colon || want_ports_of(r, colon + 1));
}

static bool take_to_ports(struct reading *r, const struct option *o, const char *const *v)
{
    return want_ports_of(r, v[0]);
}

static bool take_prefix_to(struct reading *r, const struct option *o, const char *const *v)
{
    return want_target(r, v[0], strlen(v[0]));
}

/* Take a clamp of segment sizes. prey clamps by devices, or packets that it translates (write_nat.c). */
static bool take_clamp(struct reading *r, uint16_t clamp)
{
    r->rule.act = ACT_SILENT;
    r->rule.clamp = clamp;
    return true;
}
static bool take_clamp_auto(struct reading *r, const struct option *o, const char *const *v)
{
    return take_clamp(r, 1);
}
static bool take_clamp_bytes(struct reading *r, const struct option *o, const char *const *v)
{
    uint64_t n;
    return reading_number(r, v[0], 65535, "size of segments", &n) && take_clamp(r, (uint16_t)(n < 2 ? 2 : n));
}

static const struct option of_clamp[] = {
    {"--clamp-mss-to-pmtu", 0, .take = take_clamp_auto}, {"--set-mss", 1, .take = take_clamp_bytes}, {0}};
static const struct option of_reject[] = {{"--reject-with", 1, .take = take_answer}, {0}};
static const struct option of_log[] = {
    {"--log-prefix", 1, .take = take_text, .into = offsetof(struct reading, rule.prefix)},
    {"--log-level", 1, .take = take_nothing},
    {"--log-tcp-sequence", 0, .take = take_nothing},
    {"--log-tcp-options", 0, .take = take_nothing},
    {"--log-ip-options", 0, .take = take_nothing},
    {"--log-uid", 0, .take = take_nothing},
    {"--log-macdecode", 0, .take = take_nothing},
    {0},
};
static const struct option of_nflog[] = {
    {"--nflog-prefix", 1, .take = take_text, .into = offsetof(struct reading, rule.prefix)},
    {"--nflog-group", 1, .take = take_nothing},
    {"--nflog-range", 1, .take = take_nothing},
    {"--nflog-size", 1, .take = take_nothing},
    {"--nflog-threshold", 1, .take = take_nothing},
    {"--ulog-prefix", 1, .take = take_text, .into = offsetof(struct reading, rule.prefix)},
    {"--ulog-nlgroup", 1, .take = take_nothing},
    {"--ulog-cprange", 1, .take = take_nothing},
    {"--ulog-qthreshold", 1, .take = take_nothing},
    {0},
};
static const struct option of_translation[] = {
    {"--to-source", 1, .take = take_to},
    {"--to-destination", 1, .take = take_to},
    {"--to-ports", 1, .take = take_to_ports},
    {"--random", 0, .take = take_nothing},
    {"--random-fully", 0, .take = take_nothing},
    {"--persistent", 0, .take = take_nothing},
    {0},
};
static const struct option of_netmap[] = {{"--to", 1, .take = take_prefix_to}, {0}};

/* Finish a TEE, which routes copies to a gateway. Copies can be described by the device through which the gateway is
 * reached. */
void tee_finish(struct reading *r)
{
    if (r->rule.act != ACT_MIRROR) return;
    if (!r->rule.target)
        rule_unsaid(&r->rule, "prey's `mirror to` copies frames to a device, not to a gateway");
    else
        rule_apart(&r->rule, "the copies keep their MAC addresses, and aren't routed to the gateway");
}

static const struct option of_tee[] = {{"--gateway", 1, .take = take_nothing},
                                       {"--oif", 1, .take = take_text, .into = offsetof(struct reading, rule.target)},
                                       {0}};
struct set *reading_set(const struct reading *r, const char *name)
{
    struct set *set = ruleset_find_set(r->s, "ipset", name);
    if (!set || set->kind != ABOUT_ADDRESSES) return NULL;
    set->changes |= !set->members.count;
    return set;
}

static bool take_add(struct reading *r, const struct option *o, const char *const *v)
{
    struct adding *a = &r->rule.adding;
    if (a->to) return reading_fault(r, "a rule adds to one set, but `%.40s` is a second set", v[0]);
    a->to = reading_set(r, v[0]);
    a->destination = !strcmp(v[1], "dst");
    if (strcmp(v[1], "src") != 0 && !a->destination)
        rule_unsaid(&r->rule, "prey's rules add only a source or a destination to a set");
    else if (!a->to)
        rule_unsaid(&r->rule, "the file has no such set of addresses");
    return true;
}

static bool take_member_time(struct reading *r, const struct option *o, const char *const *v)
{
    return reading_number(r, v[0], 2147483, "timeout", &r->rule.adding.for_s);
}

static bool take_removal(struct reading *r, const struct option *o, const char *const *v)
{
    r->rule.act = ACT_SILENT;
    rule_unsaid(&r->rule, "prey's rules can't remove members from a set");
    return true;
}

static const struct option of_set[] = {
    {"--add-set", 2, .take = take_add},
    {"--del-set", 2, .take = take_removal},
    {"--map-set", 2, .why = "prey's rules can't copy other data from a set"},
    {"--exist", 0, .take = take_flag, .into = offsetof(struct reading, exists)},
    {"--timeout", 1, .take = take_member_time},
    {0},
};

void adding_finish(struct reading *r)
{
    struct adding *a = &r->rule.adding;
    if (r->rule.act != ACT_ADD || !a->to) return;
    a->to->changes = true;
    a->renews = r->exists;
    if (a->to->timeless || !a->for_s) a->for_s = a->to->stays_s;
}

static const char marks[] = "prey can't set marks", edits[] = "prey can't change this field",
                  elsewhere[] = "prey can't pass packets to other processes";
const struct module targets[] = {
    {"ACCEPT", .act = ACT_ACCEPT},
    {"DROP", .act = ACT_DROP},
    {"RETURN", .act = ACT_RETURN},
    {"REJECT", .options = of_reject, .begin = begin_reject, .act = ACT_REJECT},
    {"LOG", .options = of_log, .begin = begin_log},
    {"NFLOG", .options = of_nflog, .begin = begin_log},
    {"ULOG", .options = of_nflog, .begin = begin_log},
    {"MASQUERADE", .options = of_translation, .begin = begin_translation, .act = ACT_TRANSLATE, .how = NAT_MASQUERADE},
    {"SNAT", .options = of_translation, .begin = begin_translation, .act = ACT_TRANSLATE, .how = NAT_SOURCE},
    {"DNAT", .options = of_translation, .begin = begin_translation, .act = ACT_TRANSLATE, .how = NAT_DESTINATION},
    {"REDIRECT", .options = of_translation, .begin = begin_translation, .act = ACT_TRANSLATE, .how = NAT_REDIRECT},
    {"NETMAP", .options = of_netmap, .begin = begin_translation, .act = ACT_TRANSLATE, .how = NAT_PREFIX_DESTINATION},
    {"MARK", .why = marks},
    {"CONNMARK", .why = marks},
    {"CONNSECMARK", .why = marks},
    {"SECMARK", .why = marks},
    {"HMARK", .why = marks},
    {"CLASSIFY", .why = marks},
    {"DSCP", .why = edits},
    {"TOS", .why = edits},
    {"TTL", .why = edits},
    {"HL", .why = edits},
    {"ECN", .why = edits},
    {"CHECKSUM", .why = edits},
    {"TCPOPTSTRIP", .why = edits},
    {"TCPMSS", .options = of_clamp},
    {"CT", .why = "prey tracks every connection and has no helpers"},
    {"NOTRACK", .why = "prey tracks every connection"},
    {"SET", .options = of_set, .act = ACT_ADD},
    {"TEE", .options = of_tee, .act = ACT_MIRROR},
    {"TPROXY", .why = "write a `service` with `mode proxy`"},
    {"SYNPROXY", .why = "write `syn cookies` in a `service`"},
    {"NFQUEUE", .why = elsewhere},
    {"QUEUE", .why = elsewhere},
    {"TRACE", .why = "to see packets as they arrive, run `preyctl trace`"},
    {"AUDIT", .why = "prey writes no audit records"},
    {0},
};
