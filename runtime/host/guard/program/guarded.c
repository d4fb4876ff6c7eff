/* Guard matches from services, pools and translation (docs/live.md, Guard rules) */
#include "runtime/host/guard/program/guarded.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/grown.h"
#include "runtime/host/guard/program/hearing.h"
#include "runtime/host/guard/program/narrowed.h"
#include "runtime/host/guard/program/opened.h"
#include "vm/pbc.h"

#define S_NS UINT64_C(1000000000)
enum { ECHO4_ASK = 0x0800, ECHO4_REPLY = 0x0000, ECHO6_ASK = 0x8000, ECHO6_REPLY = 0x8100 };

static void match_add(struct guarded *g, const struct guard_match *m)
{
    g->failed |= !grow(&g->matches, g->match_count, &g->match_cap, 16, sizeof *m);
    if (g->failed) return;
    memset(&g->matches[g->match_count], 0, sizeof *m);
    g->matches[g->match_count++] = *m;
}

/* Add a match that narrowed.h or hearing.h gives. */
static void add_given(void *arg, const struct guard_match *m) { match_add(arg, m); }

/* Add ports to reserve. */
static void reserve(struct guarded *g, struct host_ports ports)
{
    for (unsigned i = 0; i < g->port_count; i++)
        if (!memcmp(&g->ports[i], &ports, sizeof ports)) return;
    if (grow(&g->ports, g->port_count, &g->port_cap, 16, sizeof *g->ports))
        g->ports[g->port_count++] = ports;
    else
        g->failed = true;
}

static struct guard_addresses one(const uint32_t addr[4], uint8_t family)
{
    struct guard_addresses a = {.lo.family = family};
    memcpy(a.lo.word, addr, sizeof a.lo.word);
    a.hi = a.lo;
    return a;
}

/* Add the match for each range of the sets, as source or destination. Return their number in that family (0: both). */
static unsigned add_sets(struct guarded *g, const struct program *p, uint32_t sets, uint32_t count, uint8_t family,
                         struct guard_match m, bool source)
{
    struct address_walk w = address_walk(p, sets, count, family);
    struct address_range r;
    unsigned added = 0;
    struct guard_addresses *at = source ? &m.from : &m.to;
    for (; address_next(&w, &r); added++) {
        *at = guard_range(&r);
        match_add(g, &m);
    }
    return added;
}

/* IP protocols; 0 ends */
static const uint8_t protos[PBC_EP_PROTOS][4] = {
    [PBC_EP_TCP] = {IPPROTO_TCP},    [PBC_EP_UDP] = {IPPROTO_UDP},
    [PBC_EP_SCTP] = {IPPROTO_SCTP},  [PBC_EP_PORTS] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP},
    [PBC_EP_ECHO4] = {IPPROTO_ICMP}, [PBC_EP_ECHO6] = {IPPROTO_ICMPV6},
};
/* Protocols whose ports a nat translates to its own ports */
static const uint8_t drawn[] = {IPPROTO_TCP, IPPROTO_UDP, 0};
static bool is_echo(uint8_t proto) { return proto == PBC_EP_ECHO4 || proto == PBC_EP_ECHO6; }

static struct guard_ports exactly(unsigned n) { return (struct guard_ports){(uint16_t)n, (uint16_t)n}; }

/* Add the packets that a service takes. kept: clients are noted, because servers reply to their addresses. */
static void add_endpoint(struct guarded *g, const struct program *p, const struct pbc_endpoint *e, bool proxied,
                         bool kept)
{
    struct guard_match m = {.from_ports = GUARD_ANY_PORT,
                            .to_ports = {e->port_lo, e->port_hi},
                            .reach = e->to == PBC_TO_SELF ? GUARD_OWN : GUARD_EVERYWHERE,
                            .proxied = proxied ? GUARD_OPENERS : GUARD_ALL};
    if (e->to == PBC_TO_ADDRESS) m.to = one(e->addr, e->family);
    if (is_echo(e->proto)) {
        m.from_ports = exactly(e->proto == PBC_EP_ECHO4 ? ECHO4_ASK : ECHO6_ASK);
        m.to_ports = GUARD_ANY_PORT;
    }
    for (const uint8_t *proto = protos[e->proto]; *proto; proto++) {
        m.proto = *proto;
        match_add(g, &m);
        if (kept) hearing_of(p, &m, add_given, g);
    }
}

