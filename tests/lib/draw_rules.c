/* Random rule files: all kinds of conditions, `not`, lists, set algebra, nested chains, several firewalls. */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/draw_priv.h"

enum { SETS_MAX = 6 };

void put(struct draw *d, const char *format, ...)
{
    struct text *t = d->out;
    va_list args;

    if (t->len + 512 > t->cap) {
        t->cap = t->cap ? t->cap * 2 : 4096;
        t->s = realloc(t->s, t->cap);
        if (!t->s) abort();
    }
    va_start(args, format);
    t->len += (size_t)vsnprintf(t->s + t->len, 512, format, args);
    va_end(args);
}

void text_free(struct text *t)
{
    free(t->s);
    *t = (struct text){0};
}

static uint64_t mac_number(const uint8_t m[6])
{
    uint64_t n = 0;

    for (unsigned i = 0; i < 6; i++) n = n << 8 | m[i];
    return n;
}

void put_v4(struct draw *d, uint32_t a) { put(d, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255); }

void put_v6(struct draw *d, const uint8_t a[16])
{
    char text[INET6_ADDRSTRLEN];

    put(d, "%s", inet_ntop(AF_INET6, a, text, sizeof(text)));
}

/* Put an address, prefix or range of the stock. */
static void put_addr(struct draw *d)
{
    const struct prefix_v4 *p = &d->s->v4[below(d, STOCK_V4)];
    const struct prefix_v6 *q = &d->s->v6[below(d, STOCK_V6)];

    switch (below(d, 7)) {
    case 0: put_v4(d, p->addr); return;
    case 1:
        put_v4(d, p->addr);
        put(d, "-");
        put_v4(d, p->addr + below(d, 9));
        return;
    case 2: put_v6(d, q->addr); return;
    case 3:
    case 4:
        put_v6(d, q->addr);
        put(d, "/%u", q->len);
        return;
    default: put_v4(d, p->addr); put(d, "/%u", p->len);
    }
}

static void put_list(struct draw *d, unsigned most, void (*member)(struct draw *))
{
    for (unsigned n = 1 + below(d, most); n; n--) {
        member(d);
        if (n > 1) put(d, ", ");
    }
}

void put_set_atom(struct draw *d)
{
    if (d->sets && one_in(d, 3))
        put(d, "s%u", below(d, d->sets));
    else
        put_addr(d);
}

/* Put more ranges than are searched without a table, close together around an address of the stock, with gaps
 * between them. */
static void put_large_set(struct draw *d)
{
    const struct prefix_v4 *p = &d->s->v4[below(d, STOCK_V4)];
    const bool four = one_in(d, 2);
    uint8_t a[16];

    memcpy(a, d->s->v6[below(d, STOCK_V6)].addr, 16);
    put(d, "set s%u = ", d->sets++);
    for (uint32_t n = 2100 + below(d, 1000), i = 0; i < n; i++) {
        const uint32_t off = 5 * i + below(d, 3);

        if (i) put(d, ", ");
        if (four) {
            put_v4(d, (p->addr & 0xffffc000) + off);
            if (one_in(d, 4)) put(d, "-"), put_v4(d, (p->addr & 0xffffc000) + 5 * i + 3);
        } else {
            a[14] = (uint8_t)(off >> 8);
            a[15] = (uint8_t)off;
            put_v6(d, a);
        }
    }
    put(d, "\n");
}

static void put_set(struct draw *d)
{
    put(d, "set s%u = ", d->sets);
    switch (below(d, 4)) {
    case 0:
        put(d, "(");
        put_list(d, 4, put_set_atom);
        put(d, ") except ");
        put_set_atom(d);
        break;
    case 1:
        put(d, "(");
        put_list(d, 4, put_set_atom);
        put(d, ") and (");
        put_list(d, 4, put_set_atom);
        put(d, ")");
        break;
    default: put_list(d, one_in(d, 4) ? 30 : 5, put_set_atom);
    }
    put(d, "\n");
    d->sets++;
}

static void put_number_range(struct draw *d, unsigned near, unsigned most)
{
    const unsigned lo = near > most ? most : near, up = lo + below(d, 5), hi = up > most ? most : up;

    switch (below(d, 6)) {
    case 0: put(d, "%u-%u", lo, hi); return;
    case 1: put(d, "%u-", lo); return;
    case 2: put(d, "-%u", lo); return;
    default: put(d, "%u", lo);
    }
}

static void put_port(struct draw *d) { put_number_range(d, d->s->ports[below(d, STOCK_PORTS)], 65535); }

