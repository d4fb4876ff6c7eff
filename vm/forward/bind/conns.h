/* Counts of flows bound to each server and each service, of a worker and of all that share it (vm/shared/):
 * `least_conn` balances by them and `max flows` bounds them. */
#pragma once

#include <stdint.h>

#include "vm/forward/service.h"
#include "vm/program/program.h"
#include "vm/shared/shared.h"

/* All zero. False: memory is out; conns_fini all the same. */
bool conns_init(struct conns *c, const struct program *p);
void conns_fini(struct conns *c);
/* Count together with others, from now on. */
void conns_share(struct conns *c, const struct share *s);
/* May the service take a flow more and have `most` then? If so its place is kept, for conns_add of that flow or for
 * conns_release, which is to follow in any case. */
bool conns_reserve(struct conns *c, uint32_t service, uint64_t most);
void conns_release(struct conns *c, uint32_t service);
void conns_add(struct conns *c, uint32_t service, uint32_t server);
void conns_drop(struct conns *c, uint32_t service, uint32_t server);

/* The halves of a flow that a proxy keeps apart, for a client's connection may wait for a server, have one after the
 * other or none: one more at the service, or the server, if it has no more than `most` then (UINT64_MAX: no bound);
 * and one less. */
bool conns_enter(struct conns *c, uint32_t service, uint64_t most);
void conns_leave(struct conns *c, uint32_t service);
bool conns_serve(struct conns *c, uint32_t server, uint64_t most);
void conns_rest(struct conns *c, uint32_t server);
/* Connections of the server, of all that count together. */
uint64_t conns_of_server(const struct conns *c, uint32_t server);

/* Counts of `from`, of the program before, go on, for all who share it, too. */
void conns_keep(struct conns *to, const struct conns *from, const struct remap *r);
/* Is what the remap leaves out used by no flow? */
bool conns_spare(const struct conns *c, const struct remap *r);
