/* The state of sending on that goes on after a reload in the next program, or in other workers (forward.h) */
#include <string.h>

#include "vm/forward/forward_priv.h"
#include "vm/packet/parse/header.h"
#include "vm/program/swap.h"

bool forward_spares(const struct forward *f, const struct remap *r)
{
    const uint32_t *nats = f->nat ? nat_counters(f->nat)->flows : NULL;
    bool unused = conns_spare(&f->held.conns, r);
    for (uint32_t i = 0; nats && i < program_all_nats(r->from); i++) unused &= r->nat[i] != PBC_NONE || !nats[i];
    return unused;
}

void forward_keep(struct forward *to, struct forward *from, const struct remap *r, uint64_t now_ns)
{
    to->counters = from->counters;
    outside_keep(to->outside, from->outside, r);
    to->counters.ports = outside_used(to->outside);
    if (from->nat && to->nat) nat_keep(to->nat, from->nat, r);
    held_keep(&to->held, &from->held, r);
    if (from->cookies) SWAP(to->cookies, from->cookies);
    to->recipes = from->recipes ? from->recipes + 1 : 0;
    to->datagram = from->datagram;
    to->drained_ns = forward_next_drained(to->p, now_ns);
}

/* True if the space of the source port goes on, so that the port can be given back there. */
static bool has_space(const struct remap *r, uint32_t was, uint32_t is)
{
    const uint32_t pool = r->program->servers[is].pool;
    return pool < r->program->past->pools && r->pool_out[pool] == r->from->servers[was].pool;
}

static void renew_client(const struct remap *r, struct flow_bind *b)
{
    if (b->client_iface == IFACE_NONE || b->client_iface >= r->ifaces) return;
    b->client_iface = r->iface[b->client_iface];
    if (b->client_iface == IFACE_NONE) memset(b->client_mac, 0, sizeof b->client_mac); /* routes give the way back */
}

void forward_renew_bind(void *arg, struct flow_bind *b)
{
    const struct remap *r = arg;
    renew_client(r, b);
    if (b->kind != BIND_SERVICE) {
        b->nat = (uint16_t)r->nat[b->nat];
        if (!r->nats) b->flags &= (uint8_t) ~(BIND_HOLDS_SRC | BIND_HOLDS_DST); /* mappings begin again */
        return;
    }
    const uint32_t was = b->server;
    b->server = r->server[was];
    b->branch = r->branch[b->branch];
    if (b->space != PBC_NONE && !has_space(r, was, b->server)) b->space = PBC_NONE;
}

/* ---- another worker (forward_move): resources are held again, as when flows are read (archive.c) ---- */

void forward_move_begin(struct forward *f, struct forward *from, forward_takes_fn *takes, void *arg)
{
    struct client_key key;
    uint32_t at = 0;
    f->datagram = from->datagram;
    if (!f->drained_ns || from->drained_ns < f->drained_ns) f->drained_ns = from->drained_ns;
    outside_move(f->outside, from->outside);
    if (f->nat && from->nat) nat_move(f->nat, from->nat);
    if (f->cookies && from->cookies) cookies_move(f->cookies, from->cookies);
    if (!from->held.clients) return;
    if (!f->held.clients) f->held.clients = clients_new(1, 0); /* an earlier program asked for them */
    while (f->held.clients && client_next(from->held.clients, &at, &key))
        if (takes(arg, key.addr, NULL, 0, key.v6)) client_keep(f->held.clients, from->held.clients, &key);
}

/* Take the resources that a service's flow holds. */
static bool serve_moved(struct forward *f, const struct flow_bind *b)
{
    const bool knows = !(b->flags & BIND_CLIENT_KNOWN) || f->held.clients;
    return knows && b->server < f->p->servers_count && outside_hold(f->outside, b);
}

/* Count a flow that has moved here. */
static void count_served(struct forward *f, int32_t slot)
{
    struct flow_bind *b;
    struct flow_id id;
    const struct flow *flow = track_flow_at(f->track, slot, &id, &b);
    const uint32_t service = f->p->branches[b->branch].service,
                   *opener = flow->flags & FLOW_OPENED_BY_HIGH ? id.high : id.low;
    conns_add(&f->held.conns, service, b->server);
    f->counters.bound++;
    f->counters.ports = outside_used(f->outside);
    if (!(b->flags & BIND_CLIENT_KNOWN)) return;
    const struct client_key k = held_client(f->p, service, opener, id.kind & FLOW_ID_IP6);
    if (!client_add(f->held.clients, &k, PBC_NONE)) b->flags &= (uint8_t)~BIND_CLIENT_KNOWN;
}

int32_t forward_move_flow(struct forward *f, struct forward *from, int32_t slot, const struct forward_move *m)
{
    struct flow_bind *there;
    struct flow_id id;
    const struct flow *flow = track_flow_at(from->track, slot, &id, &there);
    const struct flow_bind b = *there;
    const bool served = b.kind == BIND_SERVICE, high = flow->flags & FLOW_OPENED_BY_HIGH;
    const uint16_t stack = track_move_stack(f->track, from->track, id.stack);
    const struct nat_move nat = {stack, m->leads_src, m->leads_dst};
    if (stack == STACK_UNKNOWN) return FLOW_NONE;
    if (!(served ? serve_moved(f, &b) : f->nat && nat_move_hold(f->nat, from->nat, &b, &id, high, &nat))) {
        track_drop_stack(f->track, stack);
        return FLOW_NONE;
    }
    const int32_t at = track_move(f->track, from->track, slot, stack);
    if (at == FLOW_NONE) {
        if (served)
            outside_give(f->outside, &b);
        else
            nat_leave(f->nat, &b, &id, high, 0, 0);
        return FLOW_NONE;
    }
    if (served) {
        count_served(f, at);
        return at;
    }
    struct flow_bind *here;
    track_flow_at(f->track, at, &id, &here);
    nat_hold_by(f->nat, here, &id, at);
    return at;
}

void forward_move_end(struct forward *f, struct forward *from, forward_takes_fn *takes, void *arg, bool ports)
{
    static const uint8_t protos[MAP_CLASSES] = {IPPROTO_NR_TCP, IPPROTO_NR_UDP, IPPROTO_NR_ICMP};
    const struct mapping *one;
    const struct map_end *end;
    uint64_t until_ns;
    for (uint32_t i = 0; f->nat && from->nat && nat_rest(from->nat, i, &one, &end, &until_ns); i++) {
        if (takes(arg, end->addr, &end->port, protos[end->class], end->v6))
            nat_move_rest(f->nat, from->nat, one, until_ns, 0);
    }
    if (f->cookies && from->cookies) cookies_move_waits(f->cookies, from->cookies, f->track, from->track);
    if (ports) outside_move_rests(f->outside, from->outside);
    f->counters.ports = outside_used(f->outside);
}

bool forward_has_target(const struct forward *f, const struct flow_id *id, bool high, bool led)
{
    return f->nat && nat_has_target(f->nat, id, high, led);
}

const struct mapping *forward_next_mapping(const struct forward *f, uint32_t *at)
{
    return f->nat ? nat_next_mapping(f->nat, at) : NULL;
}
