/* Matches on single fields of a packet (ports, flags, types, lengths), and those that prey can't express */
#include <string.h>
#include <strings.h>

#include "compiler/import/given_names.h"
#include "compiler/import/iptables/iptables_names.h"
#include "compiler/import/iptables/reading.h"

static bool port_list(struct reading *r, const char *text, struct list *l)
{
    for (const char *at = text;; at++) {
        const size_t len = strcspn(at, ",");
        uint64_t lo, hi;
        char one[16] = {0};
        if (len < sizeof(one)) memcpy(one, at, len);
        if (!reading_range(r, one, 65535, "port", &lo, &hi)) return false;
        list_number(l, lo, hi, r->s->arena);
        at += len;
        if (!*at) return true;
    }
}

static bool take_ports(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {.negated = r->inverted};
    if (!port_list(r, v[0], &l)) return false;
    reading_want(r, o->about, l);
    return true;
}

/* Ask for one of the two ports, or with `!` for neither. */
static bool take_either_port(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {0}, none;
    if (!port_list(r, v[0], &l)) return false;
    none = l;
    none.negated = true;
    if (r->inverted) {
        reading_want(r, ASK_SPORT, none);
        reading_want(r, ASK_DPORT, none);
        return true;
    }
    struct choice *c = reading_choice(r);
    if (!c) return true;
    alternative_want(choice_next(c), ASK_SPORT, l);
    struct alternative *second = choice_next(c);
    alternative_want(second, ASK_DPORT, l);
    second->has_apart = true;
    second->apart = (struct wanted){ASK_SPORT, none};
    return true;
}

/* Ask for flags other than these: one alternative for each flag, in which that flag differs and all before it agree. */
static void want_other_flags(struct reading *r, uint8_t mask, uint8_t set)
{
    struct choice *c = reading_choice(r);
    uint8_t has = 0, lacks = 0;
    for (unsigned bit = 1; c && bit < 256; bit <<= 1) {
        if (!(mask & bit)) continue;
        struct alternative *a = choice_next(c);
        a->has = (uint8_t)(has | (set & bit ? 0 : bit));
        a->lacks = (uint8_t)(lacks | (set & bit ? bit : 0));
        has |= (uint8_t)(set & bit);
        lacks |= (uint8_t)(~set & bit);
    }
}

static void want_flags(struct reading *r, uint8_t mask, uint8_t set)
{
    if (set & ~mask || !mask) {
        /* A set flag outside of the mask matches no packet; an empty mask matches every packet. */
        r->rule.never |= (set & ~mask ? !r->inverted : r->inverted);
    } else if (!r->inverted) {
        rule_want_flags(&r->rule, set, (uint8_t)(mask & ~set));
    } else {
        want_other_flags(r, mask, set);
        if (set == TCP_SYN && r->choice_count) r->no_syn = &r->choices[r->choice_count - 1];
    }
}

static bool take_flags(struct reading *r, const struct option *o, const char *const *v)
{
    uint8_t mask, set;
    if (!name_flags(v[0], &mask)) return reading_fault(r, "`%.60s` aren't TCP flags", v[0]);
    if (!name_flags(v[1], &set)) return reading_fault(r, "`%.60s` aren't TCP flags", v[1]);
    want_flags(r, mask, set);
    return true;
}

static bool take_syn(struct reading *r, const struct option *o, const char *const *v)
{
    want_flags(r, TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK, TCP_SYN);
    return true;
}

static void want_type(struct reading *r, uint64_t type, int code)
{
    struct list types = {0}, codes = {0};
    list_number(&types, type, type, r->s->arena);
    if (code >= 0) list_number(&codes, (uint64_t)code, (uint64_t)code, r->s->arena);
    if (!r->inverted || code < 0) {
        types.negated = r->inverted;
        reading_want(r, ASK_ICMP_TYPE, types);
        if (code >= 0) reading_want(r, ASK_ICMP_CODE, codes);
        return;
    }
    struct choice *c = reading_choice(r);
    if (!c) return;
    struct alternative *other_code = choice_next(c), *other_type = choice_next(c);
    codes.negated = true;
    alternative_want(other_code, ASK_ICMP_TYPE, types);
    alternative_want(other_code, ASK_ICMP_CODE, codes);
    types.negated = true;
    alternative_want(other_type, ASK_ICMP_TYPE, types);
}