static bool is_transparent(const struct program *p, const struct pbc_service *s)
{
    return s->proxy && p->proxies[s->proxy - 1].flags & PBC_PROXY_TRANSPARENT;
}

/* Add a server's replies, of one protocol, to the source addresses that translation uses */
static void add_reply(struct guarded *g, const struct program *p, const struct pbc_service *s,
                      const struct pbc_server *server, struct guard_match m, bool echo)
{
    const struct pbc_pool *pool = &p->pools[server->pool];
    if (!mode_is(s->mode, MODE_OWN_SOURCE) || is_transparent(p, s)) {
        m.reach = GUARD_SENT_ON;
        match_add(g, &m);
        hearing_answers(&m, add_given, g);
        return;
    }
    m.to_ports = echo ? GUARD_ANY_PORT : (struct guard_ports){pool->source_port_lo, pool->source_port_hi};
    if (add_sets(g, p, pool->sources, pool->source_count, server->family, m, false)) return;
    if (echo) return; /* some echo replies answer this machine's own pings: only the kernel can know which */
    m.to_ports = (struct guard_ports){PBC_OWN_PORT_LO, UINT16_MAX};
    m.reach = GUARD_OWN;
    reserve(g, (struct host_ports){.lo = PBC_OWN_PORT_LO, .hi = UINT16_MAX, .grows = 1});
    match_add(g, &m);
}

static void add_replies(struct guarded *g, const struct program *p, const struct pbc_service *s,
                        const struct pbc_server *server)
{
    for (uint32_t i = s->endpoints; i < s->endpoints + s->endpoint_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        struct guard_match m = {.from = one(server->addr, server->family),
                                .from_ports =
                                    server->port ? exactly(server->port) : (struct guard_ports){e->port_lo, e->port_hi},
                                .to_ports = GUARD_ANY_PORT};
        if (e->proto == PBC_EP_ECHO4) m.from_ports = exactly(ECHO4_REPLY);
        if (e->proto == PBC_EP_ECHO6) m.from_ports = exactly(ECHO6_REPLY);
        if (is_echo(e->proto) && (server->family == 4) != (e->proto == PBC_EP_ECHO4)) continue;
        for (const uint8_t *proto = protos[e->proto]; *proto; proto++) {
            m.proto = *proto;
            add_reply(g, p, s, server, m, is_echo(e->proto));
        }
    }
}

/* Add a server's replies on connections from the clients' addresses, or from the host's own */
static void add_returns(struct guarded *g, const struct program *p, const struct pbc_service *s,
                        const struct pbc_server *server, enum guard_proxied kind)
{
    for (uint32_t i = s->endpoints; i < s->endpoints + s->endpoint_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        const struct guard_match m = {.from = one(server->addr, server->family),
                                      .from_ports = server->port ? exactly(server->port)
                                                                 : (struct guard_ports){e->port_lo, e->port_hi},
                                      .to_ports = GUARD_ANY_PORT,
                                      .proto = IPPROTO_TCP,
                                      .reach = kind == GUARD_ANSWERS ? GUARD_OWN : GUARD_EVERYWHERE,
                                      .proxied = (uint8_t)kind};
        match_add(g, &m);
    }
}

/* Add a match with the targets of an instruction as sources */
static void add_targets(struct guarded *g, const struct program *p, const struct pbc_cond *c, struct guard_match m)
{
    if (!(c->flags & PBC_COND_NOT)) {
        add_sets(g, p, c->first, c->count, 0, m, true);
        return;
    }
    m.from = guard_all_of(4);
    match_add(g, &m);
    m.from = guard_all_of(6);
    match_add(g, &m);
}

