/* Outside addresses: the sources that servers see in passthrough and tunnels, and the ports of each */
#pragma once

#include "vm/cfg.h"
#include "vm/flow/bind.h"
#include "vm/keyed/archive.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"

struct outside; /* one per worker */

/* Make the outside addresses of a program. NULL: out of memory. */
struct outside *outside_new(const struct program *p, const struct vm_cfg *cfg);
void outside_free(struct outside *o);
/* Move the ports of `from` to `to`, of another program: for pools with the same servers and sources, and the sources
 * of tunnels to past servers. */
void outside_keep(struct outside *to, struct outside *from, const struct remap *r);

/* Find the first source address for traffic to a server, of the server's family: its pool's `source`, else this
 * machine's on the way there. False: none is known. */
bool outside_address(const struct outside *o, const struct facts *facts, uint32_t server, uint32_t addr[4]);

/* True if b->to_src and b->to_src_port can be the flow's. */
typedef bool outside_free_fn(void *arg, const struct flow_bind *b);
/* Take an address and a port (an identifier) for a binding to b->server: the addresses in turn, from one chosen by
 * `hash`. is_free may release expired flows. False: no address is known, or nothing is free. */
bool outside_take(struct outside *o, const struct facts *facts, const struct key *key, uint64_t hash,
                  struct flow_bind *b, outside_free_fn *is_free, void *arg);
/* True if nearly all ports are taken in the space from which the binding has just got one (port_map_is_short). */
bool outside_is_short(const struct outside *o, const struct flow_bind *b);
/* Draw a port, free or not, of the first address that outside_take would try, for a connection to b->server. False:
 * no address is known, or no service translates for the pool. */
bool outside_draw(struct outside *o, const struct facts *facts, uint64_t hash, struct flow_bind *b);
/* Draw a port that one of this worker's flows has, for a binding that found no free one: that flow may have to make
 * way. b->to_src_port 0: no flow has one. */
bool outside_draw_taken(struct outside *o, const struct facts *facts, const struct key *key, uint64_t hash,
                        struct flow_bind *b);
/* Draw a port of this worker's slice, for this machine's own addresses. */
uint16_t outside_own_port(struct outside *o);
/* Give back a port that the flow does not use after all. */
void outside_give(struct outside *o, const struct flow_bind *b);
/* Release the port of a flow that has ended. No other flow gets the port until rests_ns, or until nearly all ports
 * are taken, RESTS_MOST others rest, or the rules change. 0: no rest. */
void outside_leave(struct outside *o, const struct flow_bind *b, uint64_t now_ns, uint64_t rests_ns);
/* Free some ports whose rest is over. */
void outside_at(struct outside *o, uint64_t now_ns);

/* Write the state other than flows, or read it into a new one (keyed/archive.h); then call outside_hold for each
 * flow. */
void outside_archive(struct outside *o, struct archive *a);
/* Hold the port in the binding of a flow; false: impossible. */
bool outside_hold(struct outside *o, const struct flow_bind *b);

/* Continue the random draws of another worker of the same program, which draws no more; take over the ports that
 * rest there for evicted flows (second function). */
void outside_move(struct outside *o, const struct outside *from);
void outside_move_rests(struct outside *o, const struct outside *from);

/* Return the number of ports that flows hold in all spaces; resting ports don't count. */
uint64_t outside_used(const struct outside *o);