static void put_mac(struct draw *d)
{
    const uint64_t m = mac_number(d->s->macs[below(d, STOCK_MACS)]);

    put(d, "%02x:%02x:%02x:%02x:%02x:%02x", (unsigned)(m >> 40 & 255), (unsigned)(m >> 32 & 255),
        (unsigned)(m >> 24 & 255), (unsigned)(m >> 16 & 255), (unsigned)(m >> 8 & 255), (unsigned)(m & 255));
}

static void put_declarations(struct draw *d)
{
    if (one_in(d, 10)) put_large_set(d);
    for (unsigned n = below(d, SETS_MAX); n; n--) put_set(d);
    for (d->ports = 0; d->ports < below(d, 3); d->ports++) {
        put(d, "ports p%u = ", d->ports);
        put_list(d, one_in(d, 3) ? 20 : 4, put_port);
        put(d, "\n");
    }
    for (d->macs = 0; d->macs < below(d, 2); d->macs++) {
        put(d, "macs m%u = ", d->macs);
        put_list(d, 4, put_mac);
        put(d, "\n");
    }
    d->ifaces = 2;
    put(d, "interface i0 = \"eth0\"\ninterface i1 = \"eth1\"\n");
}

/* ---- conditions ---- */

static const char *maybe_not(struct draw *d) { return one_in(d, 4) ? "not " : ""; }

static void put_list_addr(struct draw *d)
{
    if (one_in(d, 6))
        put(d, "self");
    else
        put_set_atom(d);
}

void put_addresses(struct draw *d, const char *keyword)
{
    begin(d, keyword);
    if (one_in(d, 25)) {
        put(d, " %sany", one_in(d, 8) ? "not " : "");
        return;
    }
    put(d, " %s", maybe_not(d));
    put_list(d, one_in(d, 5) ? 12 : 2, put_list_addr);
}

static void put_list_port(struct draw *d)
{
    if (d->ports && one_in(d, 4))
        put(d, "p%u", below(d, d->ports));
    else
        put_port(d);
}

void put_ports(struct draw *d, const char *keyword)
{
    begin(d, keyword);
    put(d, " %s", maybe_not(d));
    put_list(d, one_in(d, 5) ? 12 : 3, put_list_port);
}

static void put_tag(struct draw *d) { put_number_range(d, d->s->tags[below(d, STOCK_TAGS)], 4094); }

static void put_vlan(struct draw *d)
{
    begin(d, "vlan ");
    if (one_in(d, 4)) {
        put(d, "%s", maybe_not(d));
        put(d, one_in(d, 2) ? "any" : "none");
        return;
    }
    put(d, "%s", maybe_not(d));
    put_list(d, 3, put_tag);
    if (one_in(d, 3)) {
        put(d, " inner %s", maybe_not(d));
        put_list(d, 2, put_tag);
    }
}

static void put_list_mac(struct draw *d)
{
    if (one_in(d, 5))
        put(d, one_in(d, 2) ? "multicast" : "broadcast");
    else if (d->macs && one_in(d, 3))
        put(d, "m%u", below(d, d->macs));
    else
        put_mac(d);
}

static void put_ether_mac(struct draw *d, const char *keyword)
{
    begin(d, keyword);
    put(d, " %s", maybe_not(d));
    put_list(d, 3, put_list_mac);
}

static void put_iface(struct draw *d)
{
    static const char *const patterns[] = {"\"eth*\"", "\"e*\"", "\"wg*\"", "\"eth1*\""};
    const unsigned i = below(d, 2);

    if (one_in(d, 8))
        put(d, "%s", patterns[below(d, 4)]);
    else
        put(d, one_in(d, 4) ? "\"eth%u\"" : "i%u", i);
}

static void put_on(struct draw *d, const char *words)
{
    begin(d, words);
    put(d, "%s", maybe_not(d));
    put_list(d, 2, put_iface);
}

static void put_bytes(struct draw *d, const char *layer)
{
    const uint8_t *p = d->s->patterns[below(d, STOCK_PATTERNS)];
    const unsigned len = 1 + below(d, PATTERN_BYTES);

    begin(d, "bytes ");
    put(d, "%s at %u is %sx\"", layer, below(d, 6), maybe_not(d));
    for (unsigned i = 0; i < len; i++) put(d, "%02x", p[i]);
    put(d, "\"");
    if (one_in(d, 2)) {
        put(d, " mask x\"");
        for (unsigned i = 0; i < len; i++) put(d, "%02x", p[i] | below(d, 256));
        put(d, "\"");
    }
}

