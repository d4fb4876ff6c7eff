#include "runtime/live/rules/dress.h"

#include <errno.h>
#include <string.h>

#include "vm/forward/service.h"

/* The first address of a pool's `source` of that family. False: there is none. */
static bool written_source(const struct program *p, const struct pbc_pool *pool, bool v6, uint32_t addr[4])
{
    for (uint32_t i = pool->sources; i < pool->sources + pool->source_count; i++) {
        const struct pbc_set *s = &p->sets[i];
        if (!(v6 ? s->count6 : s->count4)) continue;
        memset(addr, 0, 4 * sizeof *addr);
        if (!v6) addr[0] = p->set4[s->first4].lo;
        if (!v6) return true;
        const struct pbc_range6 *r = &p->set6[s->first6];
        addr[0] = (uint32_t)(r->lo_hi >> 32);
        addr[1] = (uint32_t)r->lo_hi;
        addr[2] = (uint32_t)(r->lo_lo >> 32);
        addr[3] = (uint32_t)r->lo_lo;
        return true;
    }
    return false;
}

static int into_tunnel(const struct dress *d, struct pkt *pkt, const struct key *key)
{
    const struct program *p = d->program;
    const struct pbc_server *server = &p->servers[d->server];
    const struct pbc_service *s = &p->services[d->service];
    struct tunnel t = {.kind = (uint8_t)tunnel_of(s), .port = s->gue_port, .v6 = server->family == 6};
    memcpy(t.dst, server->addr, sizeof t.dst);
    if (!written_source(p, &p->pools[server->pool], t.v6, t.src) && !facts_address(d->facts, d->out, t.v6, t.src))
        return -EADDRNOTAVAIL;
    return tunnel_encap(pkt, key, &t, d->number * 2654435761u, 0);
}

int dress(const struct dress *d, struct pkt *pkt, const struct key *key)
{
    return mode_is(d->program->services[d->service].mode, MODE_TUNNELS) ? into_tunnel(d, pkt, key) : 0;
}
