/* Targets of a rule (reading.h) */
#include <stdlib.h>
#include <string.h>

#include "compiler/import/iptables/reading.h"
#include "compiler/import/rows.h"

static bool begin_accept(struct reading *r) { return r->rule.act = ACT_ACCEPT, true; }
static bool begin_drop(struct reading *r) { return r->rule.act = ACT_DROP, true; }
static bool begin_return(struct reading *r) { return r->rule.act = ACT_RETURN, true; }

/* Begin a REJECT. Its default is port-unreachable, to TCP as well. */
static bool begin_reject(struct reading *r)
{
    r->rule.act = ACT_REJECT;
    r->rule.answer = ANSWER_UNREACHABLE;
    return true;
}

static bool take_answer(struct reading *r, const char *const *v)
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
        rule_apart(&r->rule, import_format(r->s, "the answer `%s` has another code", v[0]));
    return true;
}

static bool begin_log(struct reading *r) { return r->rule.log = true; }

static bool take_prefix(struct reading *r, const char *const *v)
{
    r->rule.prefix = import_format(r->s, "%s", v[0]);
    return true;
}

static bool translates(struct reading *r, struct translation_act act)
{
    r->rule.act = ACT_TRANSLATE;
    r->rule.nat = act;
    if (!r->nat) rule_unsaid(&r->rule, "it translates outside of the table nat");
    return true;
}
static bool begin_masquerade(struct reading *r)
{
    return translates(r, (struct translation_act){.how = NAT_MASQUERADE});
}
static bool begin_snat(struct reading *r) { return translates(r, (struct translation_act){.how = NAT_SOURCE}); }
static bool begin_dnat(struct reading *r) { return translates(r, (struct translation_act){.how = NAT_DESTINATION}); }
static bool begin_redirect(struct reading *r) { return translates(r, (struct translation_act){.how = NAT_REDIRECT}); }

static bool want_ports_of(struct reading *r, const char *text)
{
    const size_t len = strcspn(text, "-");
    char first[8] = {0};
    uint64_t lo, hi;
    if (len < sizeof(first)) memcpy(first, text, len);
    if (!reading_number(r, first, 65535, "port", &lo)) return false;
    hi = lo;
    if (text[len] && !reading_number(r, text + len + 1, 65535, "port", &hi)) return false;
    if (!lo || hi < lo) return reading_fault(r, "`%.60s` is not a range of ports", text);
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
        return reading_fault(r, "`%.60s` is not an address or ports to translate to", text);
    r->rule.nat.to = l.of[0];
    return true;
}

/* Take ADDRESS[-ADDRESS][:PORT[-PORT]] or :PORT alone. An IPv6 address before a port has brackets. */
static bool take_to(struct reading *r, const char *const *v)
{
    const char *colon = r->family == 4 ? strchr(v[0], ':') : NULL;
    const char *bracket = strrchr(v[0], ']');
    if (bracket && bracket[1] == ':') colon = bracket + 1;
    if (v[0][0] == ':' && v[0][1] >= '0' && v[0][1] <= '9' && !strchr(v[0] + 1, ':')) colon = v[0];
    const size_t len = colon ? (size_t)(colon - v[0]) : strlen(v[0]);
    /* `1000-1100/2000` shifts ports */
    if (colon && strchr(colon, '/')) {
        rule_unsaid(&r->rule, "ports that are shifted by a base");
        return true;
    }
    if (r->rule.nat.to.family || r->rule.nat.port_lo) rule_unsaid(&r->rule, "it translates to two ranges");
    return (!len || want_target(r, v[0], len)) && (!colon || want_ports_of(r, colon + 1));
}

static bool take_to_ports(struct reading *r, const char *const *v) { return want_ports_of(r, v[0]); }

/* Begin a NETMAP: of the source where packets leave, of the destination where they arrive. */
static bool begin_netmap(struct reading *r)
{
    const bool leaves = !strcmp(r->chain, "POSTROUTING") || !strcmp(r->chain, "INPUT");
    return leaves ? translates(r, (struct translation_act){.how = NAT_PREFIX_SOURCE})
                  : translates(r, (struct translation_act){.how = NAT_PREFIX_DESTINATION});
}

static bool take_prefix_to(struct reading *r, const char *const *v) { return want_target(r, v[0], strlen(v[0])); }

/* Take a clamp of segment sizes. prey clamps by devices, or what it translates (write_nat.c). */
static bool take_clamp(struct reading *r, uint16_t clamp)
{
    r->rule.act = ACT_SILENT;
    r->rule.clamp = clamp;
    return true;
}
static bool take_clamp_auto(struct reading *r, const char *const *v) { return take_clamp(r, 1); }
static bool take_clamp_bytes(struct reading *r, const char *const *v)
{
    uint64_t n;
    return reading_number(r, v[0], 65535, "size of segments", &n) && take_clamp(r, (uint16_t)(n < 2 ? 2 : n));
}