/* Add replies of an instruction's targets */
static void add_target_returns(struct guarded *g, const struct program *p, const struct pbc_cond *c)
{
    const struct guard_match m = {
        .from_ports = GUARD_ANY_PORT, .to_ports = GUARD_ANY_PORT, .proto = IPPROTO_TCP, .proxied = GUARD_RETURNS};
    add_targets(g, p, c, m);
}

/* Add replies of targets on the vm's connections to them, from clients' addresses or this machine's */
static void add_target_replies(struct guarded *g, const struct program *p, const struct pbc_branch *b)
{
    struct guard_match m = {
        .from_ports = GUARD_ANY_PORT, .to_ports = GUARD_ANY_PORT, .proto = IPPROTO_TCP, .reach = GUARD_SENT_ON};
    for (uint32_t c = b->conds; c < b->conds + b->cond_count; c++) {
        if (p->conds[c].kind != COND_INSTRUCTION) continue;
        add_targets(g, p, &p->conds[c], m);
        m.reach = GUARD_OWN;
        m.to_ports = (struct guard_ports){PBC_OWN_PORT_LO, UINT16_MAX};
        reserve(g, (struct host_ports){.lo = PBC_OWN_PORT_LO, .hi = UINT16_MAX});
        add_targets(g, p, &p->conds[c], m);
        return;
    }
}

static void add_pool_returns(struct guarded *g, const struct program *p, const struct pbc_service *s,
                             const struct pbc_branch *b, enum guard_proxied kind)
{
    for (uint32_t i = 0; i < branch_shares(b); i++) {
        const struct pbc_pool *pool = &p->pools[p->shares[b->shares + i].pool];
        for (uint32_t at = 0; at < pool->server_count; at++)
            add_returns(g, p, s, &p->servers[pool->servers + at], kind);
    }
}

/* True if a rule judges packets for the host itself, or from it */
static bool judges_host(const struct program *p)
{
    bool any = false;
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        any |= firewall_judges(&p->firewalls[i], PBC_DIR_IN) || firewall_judges(&p->firewalls[i], PBC_DIR_OUT);
    return any;
}

/* Add servers' replies on the connections of a proxy service that have clients' addresses. A transparent service has
 * only such connections; on another service, they are those whose instruction requests it */
static void add_all_returns(struct guarded *g, const struct program *p, const struct pbc_service *s)
{
    const bool transparent = p->proxies[s->proxy - 1].flags & PBC_PROXY_TRANSPARENT;
    const bool answers = !transparent && !judges_host(p);
    for (const struct pbc_branch *b = &p->branches[s->branches]; b < &p->branches[s->branches + s->branch_count]; b++) {
        const struct pbc_cond *instruction = NULL;
        for (uint32_t c = b->conds; c < b->conds + b->cond_count; c++)
            if (p->conds[c].kind == COND_INSTRUCTION) instruction = &p->conds[c];
        if (branch_goes(b) == PBC_GOES_TARGET) {
            if (instruction) add_target_returns(g, p, instruction);
            continue;
        }
        if (instruction || transparent) add_pool_returns(g, p, s, b, GUARD_RETURNS);
        if (answers) add_pool_returns(g, p, s, b, GUARD_ANSWERS);
    }
}

static void add_service(struct guarded *g, const struct program *p, const struct pbc_service *s)
{
    const bool proxied = mode_is(s->mode, MODE_PROXIES) && !mode_is(s->mode, MODE_INLINE_STACK);
    if (mode_is(s->mode, MODE_INLINE)) return; /* matches of forwarded packets hide these */
    const bool kept = !proxied && !mode_is(s->mode, MODE_ONE_SIDED) && !mode_is(s->mode, MODE_OWN_SOURCE);
    for (uint32_t i = 0; i < s->endpoint_count; i++) add_endpoint(g, p, &p->endpoints[s->endpoints + i], proxied, kept);
    if (proxied && s->proxy) add_all_returns(g, p, s);
    if (mode_is(s->mode, MODE_ONE_SIDED) || proxied) return; /* prey handles no packets of these servers */
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++) {
        if (branch_goes(&p->branches[b]) == PBC_GOES_TARGET) add_target_replies(g, p, &p->branches[b]);
        for (uint32_t i = 0; i < branch_shares(&p->branches[b]); i++) {
            const struct pbc_pool *pool = &p->pools[p->shares[p->branches[b].shares + i].pool];
            for (uint32_t at = 0; at < pool->server_count; at++) add_replies(g, p, s, &p->servers[pool->servers + at]);
        }
    }
}

