/* Counts of flows by server and service, see conns.h. */
#include "vm/forward/bind/conns.h"

#include <stdlib.h>

bool conns_init(struct conns *c, const struct program *p)
{
    *c = (struct conns){0};
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

void conns_share(struct conns *c, const struct share *s) { c->share = *s; }

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

static void share_add(struct conns *c, uint32_t service, uint32_t server)
{
    if (!c->reserved) shared_add(c->share.all->services[service]);
    shared_add(c->share.all->servers[server]);
    c->reserved = false;
}

void conns_add(struct conns *c, uint32_t service, uint32_t server)
{
    if (c->share.all) share_add(c, service, server);
    c->services[service]++;
    c->servers[server]++;
    c->begun[server]++;
}

void conns_drop(struct conns *c, uint32_t service, uint32_t server)
{
    c->services[service]--;
    c->servers[server]--;
    if (!c->share.all) return;
    shared_drop(c->share.all->services[service]);
    shared_drop(c->share.all->servers[server]);
}

/* So many, where the number that they were in does not go on as this one. */
static void move(struct shared_cell *to, struct shared_cell *from, uint32_t count)
{
    if (to == from) return;
    __atomic_fetch_add(&to->value, count, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&from->value, count, __ATOMIC_RELAXED);
}

void conns_move(struct conns *to, const struct conns *from, const struct remap *r)
{
    const struct shared *is = to->share.all, *was = from->share.all;
    if (!is || !was) return;
    for (uint32_t i = 0; i < r->from->servers_count; i++)
        if (r->server[i] != PBC_NONE) move(is->servers[r->server[i]], was->servers[i], from->servers[i]);
    for (uint32_t i = 0; i < r->from->services_count; i++)
        if (r->service[i] != PBC_NONE) move(is->services[r->service[i]], was->services[i], from->services[i]);
}