static void put_flags(struct draw *d)
{
    static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};
    const unsigned some = below(d, 256), mask = some & (below(d, 256) | 18), has = mask & below(d, 256);
    const char *comma = " ";

    if (!mask) return;
    begin(d, "flags");
    if (has) put(d, " has");
    for (unsigned i = 0; i < 8; i++)
        if (has >> i & 1) {
            put(d, "%s%s", comma, names[i]);
            comma = ", ";
        }
    if (mask & ~has) put(d, " lacks");
    comma = " ";
    for (unsigned i = 0; i < 8; i++)
        if ((mask & ~has) >> i & 1) {
            put(d, "%s%s", comma, names[i]);
            comma = ", ";
        }
}

static void put_fragment_word(struct draw *d)
{
    static const char *const words[] = {"any", "first", "later", "no"};

    put(d, "%s", words[below(d, 4)]);
}

static void put_byte(struct draw *d) { put_number_range(d, 60 + below(d, 10), 255); }
static void put_length_number(struct draw *d) { put_number_range(d, 20 + below(d, 100), 65535); }

static void put_label(struct draw *d)
{
    put_number_range(d, below(d, 3) ? below(d, 20) : 1048560 + below(d, 16), 1048575);
}

static void put_dscp_word(struct draw *d)
{
    if (one_in(d, 3))
        put(d, one_in(d, 2) ? "ef" : "af41");
    else
        put_number_range(d, below(d, 64), 63);
}

/* Put conditions on fields that every IP packet has. */
void put_ip_fields(struct draw *d)
{
    if (one_in(d, 12)) {
        begin(d, "fragment ");
        put(d, "%s", maybe_not(d));
        put_list(d, 2, put_fragment_word);
    }
    if (one_in(d, 12)) {
        begin(d, "ttl ");
        put(d, "%s", maybe_not(d));
        put_list(d, 3, put_byte);
    }
    if (one_in(d, 12)) {
        begin(d, "length ");
        put(d, "%s", maybe_not(d));
        put_list(d, 3, put_length_number);
    }
    if (one_in(d, 12)) {
        begin(d, "dscp ");
        put(d, "%s", maybe_not(d));
        put_list(d, 3, put_dscp_word);
    }
    if (one_in(d, 12)) {
        begin(d, "flowlabel ");
        put(d, "%s", maybe_not(d));
        put_list(d, one_in(d, 4) ? 12 : 3, put_label);
    }
    if (one_in(d, 3)) put_addresses(d, "from");
}

void put_link_fields(struct draw *d)
{
    if (one_in(d, 10)) put_vlan(d);
    if (one_in(d, 14)) put_ether_mac(d, "ether from");
    if (one_in(d, 14)) put_ether_mac(d, "ether to");
    if (one_in(d, 14)) put_on(d, "on ");
    if (one_in(d, 16)) put_bytes(d, "l2");
}

static void put_ported(struct draw *d)
{
    static const char *const protocols[] = {"",        "tcp",        "udp", "tcp, udp", "sctp", "tcp, udp, sctp",
                                            "proto 6", "proto 17, 6"};
    const unsigned which = below(d, 8);

    if (one_in(d, 6)) begin(d, one_in(d, 2) ? "ip" : "ip6");
    if (which) begin(d, protocols[which]);
    put_ip_fields(d);
    if (one_in(d, 3)) put_ports(d, "source port");
    if (which == 1 && one_in(d, 3)) put_flags(d);
    if (one_in(d, 8)) put_bytes(d, one_in(d, 2) ? "payload" : "l4");
    switch (below(d, 4)) {
    case 0: put_addresses(d, "to"); return;
    case 1: put_ports(d, "to port"); return;
    case 2:
        put_addresses(d, "to");
        put_ports(d, "port");
        return;
    }
}

static void put_type(struct draw *d)
{
    static const unsigned near[] = {0, 3, 8, 11, 128, 129, 133, 135, 136, 255};

    put_number_range(d, near[below(d, 10)], 255);
}

static void put_code(struct draw *d) { put_number_range(d, below(d, 6), 255); }

static void put_icmp(struct draw *d)
{
    const bool six = one_in(d, 2), between = one_in(d, 4);

    begin(d, six ? "icmp6" : "icmp");
    if (between) put_ip_fields(d);
    if (six && one_in(d, 3)) {
        put(d, " type %snd", maybe_not(d));
    } else if (one_in(d, 2)) {
        put(d, " type %u", below(d, 2) ? 8 + 120 * six : 3);
        if (one_in(d, 2)) {
            put(d, " code %s", maybe_not(d));
            put_list(d, 3, put_code);
        }
    } else if (one_in(d, 2)) {
        put(d, " type %s", maybe_not(d));
        put_list(d, 4, put_type);
    }
    if (!between) put_ip_fields(d);
    if (one_in(d, 3)) put_addresses(d, "to");
}