/* Add a server's replies on connections of a proxy with an address of the pool's `source` */
static void add_source_returns(struct guarded *g, const struct program *p, const struct pbc_service *s)
{
    if (mode_is(s->mode, MODE_INLINE_STACK)) return;
    for (uint32_t b = s->branches; s->proxy && b < s->branches + s->branch_count; b++)
        for (uint32_t i = 0; i < branch_shares(&p->branches[b]); i++) {
            const struct pbc_pool *pool = &p->pools[p->shares[p->branches[b].shares + i].pool];
            for (uint32_t at = 0; pool->source_count && at < pool->server_count; at++)
                add_returns(g, p, s, &p->servers[pool->servers + at], GUARD_RETURNS);
        }
}

static bool is_probed(const struct program *p, const struct pbc_service *s)
{
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++)
        for (uint32_t i = 0; i < branch_shares(&p->branches[b]); i++) {
            const struct pbc_pool *pool = &p->pools[p->shares[p->branches[b].shares + i].pool];
            for (uint32_t at = pool->servers; at < pool->servers + pool->server_count; at++)
                if (program_check(p, at) != PBC_NONE) return true;
        }
    return false;
}

/* Add servers' replies, to the service's address, to probes that are unknown to the host's own stack */
static void add_probed(struct guarded *g, const struct program *p, const struct pbc_service *s)
{
    struct guard_match m = {
        .from_ports = GUARD_ANY_PORT, .to_ports = {PBC_OWN_PORT_LO, UINT16_MAX}, .reach = GUARD_OWN};
    if (!service_checked_via(s) || !is_probed(p, s)) return;
    reserve(g, (struct host_ports){.lo = PBC_OWN_PORT_LO, .hi = UINT16_MAX});
    for (uint32_t i = s->endpoints; i < s->endpoints + s->endpoint_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        if (e->to != PBC_TO_ADDRESS) continue;
        m.from = one(e->addr, e->family);
        m.proto = IPPROTO_TCP;
        match_add(g, &m);
        m.proto = IPPROTO_UDP;
        match_add(g, &m);
    }
}

/* Return the port before the host's first port from `at` to `hi`, or `hi` if the host has none there */
static uint16_t before_hosts(const struct facts_ports *host, bool udp, uint16_t at, uint16_t hi)
{
    uint32_t first = hi + 1u;
    if (host->kept_hi && host->kept_hi >= at && host->kept_lo < first) first = host->kept_lo > at ? host->kept_lo : at;
    for (unsigned i = 0; i < host->bound_count; i++) {
        const struct facts_port *b = &host->bound[i];
        if (b->udp == udp && b->port >= at && b->port < first) first = b->port;
    }
    return (uint16_t)(first - 1);
}

/* Add a match for each run of the destination ports that are not the host's. */
static void add_shared(struct guarded *g, struct guard_match m)
{
    const struct guard_ports all = m.to_ports;
    if (!g->host) {
        match_add(g, &m);
        return;
    }
    for (uint32_t at = all.lo; at <= all.hi; at++) {
        m.to_ports =
            (struct guard_ports){(uint16_t)at, before_hosts(g->host, m.proto == IPPROTO_UDP, (uint16_t)at, all.hi)};
        if (m.to_ports.hi < at) continue;
        match_add(g, &m);
        at = m.to_ports.hi;
    }
}

