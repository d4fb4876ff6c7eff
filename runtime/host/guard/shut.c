/* A table with a chain per hook; each chain has names first, then exceptions, then patterns */
#include "runtime/host/guard/shut.h"

#include <string.h>

#include "runtime/host/guard/guard.h"

bool guard_shut_valid(const struct guard_shut *s)
{
    const size_t len = strnlen(s->device, sizeof s->device);
    if (!len || len == sizeof s->device || s->ways > SHUT_WAYS || !strcmp(s->device, "*")) return false;
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)s->device[i];
        if (c <= ' ' || c == 0x7f || c == '"' || c == '\\' || (c == '*' && i + 1 < len)) return false;
    }
    return true;
}

static bool is_pattern(const struct guard_shut *s) { return s->device[strlen(s->device) - 1] == '*'; }

/* A chain: its hook; the keys for an entry's device, for that device's number, and for the other device; the chain
 * for dropped packets; the entries' bits that concern it (enum shut_way) */
struct chain {
    const char *name, *hook, *field, *number, *other, *verdict;
    unsigned way, past;
};

static bool is_port(const struct guard_shut *s) { return s->judged; }

/* Write a set of the judged ports: their names, or each name with its number. */
static void write_set(FILE *out, const struct guard *g, bool numbers)
{
    unsigned count = 0;
    for (unsigned i = 0; i < g->shut_count; i++) {
        const struct guard_shut *s = &g->shut[i];
        if (!is_port(s)) continue;
        fprintf(out, count++ ? ", " : "{ ");
        fprintf(out, "\"%s\"", s->device);
        if (numbers) fprintf(out, " . %u", s->judged);
    }
    fprintf(out, " }");
}

/* Write one rule for all judged ports. Another interface of that name is shut until it is judged, too, even if it is
 * another port that has exchanged names with this one. */
static void write_ports(FILE *out, const struct chain *c, const struct guard *g)
{
    bool any = false;
    for (unsigned i = 0; i < g->shut_count; i++) any |= is_port(&g->shut[i]);
    if (!any) return;
    fprintf(out, "%s ", c->field);
    write_set(out, g, false);
    fprintf(out, " %s . %s != ", c->field, c->number);
    write_set(out, g, true);
    fprintf(out, " jump %s\n", c->verdict);
}

static void write_rule(FILE *out, const struct chain *c, const struct guard *g, const struct guard_shut *s)
{
    const bool past = !(s->ways & c->way);
    if (!(s->ways & (c->way | c->past))) return;
    /* Packets that prey gives back came by one of its ports, and were judged there. */
    if (past) fprintf(out, "%s \"%s\" %s \"prey-*\" return\n", c->field, s->device, c->other);
    fprintf(out, "%s \"%s\" ", c->field, s->device);
    if (past) fprintf(out, "%s != { ", c->other);
    for (unsigned i = 0; i < g->port_count && past; i++) fprintf(out, "%s\"%s\"", i ? ", " : "", g->ports[i]);
    fprintf(out, "%sjump %s\n", past ? " } " : "", c->verdict);
}

/* Neighbour discovery, which no router sends on (RFC 4861, 6.1 and 7.1) */
#define ND "icmpv6 type { 133, 134, 135, 136, 137 } ip6 hoplimit 255 return\n"
/* Replies to a DHCP client. v4, v6: the tests of the family, which depend on the table's */
#define DHCP_HEARD(v4, v6)                                                                                             \
    "meta " v4 " udp sport 67 udp dport 68 return\n"                                                                   \
    "meta " v6 " udp sport 547 udp dport 546 return\n"

/* True if the entry is a port of prey that is shut in all ways, whatever its number. */
static bool is_shut_port(const struct guard *g, const struct guard_shut *s)
{
    bool port = false;
    for (unsigned i = 0; i < g->port_count; i++) port |= !strcmp(g->ports[i], s->device);
    return port && !s->judged && s->ways == (SHUT_IN | SHUT_OUT | SHUT_FROM | SHUT_TO);
}

void shut_ports_write(FILE *chain, FILE *rules, const struct guard *g)
{
    bool any = false;
    for (unsigned i = 0; i < g->shut_count; i++) {
        if (!is_shut_port(g, &g->shut[i])) continue;
        fprintf(rules, "%s\"%s\"", any ? ", " : "iifname { ", g->shut[i].device);
        any = true;
    }
    if (any) fprintf(rules, " } jump shut_port\n");
    if (any)
        fprintf(chain, "chain shut_port {\n"
                       "meta protocol arp return\n" ND DHCP_HEARD("protocol ip", "protocol ip6") "counter drop\n}\n");
}

/* Write a chain: devices, then exceptions that patterns must not match, then patterns */
static void write_chain(FILE *out, const struct chain *c, const struct guard *g)
{
    fprintf(out, "chain %s {\ntype filter hook %s priority -300; policy accept;\n", c->name, c->hook);
    write_ports(out, c, g);
    for (unsigned i = 0; i < g->shut_count; i++)
        if (!is_pattern(&g->shut[i]) && !is_port(&g->shut[i])) write_rule(out, c, g, &g->shut[i]);
    fprintf(out, "%s \"lo\" return\n%s \"prey-*\" return\n", c->field, c->field); /* prey's own devices */
    for (unsigned i = 0; i < g->port_count; i++) fprintf(out, "%s \"%s\" return\n", c->field, g->ports[i]);
    for (unsigned i = 0; i < g->shut_count; i++)
        if (!g->shut[i].ways) fprintf(out, "%s \"%s\" return\n", c->field, g->shut[i].device);
    for (unsigned i = 0; i < g->shut_count; i++)
        if (is_pattern(&g->shut[i])) write_rule(out, c, g, &g->shut[i]);
    fprintf(out, "}\n");
}

void shut_write(FILE *out, const struct guard *g)
{
    static const struct chain chains[] = {
        {"shut_in", "input", "iifname", "iif", "", "shut_here", SHUT_IN, 0},
        {"shut_out", "output", "oifname", "oif", "", "shut_sent", SHUT_OUT, 0},
        {"shut_from", "forward", "iifname", "iif", "oifname", "shut", SHUT_FROM, SHUT_FROM_PAST},
        {"shut_to", "forward", "oifname", "oif", "iifname", "shut", SHUT_TO, SHUT_TO_PAST},
    };
    if (!g->shut_count) return;
    fprintf(out, "chain shut {\n" ND "counter drop\n}\n");
    fprintf(out, "chain shut_here {\n" DHCP_HEARD("nfproto ipv4", "nfproto ipv6") "jump shut\n}\n");
    fprintf(out, "chain shut_sent {\n"
                 "meta nfproto ipv4 udp sport 68 udp dport 67 return\n"
                 "meta nfproto ipv6 udp sport 546 udp dport 547 return\n"
                 "jump shut\n}\n");
    for (unsigned i = 0; i < sizeof chains / sizeof chains[0]; i++) write_chain(out, &chains[i], g);
}
