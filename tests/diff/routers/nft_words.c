/* Writing a drawn router as nftables rules. If prey tests a packet as it came and netfilter would show it
 * translated, the rules test the connection's original tuple. */
#include "tests/diff/routers/world.h"
#include "vm/packet/parse/header.h"

static const char *family_word(bool v6) { return v6 ? "ip6" : "ip"; }

static void nets_words(nets set, bool v6, FILE *out)
{
    char text[48];
    fputs("{ ", out);
    for (unsigned n = 0, some = 0; n <= NET_WORLD; n++)
        if (set >> n & 1) fprintf(out, "%s%s", some++ ? ", " : "", world_net_text(v6, n, text));
    fputs(" } ", out);
}

static void ifaces_words(const char *word, unsigned bits, bool negated, FILE *out)
{
    if (!bits) return;
    fprintf(out, "%s %s{ ", word, negated ? "!= " : "");
    for (unsigned i = 0, some = 0; i < IFS_MOST; i++)
        if (bits >> i & 1) fprintf(out, "%s\"e%u\"", some++ ? ", " : "", i);
    fputs(" } ", out);
}

static unsigned served_bits(const struct world *w)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < w->ifs; i++) bits |= (unsigned)w->iface[i].served << i;
    return bits;
}

/* Connection marks: packets that came for this machine; packets for a map's outside address, with the interface they
 * would leave by untranslated. */
enum { CT_HERE = 1, CT_NO_WAY = 2, CT_WAY = 3 };

static const char *proto_word(uint8_t proto)
{
    return proto == IPPROTO_NR_TCP ? "tcp" : proto == IPPROTO_NR_UDP ? "udp" : "{ icmp, ipv6-icmp }";
}

/* ---- translation ---- */

/* Write that a packet which a `forward` or a map translated leaves where it came in, but by none of `outs`. Its
 * source is translated there, too, so that replies come back. */
static void hairpin_words(const struct world *w, unsigned outs, FILE *out)
{
    const char *comma = "";
    fputs("ct status dnat iifname . oifname { ", out);
    for (unsigned i = 0; i < w->ifs; i++) {
        if (outs >> i & 1) continue;
        fprintf(out, "%s\"e%u\" . \"e%u\"", comma, i, i);
        comma = ", ";
    }
    fputs(" } ", out);
}

/* Write the condition of a source statement: the packet leaves by the interface, or is turned back. */
static void source_conditions(const struct world *w, const struct nat *n, bool v6, bool turned, FILE *out)
{
    const char *f = family_word(v6);
    fprintf(out, "    meta nfproto ipv%u fib saddr type != local ", v6 ? 6 : 4);
    if (turned)
        hairpin_words(w, 1u << n->out, out);
    else
        ifaces_words("oifname", n->outs ? n->outs : 1u << n->out, n->not_outs, out);
    ifaces_words("iifname", n->on_bits, n->not_on, out);
    if (n->from) fprintf(out, "%s saddr ", f), nets_words(n->from, v6, out);
    if (n->proto) fprintf(out, "meta l4proto %s%s ", n->not_proto ? "!= " : "", proto_word(n->proto));
    if (n->port) fprintf(out, "th dport %u ", n->port);
    if (n->to) fprintf(out, "%s daddr %s", f, n->not_to ? "!= " : ""), nets_words(n->to, v6, out);
}

/* Return the interface whose address `masquerade` uses for packets that leave there: an interface without an address
 * uses the first one's. */
static unsigned masquerade_from(const struct world *w, unsigned iface, bool v6)
{
    if (v6 ? w->iface[iface].has6 : w->iface[iface].has4) return iface;
    for (unsigned i = 0; i < w->ifs; i++)
        if (v6 ? w->iface[i].has6 : w->iface[i].has4) return i;
    return iface;
}