static void add_narrow(struct guarded *g, const struct program *p, const struct pbc_nat *n, const struct guard_match *m)
{
    g->failed |= !narrowed(p, n, m, add_given, g);
}

/* Add the match for each source or outside address that the nat names */
static void add_asked(struct guarded *g, const struct program *p, const struct pbc_nat *n, const struct guard_match *m)
{
    if (n->outside_count)
        add_sets(g, p, n->outside, n->outside_count, n->family, *m, false);
    else if (n->kind == PBC_NAT_FORWARD)
        add_narrow(g, p, n, m);
    else if (n->kind == PBC_NAT_MASQUERADE)
        add_shared(g, *m);
    else
        match_add(g, m);
}

struct hearing {
    struct guarded *g;
    const struct program *p;
};

/* Add the senders that a narrowed match notes. */
static void add_hearing(void *arg, const struct guard_match *m)
{
    const struct hearing *h = arg;
    hearing_of(h->p, m, add_given, h->g);
}

/* Add the matches for packets to a nat's outside address and these ports, one for each protocol */
static void add_outside_at(struct guarded *g, const struct program *p, const struct pbc_nat *n, struct guard_match m,
                           struct guard_ports ports)
{
    const uint8_t bare[] = {n->ip_proto, 0};
    const uint8_t *of = n->kind != PBC_NAT_FORWARD ? drawn : n->ip_proto ? bare : protos[n->proto];
    if (!n->ip_proto) m.to_ports = ports;
    if (m.reach == GUARD_OWN && !n->ip_proto)
        reserve(g, (struct host_ports){.lo = ports.lo,
                                       .hi = ports.hi,
                                       .yields = n->kind == PBC_NAT_MASQUERADE,
                                       .grows = n->kind == PBC_NAT_MASQUERADE && !(n->flags & PBC_NAT_QUERIES)});
    for (; *of; of++) {
        m.proto = *of;
        if (*of == IPPROTO_ICMP || *of == IPPROTO_ICMPV6) m.to_ports = GUARD_ANY_PORT;
        if (*of == IPPROTO_ICMP) m.from_ports = exactly(ECHO4_ASK);
        if (*of == IPPROTO_ICMPV6) m.from_ports = exactly(ECHO6_ASK);
        add_asked(g, p, n, &m);
        struct hearing h = {g, p};
        if (n->kind == PBC_NAT_FORWARD) g->failed |= !narrowed(p, n, &m, add_hearing, &h);
    }
}

static void add_outside(struct guarded *g, const struct program *p, const struct pbc_nat *n,
                        const struct guard_match *m)
{
    if (!n->port_count) add_outside_at(g, p, n, *m, (struct guard_ports){n->port_lo, n->port_hi});
    for (uint32_t i = n->ports; i < n->ports + n->port_count; i++)
        add_outside_at(g, p, n, *m, (struct guard_ports){(uint16_t)p->ranges[i].lo, (uint16_t)p->ranges[i].hi});
}

/* Seconds that peers of a program's flows last: as long as such a flow may be silent */
struct peers_time {
    struct guarded *g;
    uint32_t sctp, other;
};

static struct peers_time peers_time(struct guarded *g, const struct program *p)
{
    const uint64_t other = p->settings->other_ns / S_NS, sctp = p->settings->sctp_ns / S_NS;
    return (struct peers_time){g, (uint32_t)(sctp > other ? sctp : other) + 1, (uint32_t)other + 1};
}

static void add_peers_of(const struct peers_time *t, struct guard_match m)
{
    if (m.from.lo.family || m.to.lo.family) {
        match_add(t->g, &m);
        return;
    }
    for (unsigned family = 4; family <= 6; family += 2) {
        m.from = guard_all_of(family);
        match_add(t->g, &m);
    }
}

