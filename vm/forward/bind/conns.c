/* Counts of flows by server and service, see conns.h. */
#include "vm/forward/bind/conns.h"

#include <stdlib.h>

bool conns_init(struct conns *c, const struct program *p)
{
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

void conns_add(struct conns *c, uint32_t service, uint32_t server)
{
    c->services[service]++;
    c->servers[server]++;
    c->begun[server]++;
}

void conns_drop(struct conns *c, uint32_t service, uint32_t server)
{
    c->services[service]--;
    c->servers[server]--;
}