static void source_words(const struct world *w, const struct nat *n, bool v6, FILE *out)
{
    char text[48];
    for (unsigned turned = 0; turned < (n->outs ? 1 : 2); turned++)
        for (unsigned ports = 0; ports < 2; ports++) {
            source_conditions(w, n, v6, turned, out);
            if (ports == 0) fputs("meta l4proto { tcp, udp, icmp, ipv6-icmp } ", out);
            if (n->kind == NAT_MASQUERADE && !turned)
                fputs("masquerade", out);
            else
                fprintf(out, "snat %s", family_word(v6));
            if (n->kind == NAT_SOURCE || turned || ports == 0) fputs(" to ", out);
            if (n->kind == NAT_SOURCE || turned)
                fprintf(out, "%s%s%s", v6 ? "[" : "",
                        n->kind == NAT_SOURCE ? world_host_text(v6, n->out, HOST_POOL, text)
                                              : world_host_text(v6, masquerade_from(w, n->out, v6), HOST_ROUTER, text),
                        v6 ? "]" : "");
            if (ports == 0) fprintf(out, ":%u-%u", n->port_lo, n->port_hi);
            fputc('\n', out);
        }
}

static void map_words(const struct world *w, const struct nat *n, bool back, FILE *out)
{
    char outside[48], inside[48];
    const char *f = family_word(n->v6);
    for (unsigned h = 0; h < 1u << MAPPED_BITS; h++) {
        world_host_text(n->v6, n->out, HOST_MAPPED + h, outside);
        world_host_text(n->v6, n->net, HOST_MAPPED + h, inside);
        if (back) {
            fputs("    ", out);
            ifaces_words("iifname", served_bits(w), false, out);
            fprintf(out, "%s daddr %s fib daddr type != local dnat %s to %s\n", f, outside, f, inside);
        } else if (n->anywhere) {
            for (unsigned leaves = 0; leaves < 2; leaves++) {
                ifaces_words(leaves ? "    oifname" : "    iifname", served_bits(w), false, out);
                fprintf(out, "%s saddr %s snat %s to %s\n", f, inside, f, outside);
            }
        } else {
            fprintf(out, "    oifname \"e%u\" %s saddr %s snat %s to %s\n    ", n->out, f, inside, f, outside);
            hairpin_words(w, 1u << n->out, out);
            fprintf(out, "%s saddr %s snat %s to %s\n", f, inside, f, outside);
        }
    }
}

static void forward_words(const struct world *w, const struct nat *n, FILE *out)
{
    char text[48];
    fputs("    ", out);
    ifaces_words("iifname", n->on ? 1u << n->out : served_bits(w), false, out);
    fprintf(out, "meta nfproto ipv%u ", n->v6 ? 6 : 4);
    if (n->second)
        fprintf(out, "%s daddr %s ", family_word(n->v6), world_host_text(n->v6, n->out, HOST_SECOND, text));
    else
        fputs("fib daddr type local ", out);
    if (n->from) fprintf(out, "%s saddr ", family_word(n->v6)), nets_words(n->from, n->v6, out);
    fprintf(out, "%s dport %u dnat %s to %s%s%s:%u\n", proto_word(n->proto), n->port, family_word(n->v6),
            n->v6 ? "[" : "", world_host_text(n->v6, n->net, n->host, text), n->v6 ? "]" : "", n->to_port);
}

static void nats_words(const struct world *w, FILE *out)
{
    fputs("  chain pre {\n    type nat hook prerouting priority -100\n", out);
    for (unsigned i = 0; i < w->nat_count; i++) {
        if (w->nats[i].kind == NAT_FORWARD) forward_words(w, &w->nats[i], out);
        if (w->nats[i].kind == NAT_MAP) map_words(w, &w->nats[i], true, out);
    }
    fputs("  }\n  chain post {\n    type nat hook postrouting priority 100\n", out);
    for (unsigned i = 0; i < w->nat_count; i++) {
        const struct nat *n = &w->nats[i];
        if (n->kind == NAT_MASQUERADE) source_words(w, n, false, out), source_words(w, n, true, out);
        if (n->kind == NAT_SOURCE) source_words(w, n, n->v6, out);
        if (n->kind == NAT_MAP) map_words(w, n, false, out);
    }
    fputs("  }\n", out);
}

/* ---- firewalls ---- */

enum shown { AS_IS, AS_IT_CAME };

/* Write the condition that the outside address was reached by one of the rule's interfaces, or by another. A packet
 * without a route matches neither. */