/* Add the peers of the flows of a match, by protocol; flows of ICMP, and those whose ports a nat chooses, need none. */
static void add_peers(void *arg, const struct guard_match *m)
{
    static const uint8_t none[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6};
    const struct peers_time *t = arg;
    struct guard_match one = *m;
    one.hides = GUARD_HIDES_FROM_PEERS;
    if (memchr(none, m->proto, sizeof none)) return;
    if (m->proto != IPPROTO_SCTP) {
        one.last_s = t->other;
        add_peers_of(t, one);
    }
    if (m->proto && m->proto != IPPROTO_SCTP) return;
    one.proto = IPPROTO_SCTP;
    one.last_s = t->sctp;
    add_peers_of(t, one);
}

/* Return the ports of a forward's target, or, for an echo, the type of its replies */
static struct guard_ports target_ports(const struct pbc_nat *n)
{
    if (n->proto == PBC_EP_ECHO4) return exactly(ECHO4_REPLY);
    if (n->proto == PBC_EP_ECHO6) return exactly(ECHO6_REPLY);
    if (n->ip_proto) return GUARD_ANY_PORT;
    if (!n->target_port) return (struct guard_ports){n->port_lo, n->port_hi};
    return (struct guard_ports){n->target_port, (uint16_t)(n->target_port + (n->port_hi - n->port_lo))};
}

/* Add the replies of a forward's target, one match per protocol, to the addresses that the statement names */
static void add_forward(struct guarded *g, const struct program *p, const struct pbc_nat *n)
{
    const uint8_t bare[] = {n->ip_proto, 0};
    struct guard_match reply = {.from = one(n->target, n->family),
                                .from_ports = target_ports(n),
                                .to_ports = GUARD_ANY_PORT,
                                .reach = GUARD_SENT_ON};
    for (const uint8_t *of = n->ip_proto ? bare : protos[n->proto]; *of; of++) {
        reply.proto = *of;
        if (!n->from_count)
            match_add(g, &reply);
        else
            add_sets(g, p, n->from, n->from_count, n->family, reply, false);
        hearing_answers(&reply, add_given, g);
    }
}

/* Return the addresses of a map's prefix */
static struct guard_addresses prefix(const uint32_t addr[4], const struct pbc_nat *n)
{
    const struct address_range r = address_prefix(addr, n->len, n->family);
    return guard_range(&r);
}

/* Write the interface's name, if the statement has one. False: too long for an interface. */
static bool device_of(const struct program *p, const struct pbc_nat *n, char name[IFNAMSIZ])
{
    const char *device = n->iface == PBC_NONE ? "" : program_str(p, p->ifaces[n->iface].device);
    return snprintf(name, IFNAMSIZ, "%s", device) < IFNAMSIZ;
}

/* Hide the packets that a statement without `out on` takes, even if their route leads out of no port: prey can't
 * send them there, and this machine's stack would, with their inside address. */
static void add_everywhere(struct guarded *g, const struct program *p, const struct pbc_nat *n, struct guard_match m)
{
    m.reach = GUARD_FOREIGN;
    add_narrow(g, p, n, &m);
}

static void add_nat(struct guarded *g, const struct program *p, const struct pbc_nat *n)
{
    struct guard_match out = {.from_ports = GUARD_ANY_PORT, .to_ports = GUARD_ANY_PORT, .reach = GUARD_SENT_ON};
    struct guard_match in = {.from_ports = GUARD_ANY_PORT, .to_ports = GUARD_ANY_PORT, .reach = GUARD_EVERYWHERE};
    const bool forward = n->kind == PBC_NAT_FORWARD, map = n->kind == PBC_NAT_MAP;
    const bool named = device_of(p, n, forward ? in.in : out.out);
    if (n->kind == PBC_NAT_MASQUERADE || n->flags & PBC_NAT_TO_SELF) in.reach = GUARD_OWN;
    if (forward && n->flags & PBC_NAT_TO_SELF) in.to = guard_all_of(n->family);
    if (map) in.reach = GUARD_FOREIGN, in.to = prefix(n->to, n);
    if (nat_to_one(n)) in.to = one(n->to, n->family);
    if (map) hearing_map(p, n, add_given, g);
    if (map)
        match_add(g, &in);
    else if (named || !forward)
        add_outside(g, p, n, &in);
    if (map) out.from = prefix(n->target, n);
    if (map && named && !*out.out) add_everywhere(g, p, n, out);
    if (forward)
        add_forward(g, p, n);
    else if (named)
        add_narrow(g, p, n, &out);
    if (forward || map || !named) return;
    struct peers_time time = peers_time(g, p);
    g->failed |= !narrowed(p, n, &out, add_peers, &time);
}

