/* A proxy loop's balancing: which server a client's connection goes to, by the same pools, weights, health, affinity
 * and bounds as packets of the other modes. What vm_run is to packets this is to connections: one thread's, pure, no
 * allocation but in chooser_new.
 *
 *      chooser_facts        at each turn of the loop
 *      chooser_admit        a connection was accepted: is there a place for it?
 *      chooser_pick         its branch is known: the server
 *      chooser_begin        it is connected to; false: it is full since, chooser_next
 *      chooser_next         that failed: another one
 *      chooser_end          the connection to the server is over; there may be one after the other, and several
 *      chooser_leave        the client's is over
 *
 * `key`: the client's connection as its first packet was parsed: src, dst, ports, proto, kind (family, KIND_TCP,
 * KIND_PORTS). `service`, `branch`, `pool`, `server`: numbers of the chooser's program. The service's `rate` is not
 * asked here: the vm asks it of the connection's first packet. */
#pragma once

#include "vm/stream/first.h"
#include "vm/vm.h"

struct chooser;

/* Of the program, which it holds a reference to, with the seed and the share of cfg: where several loops count together
 * `max flows` and least_conn are of all of them; without a share it counts alone. NULL: out of memory. A table of
 * 65,537 slots takes a millisecond, so another thread may make it for chooser_swap, and tables for chooser_take_tables.
 */
struct chooser *chooser_new(struct program *p, const struct vm_cfg *cfg);
void chooser_free(struct chooser *c); /* NULL is fine */

/* The time, and what servers can do. The facts stay there until the next call. */
void chooser_facts(struct chooser *c, const struct vm_in *in);

/* Exchange tables for those in `tables` (vm_tables, of the same program), before chooser_facts is told what they are
 * of: then it builds none. */
void chooser_take_tables(struct chooser *c, struct balance *tables);

/* One more connection of the client's at the service. REASON_NONE, and chooser_leave is to follow, with *known; or why
 * not: REASON_MAX_FLOWS (`max flows`, `max flows per source`). */
enum pkt_reason chooser_admit(struct chooser *c, uint32_t service, const struct key *key, bool *known);
void chooser_leave(struct chooser *c, uint32_t service, const struct key *key, bool known);

struct choice {
    uint32_t pool, server;  /* PBC_NONE: none */
    enum pkt_reason reason; /* without a server: REASON_NO_SERVER, or REASON_MAX_FLOWS: all hold as many as they may */
};
/* The server that the client keeps, or the pool by share and the server by the pool's balance; where that is full
 * (`max flows` of a server), the next that is not. affinity: what chooser_affinity has said; 0: nothing did. */
struct choice chooser_pick(struct chooser *c, uint32_t branch, const struct key *key, uint64_t affinity);
/* What the cookie of a client at that server says: the same in all loops, on all machines, after a reload. Not 0. */
uint64_t chooser_cookie(const struct chooser *c, uint32_t server);
/* What a request whose head was read says to it: of services with `affinity cookie` the number of the client's cookie,
 * with `affinity header` a hash of the field's first value. 0: nothing. */
uint64_t chooser_affinity(const struct chooser *c, uint32_t service, const struct first *f);
/* The server behind that one in its pool's order, round its end, that is not full; PBC_NONE: no other takes new
 * connections. */
uint32_t chooser_next(struct chooser *c, uint32_t branch, const struct key *key, uint32_t server);

/* A connection to the server is begun: least_conn counts it, a source with affinity keeps the server. False, and it is
 * not counted: the server is full, another loop was faster. */
bool chooser_begin(struct chooser *c, uint32_t branch, uint32_t server, const struct key *key);
void chooser_end(struct chooser *c, uint32_t server);

/* Another program takes this one's place: `fresh`, a chooser of r->program that has counted nothing, gives its parts
 * and is to be freed then. What is counted goes on under the new numbers (r->service, r->branch, r->server), by which
 * the loop renames what its sessions hold. 0; or, and nothing has changed: -EINVAL, the remap is of other programs or
 * leaves out what is used (chooser_conns, in the counters that vm_gone is given, prevents it). */
int chooser_swap(struct chooser *c, struct chooser *fresh, const struct remap *r);

/* Connections by service and server, now and ever. */
const struct conns *chooser_conns(const struct chooser *c);
