/* How many flows are bound to each server and each service of a worker: what `least_conn` balances by and `max flows`
 * bounds. */
#ifndef VM_FORWARD_BIND_CONNS_H
#define VM_FORWARD_BIND_CONNS_H

#include <stdint.h>

#include "vm/program/program.h"

struct conns {
    uint32_t *servers, *services; /* by index in SERVERS, SERVICES */
    uint64_t *begun;              /* by index in SERVERS: flows that the server was given, ever */
};

/* All zero. False: memory is out; conns_fini all the same. */
bool conns_init(struct conns *c, const struct program *p);
void conns_fini(struct conns *c);

void conns_add(struct conns *c, uint32_t service, uint32_t server);
void conns_drop(struct conns *c, uint32_t service, uint32_t server);

#endif
