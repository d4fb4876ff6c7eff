/* Counts of flows by server and service, see conns.h */
#include "vm/forward/bind/conns.h"

#include <stdlib.h>

/* Change a count that only this thread writes, and others may read. */
static void up(uint32_t *n) { __atomic_store_n(n, *n + 1, __ATOMIC_RELAXED); }
static void down(uint32_t *n) { __atomic_store_n(n, *n - 1, __ATOMIC_RELAXED); }
static void ever_up(uint64_t *n) { __atomic_store_n(n, *n + 1, __ATOMIC_RELAXED); }

bool conns_init(struct conns *c, const struct program *p, const struct share *s)
{
    *c = (struct conns){.share = *s};
    c->servers = calloc((size_t)p->servers_count + 1, sizeof *c->servers);
    c->services = calloc((size_t)p->services_count + 1, sizeof *c->services);
    c->begun = calloc((size_t)p->servers_count + 1, sizeof *c->begun);
    return c->servers && c->services && c->begun;
}

void conns_fini(struct conns *c)
{
    free(c->servers);
    free(c->services);
    free(c->begun);
}

bool conns_reserve(struct conns *c, uint32_t service, uint64_t most)
{
    const struct shared *all = c->share.all;
    if (!share_counts(&c->share)) return c->services[service] < most;
    const bool found = all && shared_reserve(all->services[service], most);
    const bool told = share_hear(&c->share, found);
    c->reserved = found;
    return told;
}

void conns_release(struct conns *c, uint32_t service)
{
    if (c->reserved) shared_drop(c->share.all->services[service]);
    c->reserved = false;
}

void conns_add(struct conns *c, uint32_t service, uint32_t server)
{
    if (c->share.all) {
        if (!c->reserved) shared_add(c->share.all->services[service]);
        shared_add(c->share.all->servers[server]);
        c->reserved = false;
    }
    up(&c->services[service]);
    up(&c->servers[server]);
    ever_up(&c->begun[server]);
}

/* Count one more in the shared cell, if it then has at most `most`. A single worker only checks its own count. */
static bool conns_take(const struct conns *c, struct shared_cell *cell, uint32_t own, uint64_t most)
{
    if (!c->share.all) return own < most;
    if (most != UINT64_MAX) return shared_reserve(cell, most);
    shared_add(cell);
    return true;
}

bool conns_enter(struct conns *c, uint32_t service, uint64_t most)
{
    if (!conns_take(c, c->share.all ? c->share.all->services[service] : NULL, c->services[service], most)) return false;
    up(&c->services[service]);
    return true;
}

void conns_leave(struct conns *c, uint32_t service)
{
    down(&c->services[service]);
    if (c->share.all) shared_drop(c->share.all->services[service]);
}

bool conns_serve(struct conns *c, uint32_t server, uint64_t most)
{
    if (!conns_take(c, c->share.all ? c->share.all->servers[server] : NULL, c->servers[server], most)) return false;
    up(&c->servers[server]);
    ever_up(&c->begun[server]);
    return true;
}

void conns_rest(struct conns *c, uint32_t server)
{
    down(&c->servers[server]);
    if (c->share.all) shared_drop(c->share.all->servers[server]);
}

uint64_t conns_of_server(const struct conns *c, uint32_t server)
{
    return c->share.all ? shared_read(c->share.all->servers[server]) : c->servers[server];
}

void conns_drop(struct conns *c, uint32_t service, uint32_t server)
{
    conns_leave(c, service);
    conns_rest(c, server);
}

/* Move the count of this worker's flows to another shared cell, unless the cell goes on in the new program. */
static void shared_move(struct shared_cell *to, struct shared_cell *from, uint32_t count)
{
    if (to == from) return;
    __atomic_fetch_add(&to->value, count, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&from->value, count, __ATOMIC_RELAXED);
}

void conns_keep(struct conns *to, const struct conns *from, const struct remap *r)
{
    const struct shared *is = to->share.all, *was = from->share.all;
    for (uint32_t i = 0; i < r->from->servers_count; i++) {
        const uint32_t now = r->server[i];
        if (now == PBC_NONE) continue;
        if (is && was) shared_move(is->servers[now], was->servers[i], from->servers[i]);
        to->servers[now] += from->servers[i];
        to->begun[now] += from->begun[i];
    }
    for (uint32_t i = 0; i < r->from->services_count; i++) {
        const uint32_t now = r->service[i];
        if (now == PBC_NONE) continue;
        if (is && was) shared_move(is->services[now], was->services[i], from->services[i]);
        to->services[now] += from->services[i];
    }
}

bool conns_spare(const struct conns *c, const struct remap *r)
{
    bool unused = true;
    for (uint32_t i = 0; i < r->from->services_count; i++) unused &= r->service[i] != PBC_NONE || !c->services[i];
    for (uint32_t i = 0; i < r->from->servers_count; i++) unused &= r->server[i] != PBC_NONE || !c->servers[i];
    return unused;
}