static void way_condition(const struct rule *r, FILE *out)
{
    fprintf(out, "ct mark %s{ ", r->not_out ? "!= " : "");
    const char *comma = "";
    if (r->not_out) fprintf(out, "%u", CT_NO_WAY), comma = ", ";
    for (unsigned i = 0; i < IFS_MOST; i++)
        if (r->out >> i & 1) fprintf(out, "%s%u", comma, CT_WAY + i), comma = ", ";
    fputs(" } ", out);
}

/* Write the conditions of a rule. AS_IT_CAME: for a packet whose destination a map changed before. */
static void conditions(const struct rule *r, bool v6, enum shown how, FILE *out)
{
    fprintf(out, "    meta nfproto ipv%u %s", v6 ? 6 : 4,
            how == AS_IT_CAME ? "ct status dnat ct direction original " : "");
    ifaces_words("iifname", r->on, r->not_on, out);
    if (how == AS_IS)
        ifaces_words("oifname", r->out, r->not_out, out);
    else if (r->out)
        way_condition(r, out);
    if (r->from) fprintf(out, "%s saddr %s", family_word(v6), r->not_from ? "!= " : ""), nets_words(r->from, v6, out);
    if (r->to)
        fprintf(out, "%s%s daddr %s", how == AS_IT_CAME ? "ct original " : "", family_word(v6), r->not_to ? "!= " : ""),
            nets_words(r->to, v6, out);
    if (r->proto) fprintf(out, "meta l4proto %s ", proto_word(r->proto));
    if (r->port_lo) fprintf(out, "th dport %u-%u ", r->port_lo, r->port_hi);
    if (r->fresh) fputs("ct state new ", out);
}

static void rule_words(const struct rule *r, bool v6, enum shown how, const char *accepts, FILE *out)
{
    if (r->verdict == RULE_REJECT) {
        conditions(r, v6, how, out);
        fputs("meta l4proto tcp reject with tcp reset\n", out);
    }
    conditions(r, v6, how, out);
    fprintf(out, "%s\n",
            r->verdict == RULE_ACCEPT ? accepts
            : r->verdict == RULE_DROP ? "drop"
                                      : "reject with icmpx type port-unreachable");
}

static void firewall_words(const struct firewall *f, enum shown how, const char *accepts, FILE *out)
{
    if (f->follows) fprintf(out, "    ct state established,related %s\n", accepts);
    if (f->no_invalid) fputs("    ct state invalid drop\n", out);
    for (unsigned i = 0; i < f->count; i++)
        for (unsigned v6 = 0; v6 < 2; v6++) rule_words(&f->rules[i], v6, how, accepts, out);
}

static bool has_map(const struct world *w)
{
    for (unsigned i = 0; i < w->nat_count; i++)
        if (w->nats[i].kind == NAT_MAP) return true;
    return false;
}

/* Write the firewall for forwarded packets. Packets that a `forward` matched came for this machine, so the other
 * firewall judges them. No firewall judges a packet that neither comes nor leaves by an interface that prey serves. */
static void across_words(const struct world *w, FILE *out)
{
    const struct firewall *f = &w->across;
    const unsigned served = served_bits(w);
    if (!f->judges) return;
    for (unsigned mapped = 0; mapped <= has_map(w); mapped++) {
        fprintf(out, "  chain %s {\n", mapped ? "mapped" : "across");
        firewall_words(f, mapped ? AS_IT_CAME : AS_IS, "accept", out);
        fprintf(out, "    %s\n  }\n", f->accepts ? "accept" : "drop");
    }
    fputs("  chain crossing {\n    type filter hook forward priority 0\n    ", out);
    ifaces_words("iifname", served, true, out);
    ifaces_words("oifname", served, true, out);
    fprintf(out, "accept\n    ct status dnat ct direction original ct mark %u accept\n", CT_HERE);
    if (has_map(w)) fputs("    ct status dnat ct direction original goto mapped\n", out);
    fputs("    goto across\n  }\n", out);
}

