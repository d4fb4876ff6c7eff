/* Numbers of flows bound to each server and each service, of one worker and of all that share them (vm/shared/):
 * `least_conn` balances by them, and `max flows` limits them. */
#pragma once

#include <stdint.h>

#include "vm/forward/service.h"
#include "vm/program/program.h"
#include "vm/shared/shared.h"

/* Make counts of 0, counted together with the others of the share. False: out of memory; call conns_fini all the
 * same. */
bool conns_init(struct conns *c, const struct program *p, const struct share *s);
void conns_fini(struct conns *c);
/* True if the service may take one more flow and then has at most `most`. The place is reserved for conns_add of
 * that flow; conns_release must follow in either case. */
bool conns_reserve(struct conns *c, uint32_t service, uint64_t most);
void conns_release(struct conns *c, uint32_t service);
void conns_add(struct conns *c, uint32_t service, uint32_t server);
void conns_drop(struct conns *c, uint32_t service, uint32_t server);

/* Counts for the two halves of a proxy's flow. They are separate because a client's connection may wait for a
 * server, or have none, or several in turn. conns_enter and conns_serve count one more at the service or server, if
 * it then has at most `most` (UINT64_MAX: no limit); conns_leave and conns_rest count one less. */
bool conns_enter(struct conns *c, uint32_t service, uint64_t most);
void conns_leave(struct conns *c, uint32_t service);
bool conns_serve(struct conns *c, uint32_t server, uint64_t most);
void conns_rest(struct conns *c, uint32_t server);
/* Return the server's connections, of all workers that count together. */
uint64_t conns_of_server(const struct conns *c, uint32_t server);

/* Take over the counts of `from`, of the former program, including the shared ones. */
void conns_keep(struct conns *to, const struct conns *from, const struct remap *r);
/* True if no flow uses a service or server that the remap leaves out. */
bool conns_spare(const struct conns *c, const struct remap *r);
