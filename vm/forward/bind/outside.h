/* Outside addresses: what servers see as the source of what passthrough and tunnels send them, and the ports of each.
 */
#pragma once

#include "vm/cfg.h"
#include "vm/flow/bind.h"
#include "vm/keyed/archive.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"

struct outside; /* a worker's */

/* NULL: out of memory. */
struct outside *outside_new(const struct program *p, const struct vm_cfg *cfg);
void outside_free(struct outside *o);
/* `to`, of another program, goes on with the ports of `from`, where a pool's servers and sources are the same; and, for
 * tunnels to servers of the past, with their sources. */
void outside_keep(struct outside *to, struct outside *from, const struct remap *r);

/* The first address that traffic to a server may come from, of its family: its pool's `source`, else this machine's on
 * the way there. False: none is known. */
bool outside_address(const struct outside *o, const struct facts *facts, uint32_t server, uint32_t addr[4]);

/* Could b->to_src and b->to_src_port be the flow's? */
typedef bool outside_free_fn(void *arg, const struct flow_bind *b);
/* Give a binding to b->server of a packet an address and a port (an identifier), now taken: the addresses in turn from
 * one that `hash` gives. is_free may release flows whose time has passed. False: none is known, or none is free. */
bool outside_take(struct outside *o, const struct facts *facts, const struct key *key, uint64_t hash,
                  struct flow_bind *b, outside_free_fn *is_free, void *arg);
/* Into a binding to b->server that found no port: one of the first of these addresses, by chance, that may be taken,
 * for its flow to give way. False: no address is known. */
bool outside_draw(struct outside *o, const struct facts *facts, uint64_t hash, struct flow_bind *b);
/* It is not the flow's after all. */
void outside_give(struct outside *o, const struct flow_bind *b);
/* The flow has ended. Until rests_ns its port is nobody else's, or until nearly all ports are taken, or RESTS_MOST
 * others rest, or other rules come. 0: it need not rest. */
void outside_leave(struct outside *o, const struct flow_bind *b, uint64_t now_ns, uint64_t rests_ns);
/* Ports that have rested long enough are free again: some of them a call. */
void outside_at(struct outside *o, uint64_t now_ns);

/* State beside flows (keyed/archive.h) goes into a new one; then outside_hold for each flow. */
void outside_archive(struct outside *o, struct archive *a);
/* The binding's port is the flow's; false: it cannot be. */
bool outside_hold(struct outside *o, const struct flow_bind *b);

/* Ports that flows hold, in all spaces: those that rest are nobody's. */
uint64_t outside_used(const struct outside *o);
