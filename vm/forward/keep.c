/* A reload: the state of sending on that goes on in the next program (forward.h) */
#include <string.h>

#include "vm/forward/forward_priv.h"
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
        if (!r->nats) b->flags &= (uint8_t) ~(BIND_HOLDS_SRC | BIND_HOLDS_DST); /* mappings begin anew */
        return;
    }
    const uint32_t was = b->server;
    b->server = r->server[was];
    b->branch = r->branch[b->branch];
    if (b->space != PBC_NONE && !has_space(r, was, b->server)) b->space = PBC_NONE;
}