static bool take_type(struct reading *r, const struct option *o, const char *const *v)
{
    const char *slash = strchr(v[0], '/');
    char number[8] = {0};
    uint64_t type, code_number = 0;
    unsigned named;
    int code = -1;
    if (!strcmp(o->name, "--icmp-type") && r->family != 4)
        return reading_fault(r, "ip6tables has no ICMP types of IPv4");
    if (!strcmp(o->name, "--icmpv6-type") && r->family != 6) return reading_fault(r, "iptables has no ICMPv6 types");
    if (!strcasecmp(v[0], "any") || !strcmp(v[0], "255")) {
        r->rule.never |= r->inverted;
        return true;
    }
    if (name_icmp(r->family, v[0], &named, &code)) {
        want_type(r, named, code);
        return true;
    }
    const size_t len = slash ? (size_t)(slash - v[0]) : strlen(v[0]);
    if (len < sizeof(number)) memcpy(number, v[0], len);
    if (!reading_number(r, number, 255, "type of ICMP", &type)) return false;
    if (slash) {
        if (!reading_number(r, slash + 1, 255, "code of ICMP", &code_number)) return false;
        code = (int)code_number;
    }
    want_type(r, type, code);
    return true;
}

/* Ask for a TTL above or below a number. Nothing is above 255, nor below 0. */
static bool take_ttl_beyond(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {.negated = r->inverted};
    uint64_t n;
    if (!reading_number(r, v[0], 255, "TTL", &n)) return false;
    if (n == (o->above ? 255 : 0)) {
        r->rule.never |= !r->inverted;
        return true;
    }
    list_number(&l, o->above ? n + 1 : 0, o->above ? 255 : n - 1, r->s->arena);
    reading_want(r, ASK_TTL, l);
    return true;
}

static bool take_dscp_class(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {.negated = r->inverted};
    uint64_t n;
    if (!number_of_word(IPTABLES, v[0], &n)) return reading_fault(r, "`%.60s` isn't a DSCP class", v[0]);
    list_number(&l, n, n, r->s->arena);
    reading_want(r, ASK_DSCP, l);
    return true;
}

/* Take the TOS byte. Its upper six bits are the DSCP; prey can't ask for the others. */
static bool take_tos(struct reading *r, const struct option *o, const char *const *v)
{
    const char *slash = strchr(v[0], '/');
    struct list l = {.negated = r->inverted};
    char number[8] = {0};
    uint64_t value, mask;
    const size_t len = slash ? (size_t)(slash - v[0]) : 0;
    if (len && len < sizeof(number)) memcpy(number, v[0], len);
    if (!slash || !reading_number(r, number, 255, "TOS", &value) || !reading_number(r, slash + 1, 255, "mask", &mask) ||
        mask != 0xfc || value & 3) {
        rule_unsaid(&r->rule, "prey compares only the DSCP bits of the TOS");
        return true;
    }
    list_number(&l, value >> 2, value >> 2, r->s->arena);
    reading_want(r, ASK_DSCP, l);
    return true;
}