static int compare(const void *a, const void *b) { return memcmp(a, b, sizeof(struct guard_match)); }

/* Sort matches and remove duplicates */
static void sort_out(struct guarded *g)
{
    unsigned kept = 0;
    if (g->match_count) qsort(g->matches, g->match_count, sizeof *g->matches, compare);
    for (unsigned i = 0; i < g->match_count; i++)
        if (!kept || compare(&g->matches[i], &g->matches[kept - 1])) g->matches[kept++] = g->matches[i];
    g->match_count = kept;
}

static void add_opened(struct guarded *g, const struct program *p)
{
    struct opened o;
    g->failed |= !opened_init(&o, p);
    for (unsigned i = 0; i < o.count; i++) match_add(g, &o.matches[i]);
    opened_fini(&o);
}

static void add_program(struct guarded *g, const struct program *p, bool probes)
{
    for (uint32_t i = 0; i < p->services_count && probes; i++) add_probed(g, p, &p->services[i]);
    add_opened(g, p);
    for (uint32_t i = 0; i < p->services_count; i++) add_service(g, p, &p->services[i]);
    for (uint32_t i = 0; i < p->services_count; i++) add_source_returns(g, p, &p->services[i]);
    for (uint32_t i = 0; i < p->nats_count; i++) add_nat(g, p, &p->nats[i]);
}

bool guarded_init(struct guarded *g, const struct program *p, const struct program *before,
                  const struct facts_ports *host, bool probes)
{
    *g = (struct guarded){.host = host};
    add_program(g, p, probes);
    if (before) add_program(g, before, probes);
    if (g->failed) return false;
    sort_out(g);
    return true;
}

bool guarded_nats(struct guarded *g, const struct program *p, const struct facts_ports *host, bool masquerades)
{
    *g = (struct guarded){.host = host};
    for (uint32_t i = 0; i < p->nats_count; i++)
        if (!masquerades || p->nats[i].kind == PBC_NAT_MASQUERADE) add_nat(g, p, &p->nats[i]);
    if (g->failed) return false;
    sort_out(g);
    return true;
}

void guarded_share(struct guarded *g, const struct guard_match *m)
{
    const bool shares =
        m->reach == GUARD_OWN && !m->to.lo.family && (m->proto == IPPROTO_TCP || m->proto == IPPROTO_UDP);
    if (shares)
        add_shared(g, *m);
    else
        match_add(g, m);
}

/* True for a match of packets forwarded by their route, even if that leads out of no port (add_everywhere), and for
 * a match of their receivers. */
static bool is_sent_on(const struct guard_match *m)
{
    return m->reach == GUARD_SENT_ON || m->hides || (m->reach == GUARD_FOREIGN && m->from.lo.family);
}

void guarded_spare_sent(struct guarded *g)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < g->match_count; i++)
        if (!is_sent_on(&g->matches[i])) g->matches[kept++] = g->matches[i];
    g->match_count = kept;
}

void guarded_spare_heard(struct guarded *g)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < g->match_count; i++)
        if (g->matches[i].hides < GUARD_HEARS) g->matches[kept++] = g->matches[i];
    g->match_count = kept;
}

void guarded_fini(struct guarded *g)
{
    free(g->matches);
    free(g->ports);
}

bool guarded_more(struct guarded *g, const struct guard_match *more, unsigned count)
{
    for (unsigned i = 0; i < count; i++) match_add(g, &more[i]);
    sort_out(g);
    return !g->failed;
}
