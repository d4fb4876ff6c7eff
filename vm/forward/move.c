/* Sending on, by another worker (forward.h, forward_move). Resources are held again for each flow, as where flows are
 * read (archive.c). */
#include "vm/forward/forward_priv.h"
#include "vm/packet/parse/header.h"

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

/* Hold what a service's flow holds. */
static bool serve_moved(struct forward *f, const struct flow_bind *b)
{
    const bool knows = !(b->flags & BIND_CLIENT_KNOWN) || f->held.clients;
    return knows && b->server < f->p->servers_count && outside_hold(f->outside, b);
}

/* Count the flow, which is here now. */
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