static const struct option of_clamp[] = {
    {"--clamp-mss-to-pmtu", 0, take_clamp_auto}, {"--set-mss", 1, take_clamp_bytes}, {0}};
static const struct option of_reject[] = {{"--reject-with", 1, take_answer}, {0}};
static const struct option of_log[] = {
    {"--log-prefix", 1, take_prefix},          {"--log-level", 1, reading_ignore},
    {"--log-tcp-sequence", 0, reading_ignore}, {"--log-tcp-options", 0, reading_ignore},
    {"--log-ip-options", 0, reading_ignore},   {"--log-uid", 0, reading_ignore},
    {"--log-macdecode", 0, reading_ignore},    {0},
};
static const struct option of_nflog[] = {
    {"--nflog-prefix", 1, take_prefix},       {"--nflog-group", 1, reading_ignore},
    {"--nflog-range", 1, reading_ignore},     {"--nflog-size", 1, reading_ignore},
    {"--nflog-threshold", 1, reading_ignore}, {"--ulog-prefix", 1, take_prefix},
    {"--ulog-nlgroup", 1, reading_ignore},    {"--ulog-cprange", 1, reading_ignore},
    {"--ulog-qthreshold", 1, reading_ignore}, {0},
};
static const struct option of_translation[] = {
    {"--to-source", 1, take_to},
    {"--to-destination", 1, take_to},
    {"--to-ports", 1, take_to_ports},
    {"--random", 0, reading_ignore},
    {"--random-fully", 0, reading_ignore},
    {"--persistent", 0, reading_ignore},
    {0},
};
static const struct option of_netmap[] = {{"--to", 1, take_prefix_to}, {0}};

static const char gateway[] = "copies go to a gateway; prey's `mirror to` copies frames to a device";

/* Begin a TEE, which routes copies to a gateway. With the device by which that is reached they can be told. */
static bool begin_tee(struct reading *r)
{
    r->rule.act = ACT_MIRROR;
    r->rule.target = NULL;
    return true;
}

static bool take_copies_to(struct reading *r, const char *const *v)
{
    r->rule.target = import_format(r->s, "%s", v[0]);
    return true;
}

void tee_finish(struct reading *r)
{
    if (r->rule.act != ACT_MIRROR) return;
    if (!r->rule.target)
        rule_unsaid(&r->rule, gateway);
    else
        rule_apart(&r->rule, "its copies keep their MAC addresses: they are not routed to the gateway");
}

static const struct option of_tee[] = {{"--gateway", 1, reading_ignore}, {"--oif", 1, take_copies_to}, {0}};
static const char marks[] = "prey sets no marks", edits[] = "prey can't change this field",
                  elsewhere[] = "prey passes no packets to programs";
const struct module targets[] = {
    {"ACCEPT", NULL, NULL, begin_accept},
    {"DROP", NULL, NULL, begin_drop},
    {"RETURN", NULL, NULL, begin_return},
    {"REJECT", NULL, of_reject, begin_reject},
    {"LOG", NULL, of_log, begin_log},
    {"NFLOG", NULL, of_nflog, begin_log},
    {"ULOG", NULL, of_nflog, begin_log},
    {"MASQUERADE", NULL, of_translation, begin_masquerade},
    {"SNAT", NULL, of_translation, begin_snat},
    {"DNAT", NULL, of_translation, begin_dnat},
    {"REDIRECT", NULL, of_translation, begin_redirect},
    {"NETMAP", NULL, of_netmap, begin_netmap},
    {"MARK", marks, NULL, NULL},
    {"CONNMARK", marks, NULL, NULL},
    {"CONNSECMARK", marks, NULL, NULL},
    {"SECMARK", marks, NULL, NULL},
    {"HMARK", marks, NULL, NULL},
    {"CLASSIFY", marks, NULL, NULL},
    {"DSCP", edits, NULL, NULL},
    {"TOS", edits, NULL, NULL},
    {"TTL", edits, NULL, NULL},
    {"HL", edits, NULL, NULL},
    {"ECN", edits, NULL, NULL},
    {"CHECKSUM", edits, NULL, NULL},
    {"TCPOPTSTRIP", edits, NULL, NULL},
    {"TCPMSS", NULL, of_clamp, NULL},
    {"CT", "prey tracks every connection and has no helpers", NULL, NULL},
    {"NOTRACK", "prey tracks every connection", NULL, NULL},
    {"SET", "`add to SET for` is not supported yet", NULL, NULL},
    {"TEE", NULL, of_tee, begin_tee},
    {"TPROXY", "write a `service` with `mode proxy`", NULL, NULL},
    {"SYNPROXY", "write `syn cookies` in a `service`", NULL, NULL},
    {"NFQUEUE", elsewhere, NULL, NULL},
    {"QUEUE", elsewhere, NULL, NULL},
    {"TRACE", "`preyctl trace` shows packets as they come", NULL, NULL},
    {"AUDIT", "prey writes no audit records", NULL, NULL},
    {0},
};