static const struct option ports_of_protocol[] = {
    {"--sport", 1, .take = take_range, .about = ASK_SPORT, .most = 65535, .noun = "port"},
    {"--source-port", 1, .take = take_range, .about = ASK_SPORT, .most = 65535, .noun = "port"},
    {"--dport", 1, .take = take_range, .about = ASK_DPORT, .most = 65535, .noun = "port"},
    {"--destination-port", 1, .take = take_range, .about = ASK_DPORT, .most = 65535, .noun = "port"},
    {"--chunk-types", .values = 2},
    {0},
};
static const struct option of_tcp[] = {
    {"--sport", 1, .take = take_range, .about = ASK_SPORT, .most = 65535, .noun = "port"},
    {"--source-port", 1, .take = take_range, .about = ASK_SPORT, .most = 65535, .noun = "port"},
    {"--dport", 1, .take = take_range, .about = ASK_DPORT, .most = 65535, .noun = "port"},
    {"--destination-port", 1, .take = take_range, .about = ASK_DPORT, .most = 65535, .noun = "port"},
    {"--tcp-flags", 2, .take = take_flags},
    {"--syn", 0, .take = take_syn},
    {"--tcp-option", .values = 1},
    {0},
};
static const struct option of_multiport[] = {
    {"--sports", 1, .take = take_ports, .about = ASK_SPORT},
    {"--source-ports", 1, .take = take_ports, .about = ASK_SPORT},
    {"--dports", 1, .take = take_ports, .about = ASK_DPORT},
    {"--destination-ports", 1, .take = take_ports, .about = ASK_DPORT},
    {"--ports", 1, .take = take_either_port},
    {0},
};
static const struct option of_icmp[] = {
    {"--icmp-type", 1, .take = take_type}, {"--icmpv6-type", 1, .take = take_type}, {0}};
static const struct option of_length[] = {
    {"--length", 1, .take = take_range, .about = ASK_LENGTH, .most = 65535, .noun = "length"}, {0}};
static const struct option of_ttl[] = {
    {"--ttl-eq", 1, .take = take_range, .about = ASK_TTL, .most = 255, .noun = "TTL"},
    {"--ttl", 1, .take = take_range, .about = ASK_TTL, .most = 255, .noun = "TTL"},
    {"--ttl-lt", 1, .take = take_ttl_beyond},
    {"--ttl-gt", 1, .take = take_ttl_beyond, .above = true},
    {"--hl-eq", 1, .take = take_range, .about = ASK_TTL, .most = 255, .noun = "TTL"},
    {"--hl-lt", 1, .take = take_ttl_beyond},
    {"--hl-gt", 1, .take = take_ttl_beyond, .above = true},
    {0},
};
static const struct option of_dscp[] = {
    {"--dscp", 1, .take = take_range, .about = ASK_DSCP, .most = 63, .noun = "DSCP"},
    {"--dscp-class", 1, .take = take_dscp_class},
    {0}};
static const struct option of_tos[] = {{"--tos", 1, .take = take_tos}, {0}};
static const struct option of_comment[] = {
    {"--comment", 1, .take = take_text, .into = offsetof(struct reading, rule.comment)}, {0}};

const struct module matches_of_packet[] = {
    {"tcp", .options = of_tcp},
    {"udplite", .why = "prey has no condition for ports of UDP-Lite"},
    {"dccp", .why = "prey has no condition for ports of DCCP"},
    {"multiport", .options = of_multiport},
    {"icmp", .options = of_icmp},
    {"icmp6", .options = of_icmp},
    {"icmpv6", .options = of_icmp},
    {"ipv6-icmp", .options = of_icmp},
    {"length", .options = of_length},
    {"ttl", .options = of_ttl},
    {"hl", .options = of_ttl},
    {"dscp", .options = of_dscp},
    {"tos", .options = of_tos},
    {"comment", .options = of_comment},
    {"owner", .why = "prey doesn't know which user or process sends a packet"},
    {"policy", .why = "prey doesn't know whether IPsec protected a packet"},
    {"string", .why = "prey compares bytes only at a fixed place: `bytes payload at N is`"},
    {"u32", .why = "prey compares bytes only at a fixed place: `bytes l3 at N is`"},
    {"bpf", .why = "prey's rules can't run BPF programs"},
    {"tcpmss", .why = "prey has no condition for TCP options"},
    {"statistic", .why = "prey has no random conditions"},
    {"ah", .why = "prey has no condition for the SPI"},
    {"esp", .why = "prey has no condition for the SPI"},
    {"frag", .why = "prey has no condition for extension headers"},
    {"rt", .why = "prey has no condition for extension headers"},
    {"hbh", .why = "prey has no condition for extension headers"},
    {"dst", .why = "prey has no condition for extension headers"},
    {"ipv6header", .why = "prey has no condition for extension headers"},
    {MODULE_OF_PORTS, .options = ports_of_protocol},
    {0},
};
