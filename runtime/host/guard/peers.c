/* The sets of peers persist when rules change: the tables stay, and their chains are made again. So a set's
 * declaration must never change, and times are in the rules. The host's own peers are noted at its output, which
 * ingress rules can't see; so a peer's packets are marked at the ingress, and judged at prerouting, before all else
 * of the host. */
#include "runtime/host/guard/peers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "runtime/host/guard/heard.h"
#include "runtime/host/guard/line.h"

/* Protocols that are hidden by their ports or identifiers, or to which the host does not reply */
#define TOLD_APART "meta l4proto { " PORTED " } accept\n"
/* Destinations on this machine, or to which it would reply that no route exists */
#define TO_HERE "fib daddr type { local, unreachable, prohibit, blackhole }"
/* The first chunk of packets that this machine sends without a socket: ABORT, SHUTDOWN COMPLETE (RFC 9260, 8.4) */
#define ANSWERS_SCTP "meta l4proto 132 @th,96,8 { 6, 14 }"
enum { BEFORE_GUARD = -510 };

/* A set of peers: its family and protocols, its type, and the fields of its element in a packet to a peer, and from
 * a peer */
struct kind {
    unsigned family;
    bool sctp;
    const char *name, *type, *to, *from, *test;
};
static const struct kind kinds[] = {
    {4, true, "sctp4", "ipv4_addr . inet_service . inet_service", "ip daddr . th dport . th sport",
     "ip saddr . th sport . th dport", "meta l4proto 132"},
    {6, true, "sctp6", "ipv6_addr . inet_service . inet_service", "ip6 daddr . th dport . th sport",
     "ip6 saddr . th sport . th dport", "meta l4proto 132"},
    {4, false, "other4", "inet_proto . ipv4_addr", "meta l4proto . ip daddr", "meta l4proto . ip saddr",
     "meta l4proto != 132"},
    {6, false, "other6", "inet_proto . ipv6_addr", "meta l4proto . ip6 daddr", "meta l4proto . ip6 saddr",
     "meta l4proto != 132"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static bool is_of(const struct kind *k, const struct guard_match *m)
{
    return m->hides == GUARD_HIDES_FROM_PEERS && line_family_of(m) == k->family &&
           (m->proto == IPPROTO_SCTP) == k->sctp;
}

/* Return the longest time of a kind's peers, in seconds; 0: no match makes peers. */
static uint32_t longest(const struct guard *g, const struct kind *k)
{
    uint32_t most = 0;
    for (unsigned i = 0; i < g->match_count; i++)
        if (is_of(k, &g->matches[i]) && g->matches[i].last_s > most) most = g->matches[i].last_s;
    return most;
}

bool peers_wanted(const struct guard *g)
{
    bool any = false;
    for (unsigned i = 0; i < g->match_count; i++) any |= g->matches[i].hides == GUARD_HIDES_FROM_PEERS;
    return any;
}

static void write_sets(FILE *out)
{
    for (const struct kind *k = kinds; k < kinds + KINDS; k++)
        fprintf(out, "set %s { type %s; size %d; flags dynamic, timeout; }\n", k->name, k->type, PEERS_MOST);
}

/* Write the rules that make peers, for the matches of a kind. Return 0, or -ENOMEM */
static int write_makers(FILE *out, const struct guard *g, const struct kind *k)
{
    struct line *lines = calloc(g->match_count + 1, sizeof *lines);
    char(*updates)[120] = calloc(g->match_count + 1, sizeof *updates);
    unsigned count = 0;
    for (unsigned i = 0; i < g->match_count && lines && updates; i++) {
        if (!is_of(k, &g->matches[i])) continue;
        snprintf(updates[count], sizeof updates[count], "update @%s { %s timeout %us }", k->name, k->to,
                 g->matches[i].last_s);
        lines[count] = line_of(g, &g->matches[i], false);
        if (!g->matches[i].proto) line_add(lines[count].rest, sizeof lines[count].rest, " %s", k->test);
        lines[count].verdict = updates[count];
        count++;
    }
    const int failed = lines && updates ? 0 : -ENOMEM;
    if (!failed) lines_write(NULL, out, lines, count);
    free(lines);
    free(updates);
    return failed;
}

/* Write the table at the ingress: the peers, their packets, and the noted senders. */
static int write_ingress(FILE *out, const struct guard *g)
{
    int failed = 0;
    write_sets(out);
    heard_write_sets(out);
    if (heard_wanted(g)) failed |= heard_write(out, g, BEFORE_GUARD);
    if (!peers_wanted(g)) return failed ? -ENOMEM : 0;
    line_chain(out, g, "peers", BEFORE_GUARD);
    fprintf(out, TOLD_APART);
    for (const struct kind *k = kinds; k < kinds + KINDS; k++) {
        const uint32_t most = longest(g, k);
        if (!most) continue;
        failed |= write_makers(out, g, k);
        fprintf(out, "%s %s @%s " TO_HERE " update @%s { %s timeout %us } meta mark set meta mark | 0x%x\n", k->test,
                k->from, k->name, k->name, k->from, most, GUARD_MARK);
    }
    fprintf(out, "}\n");
    return failed ? -ENOMEM : 0;
}

/* Write the table at the host's stack: this machine's own peers, and packets to it from peers of inside hosts. */
static int write_stack(FILE *out, const struct guard *g)
{
    write_sets(out);
    fprintf(out,
            "chain own {\ntype filter hook output priority %d; policy accept;\n" TOLD_APART ANSWERS_SCTP " accept\n",
            BEFORE_GUARD);
    for (const struct kind *k = kinds; k < kinds + KINDS; k++)
        if (longest(g, k)) fprintf(out, "%s update @%s { %s timeout %us }\n", k->test, k->name, k->to, longest(g, k));
    fprintf(out,
            "}\nchain peers {\ntype filter hook prerouting priority %d; policy accept;\n"
            "meta mark & 0x%x == 0 accept\n" TOLD_APART,
            BEFORE_GUARD, GUARD_MARK);
    for (const struct kind *k = kinds; k < kinds + KINDS; k++)
        if (longest(g, k))
            fprintf(out, "%s %s @%s meta mark set meta mark & 0x%x accept\n", k->test, k->from, k->name, ~GUARD_MARK);
    fprintf(out, "counter drop\n}\n");
    return 0;
}

/* Write a table whose sets stay and whose chains are made again; without `chains`, its removal. */
static int write_table(FILE *out, const char *name, const struct guard *g, const char *family,
                       const char *const chains[2], int (*write)(FILE *, const struct guard *))
{
    fprintf(out, "table %s %s" PEERS_SUFFIX "\n", family, name);
    if (!write) return fprintf(out, "delete table %s %s" PEERS_SUFFIX "\n", family, name) < 0 ? -ENOMEM : 0;
    for (unsigned i = 0; i < 2; i++)
        fprintf(out, "table %s %s" PEERS_SUFFIX " {\nchain %s {\n}\n}\n", family, name, chains[i]);
    fprintf(out, "flush table %s %s" PEERS_SUFFIX "\n", family, name);
    for (unsigned i = 0; i < 2; i++) fprintf(out, "delete chain %s %s" PEERS_SUFFIX " %s\n", family, name, chains[i]);
    fprintf(out, "table %s %s" PEERS_SUFFIX " {\n", family, name);
    const int failed = write(out, g);
    fprintf(out, "}\n");
    return failed;
}

int peers_write(FILE *out, const char *name, const struct guard *g)
{
    static const char *const at_ingress[] = {"peers", "heard"}, *const at_stack[] = {"own", "peers"};
    const bool wanted = peers_wanted(g), heard = heard_wanted(g);
    const int failed = write_table(out, name, g, "netdev", at_ingress, wanted || heard ? write_ingress : NULL);
    return failed ? failed : write_table(out, name, g, "inet", at_stack, wanted ? write_stack : NULL);
}