static void put_proto_number(struct draw *d)
{
    static const char *const protos[] = {"1",  "6",   "17",  "47",   "50", "51",   "58", "59",    "132",
                                         "89", "gre", "esp", "ospf", "0",  "200-", "-5", "40-60", "2-131"};

    put(d, "%s", protos[below(d, 18)]);
}

static void put_plain(struct draw *d)
{
    static const char *const families[] = {"ip", "ip6", "ip, ip6", "not ip", "not ip6"};
    static const char *const protocols[] = {"tcp",         "udp",     "icmp",     "icmp6",          "sctp",
                                            "icmp, icmp6", "not tcp", "not icmp", "not icmp6, udp", "tcp, icmp",
                                            "esp, gre",    "igmp",    "not igmp", "not esp, tcp",   "igmp, ospf, udp",
                                            "ah",          "not ah",  "ah, gre",  "ah, tcp",        "not ah, esp, udp"};

    if (one_in(d, 3)) {
        begin(d, families[below(d, one_in(d, 3) ? 5 : 2)]);
    } else if (one_in(d, 2)) {
        begin(d, protocols[below(d, 20)]);
    } else {
        begin(d, one_in(d, 8) ? "not proto " : one_in(d, 4) ? "proto not " : "proto ");
        put_list(d, one_in(d, 4) ? 10 : 3, put_proto_number);
    }
    put_ip_fields(d);
    if (one_in(d, 12)) {
        begin(d, "options ");
        put(d, "%s", maybe_not(d));
        put(d, one_in(d, 2) ? "any" : "none");
    }
    if (one_in(d, 10)) put_bytes(d, one_in(d, 2) ? "l3" : "payload");
    if (one_in(d, 3)) put_addresses(d, "to");
}

static void put_ether_type(struct draw *d)
{
    static const char *const types[] = {"0x88cc", "0x8847", "0x0800", "0x86dd", "0x0806", "0x600", "0xffff"};

    put(d, "%s", types[below(d, 7)]);
}

static void put_frame_kind(struct draw *d)
{
    if (one_in(d, 2)) {
        begin(d, "arp");
    } else {
        begin(d, "ether ");
        put(d, "%s", maybe_not(d));
        put_list(d, 3, put_ether_type);
    }
}

static void put_one_addr(struct draw *d, const char *keyword)
{
    begin(d, keyword);
    put(d, " ");
    put_addr(d);
}

/* Put the conditions that most rules of long lists have: a service, and sometimes a source. */
static void put_service(struct draw *d)
{
    static const char *const protocols[] = {"tcp", "udp", "tcp, udp"};

    begin(d, protocols[below(d, 3)]);
    if (one_in(d, 3)) put_one_addr(d, "from");
    if (one_in(d, 3)) {
        begin(d, "source port ");
        put_port(d);
    }
    if (!one_in(d, 4)) {
        put_one_addr(d, "to");
        begin(d, "port ");
    } else {
        begin(d, "to port ");
    }
    put_port(d);
    if (one_in(d, 20)) put_link_fields(d);
}

static void put_conditions(struct draw *d)
{
    const unsigned kind = below(d, 20);

    if (one_in(d, 14)) begin(d, "urpf-failed");
    if (d->leaves && one_in(d, 6)) put_on(d, "out on ");

    if (d->services) {
        put_service(d);
        return;
    }

    if (kind < 8)
        put_ported(d);
    else if (kind < 11)
        put_icmp(d);
    else if (kind < 16)
        put_plain(d);
    else if (kind < 18)
        put_frame_kind(d);
    else if (kind < 19)
        put_addresses(d, one_in(d, 2) ? "from" : "to");
    /* else none of these */
    put_link_fields(d);
}

/* ---- rules ---- */

/* Return a chain that this one, or a firewall (-1), may call, or -1. */
static int chain_for(struct draw *d, int chain)
{
    const unsigned candidates = chain < 0 ? d->chains : (unsigned)chain;

    unsigned *const left = chain >= 0 ? &d->calls : &d->starts;

    if (candidates == 0 || *left == 0) return -1;
    --*left;
    return (int)below(d, candidates);
}