/* Return the mark of packets to the network by a policy rule's table; 0: the table has no route there. */
static unsigned mark_of_way(const struct world *w, bool v6, unsigned table, unsigned net)
{
    unsigned by_default = 0;
    for (unsigned i = 0; i < w->route_count; i++) {
        const struct route *r = &w->routes[i];
        if (r->v6 != v6 || r->table != table) continue;
        if (r->all) by_default = CT_WAY + r->by;
        if (r->all || r->net != net) continue;
        if (r->kind == ROUTE_VIA) return CT_WAY + r->by;
        return r->kind == ROUTE_THROW ? 0 : CT_NO_WAY;
    }
    return by_default;
}

/* Write marks by the route that a packet for a map's outside addresses would take untranslated, because prey's rules
 * test that one. The main table comes first, then the policy rules from the last one on; each replaces the earlier
 * mark. */
static void ways_words(const struct world *w, const struct nat *n, FILE *out)
{
    const char *f = family_word(n->v6);
    char text[48];
    for (unsigned i = w->policy_count + 1; i-- > 0;) {
        const struct policy *p = i < w->policy_count ? &w->policies[i] : NULL;
        const unsigned mark = p ? mark_of_way(w, n->v6, p->table, n->out) : (unsigned)CT_WAY + n->out;
        if (p && (p->v6 != n->v6 || !mark || p->kind == POLICY_MARK)) continue;
        if (p && p->kind == POLICY_TO && p->what != n->out) continue;
        fprintf(out, "    ct state new %s daddr %s/%u ", f, world_host_text(n->v6, n->out, HOST_MAPPED, text),
                (n->v6 ? 128 : 32) - MAPPED_BITS);
        if (p && p->kind == POLICY_FROM) fprintf(out, "%s saddr %s ", f, world_net_text(n->v6, p->what, text));
        if (p && p->kind == POLICY_IIF) fprintf(out, "iifname \"e%u\" ", p->what);
        fprintf(out, "ct mark set %u\n", mark);
    }
}

static bool asks_arrival(const struct world *w, bool v6, unsigned iface)
{
    for (unsigned i = 0; i < w->policy_count; i++)
        if (w->policies[i].kind == POLICY_IIF && w->policies[i].v6 == v6 && w->policies[i].what == iface) return true;
    return false;
}

/* Write that an error about a translated flow stays unchanged if it neither comes nor leaves by an interface that
 * prey serves. `fib` tests no policy rule on the arrival interface, so errors that such a rule may redirect are
 * translated. */
static void unseen_words(const struct world *w, FILE *out)
{
    static const char *const errors[] = {"icmp type { destination-unreachable, time-exceeded, parameter-problem }",
                                         "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, "
                                         "parameter-problem }"};
    fputs("  chain unseen {\n    type filter hook prerouting priority -300\n", out);
    for (unsigned i = 0; i < w->ifs; i++)
        for (unsigned v6 = 0; v6 < 2 && !w->iface[i].served; v6++) {
            if (asks_arrival(w, v6, i)) continue;
            fprintf(out, "    iifname \"e%u\" %s fib daddr type unicast ", i, errors[v6]);
            ifaces_words("fib daddr oifname", served_bits(w), true, out);
            fputs("notrack\n", out);
        }
    fputs("  }\n", out);
}

/* Write the firewall for packets to this machine, as they come: marked if a `forward` may translate them. */
static void here_words(const struct world *w, FILE *out)
{
    fputs("  chain here {\n", out);
    if (w->here.judges) {
        firewall_words(&w->here, AS_IS, "return", out);
        if (!w->here.accepts) fputs("    drop\n", out);
    }
    fputs("  }\n  chain arriving {\n    type filter hook prerouting priority -150\n", out);
    for (unsigned i = 0; i < w->nat_count; i++)
        if (w->nats[i].kind == NAT_MAP) ways_words(w, &w->nats[i], out);
    fprintf(out, "    ct state new fib daddr type local ct mark set %u\n    ", CT_HERE);
    ifaces_words("iifname", served_bits(w), false, out);
    fputs("fib daddr type { local, broadcast } jump here\n  }\n", out);
}

void world_as_nft(const struct world *w, FILE *out)
{
    fputs("flush ruleset\ntable inet r {\n", out);
    unseen_words(w, out);
    here_words(w, out);
    across_words(w, out);
    nats_words(w, out);
    fputs("}\n", out);
}
