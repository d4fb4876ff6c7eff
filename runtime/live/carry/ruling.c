/* Arrays for interfaces, servers, services and nats, made and freed together */
#include "runtime/live/carry/ruling.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/exchange/iface_id.h"
#include "vm/judge/lives.h"
#include "vm/worker/owner.h"

bool ruling_init(struct ruling *r, const char *const devices[], unsigned count)
{
    for (unsigned at = 0; at < PORTS_MOST; at++)
        r->iface[at] = port_iface_id(r->program, devices[at % count], at % count);
    r->ifaces_count = r->program->ifaces_count + count;
    r->ifaces = calloc(r->ifaces_count, sizeof *r->ifaces);
    r->server_out = calloc(r->program->servers_count + 1u, sizeof *r->server_out);
    r->down = calloc(r->program->servers_count + 1u, sizeof *r->down);
    r->up_since_ns = calloc(r->program->servers_count + 1u, sizeof *r->up_since_ns);
    r->weights = calloc(r->program->servers_count + 1u, sizeof *r->weights);
    r->by_hand = calloc(r->program->servers_count + 1u, sizeof(void *));
    r->drains = calloc(r->program->services_count + 1u, sizeof *r->drains);
    r->server_mtu = calloc(r->program->servers_count + 1u, sizeof *r->server_mtu);
    r->target_out = calloc(r->program->nats_count + 1u, sizeof *r->target_out);
    for (uint32_t i = 0; r->down && i < r->program->servers_count; i++)
        if (r->program->servers[i].flags & PBC_SERVER_UNKNOWN) r->down[i] = FACTS_UNKNOWN;
    for (unsigned i = 0; r->ifaces && i < r->ifaces_count; i++) r->ifaces[i].peer = IFACE_NONE;
    r->opened = calloc(1, sizeof *r->opened);
    if (!r->opened || !opened_init(r->opened, r->program)) return false;
    return r->ifaces && r->server_out && r->server_mtu && r->target_out && r->down && r->up_since_ns && r->weights &&
           r->by_hand && r->drains && r->name && !labels_init(&r->labels, r->program);
}

void ruling_fini(struct ruling *r)
{
    checks_free(r->checks);
    labels_fini(&r->labels);
    owners_free(r->owners);
    shared_free(r->shared);
    if (r->opened) opened_fini(r->opened);
    free(r->opened);
    if (r->lives) program_members(r->program, NULL); /* the program may run again */
    lives_free(r->lives);
    program_put(r->program);
    free(r->name);
    free(r->allows);
    free(r->ifaces);
    free(r->server_out);
    free(r->server_mtu);
    free(r->target_out);
    free(r->down);
    free(r->up_since_ns);
    free(r->weights);
    free(r->by_hand);
    free(r->drains);
    free(r->told);
    *r = (struct ruling){0};
}