static void put_rule(struct draw *d, int chain)
{
    static const char *const verdicts[] = {"accept", "drop", "reject", "accept", "drop",
                                           "count",  "log",  "do",     "do",     "return"};
    /* in long lists few rules decide, else they would soon cover all that follow */
    const unsigned which = d->is_long && !one_in(d, 30) ? 5 : below(d, chain < 0 ? 9 : 10);
    const int to = which == 7 || which == 8 ? chain_for(d, chain) : -1;

    put(d, "%c ", DRAW_LINE);
    if (!d->sends && one_in(d, 25)) {
        put_decap(d);
        if (one_in(d, 10)) put(d, "%cas R%u", DRAW_SPLIT, d->names++);
        put(d, "\n");
        d->rules++;
        return;
    }
    if (to >= 0)
        put(d, "do c%d", to);
    else
        put(d, "%s", which >= 7 && which < 9 ? "count" : verdicts[which]);
    if (one_in(d, 2)) put_meter_conditions(d);
    put_state_conditions(d);
    put_conditions(d);
    if (one_in(d, 10)) put(d, one_in(d, 3) ? "%clog 3/s" : "%clog", DRAW_SPLIT);
    if (one_in(d, 10)) put(d, "%cas R%u", DRAW_SPLIT, d->names++);
    put(d, "\n");
    d->rules++;
}

static void put_rules(struct draw *d, int chain, unsigned count)
{
    d->is_long = count > 100;
    d->services = d->is_long || one_in(d, 3);
    for (unsigned i = 0; i < count; i++) put_rule(d, chain);
}

/* Put chains that call only those of lower numbers; the next chain or a firewall's last rules call each. */
static void put_chains(struct draw *d, unsigned size)
{
    const unsigned count = size > 100 ? 1 + below(d, 3) : one_in(d, 6) ? 16 : below(d, 5);

    for (d->chains = 0; d->chains < count; d->chains++) {
        put(d, "chain c%u {\n", d->chains);
        put_rules(d, (int)d->chains, size > 100 ? 500 + below(d, size) : below(d, size + 1));
        if (d->chains) put(d, " do c%u\n", d->chains - 1);
        put(d, "}\n");
    }
}

static void put_firewall(struct draw *d, const char *name, const char *where, unsigned size)
{
    static const char *const defaults[] = {"accept", "drop", "reject"};
    static const char *const others[] = {"", "", " other frames pass", " other frames drop"};

    put(d, "firewall %s%s default %s", name, where, defaults[below(d, 3)]);
    put(d, "%s {\n", others[below(d, 4)]);
    d->sends = strstr(where, "out");
    d->leaves = d->sends || strstr(where, "forward");
    put_state_rules(d);
    put_rules(d, -1, 1 + below(d, size));
    if (d->chains) put(d, " do c%u\n", d->chains - 1);
    put_rules(d, -1, below(d, 3));
    put(d, "}\n");
    d->sends = d->leaves = false;
}

static void put_firewalls(struct draw *d, unsigned size)
{
    switch (below(d, 6)) {
    case 0:
        put_firewall(d, "fin", " in", size);
        if (one_in(d, 2)) put_firewall(d, "fout", " out", size);
        if (one_in(d, 2)) put_firewall(d, "ffwd", " forward", size);
        return;
    case 1:
        put_firewall(d, "fa", " on i0", size);
        if (one_in(d, 2)) put_firewall(d, "fb", " on i1 in", size);
        if (one_in(d, 3)) put_firewall(d, "fp", " on \"e*\"", size);
        if (one_in(d, 2)) put_firewall(d, "fg", "", size);
        if (one_in(d, 2)) put_firewall(d, "fo", " on \"eth1\" out", size);
        return;
    default:
        put_firewall(d, "f", "", size);
        if (one_in(d, 3)) put_firewall(d, "fout", " out", size);
    }
}

void rules_draw(struct text *out, const struct stock *s, struct rng *r, unsigned size)
{
    struct draw d = {.out = out, .s = s, .r = r, .calls = 6, .starts = size > 100 ? 6 : 60};

    out->len = 0;
    d.flows = one_in(&d, 2);
    put(&d, "limits { maglev 251; flows 256; half_open 64; fragments 64 }\n"); /* small, because tables are rebuilt for
                                                                                  every batch */
    put_declarations(&d);
    put_meters(&d);
    put_chains(&d, size / 2);
    put_firewalls(&d, size);
    if (one_in(&d, 2)) put_services(&d);
    if (one_in(&d, 3)) put_nats(&d);
}
