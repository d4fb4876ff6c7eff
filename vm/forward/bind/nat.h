/* Address translation: which statement of a `nat` translates a new flow, and to what.
 *
 *      inside a:p > remote             masquerade, source   from outside A:q, the mapping of a:p
 *      stranger > A:q                  a mapped end         to a:p
 *      stranger > A:forwarded port     forward              to the target and its port
 *      inside > A:q or A:forwarded     hairpin              both: from the asker's own mapping (RFC 4787, REQ-9)
 *
 * The first statement that fits, in the order of the file; what is addressed to an outside end is turned before the way
 * out is asked for. TCP, UDP and ICMP queries have mappings (mappings.h). What else there is gets another address and
 * keeps the rest: of two inside hosts that would then look alike to one remote end the second is refused. */
#pragma once

#include "vm/cfg.h"
#include "vm/flow/bind.h"
#include "vm/flow/flow.h"
#include "vm/forward/bind/mappings.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"
#include "vm/verdict.h"

struct nat; /* a worker's */

struct nat *nat_new(const struct program *p, const struct vm_cfg *cfg); /* NULL when memory is out */
void nat_free(struct nat *n);
/* `to`, of another program, goes on with the mappings of `from`, where all statements are the same, and with its
 * counters. */
void nat_keep(struct nat *to, struct nat *from, const struct remap *r);

/* Before anything is judged: the addresses that `masquerade` translates to, each interface's own. Mappings to one that
 * this machine no longer has stay until their flows end. */
void nat_facts(struct nat *n, const struct facts *facts);

enum nat_fate {
    NAT_NOTHING, /* no statement fits: the packet goes on as it is */
    NAT_BOUND,   /* `bind` says what it becomes; the mappings in it are held */
    NAT_NO_PORT, /* a statement fits, but there is no address or port to give */
};
/* A packet that was let in, belongs to no flow and went to no service; `query` is the identifier of an ICMP query,
 * `stack` of its VLAN tags. With `look` nothing is taken: the ports of a mapping that would be made are 0. */
enum nat_fate nat_choose(struct nat *n, const struct key *key, uint16_t query, uint16_t stack, bool look,
                         struct flow_bind *bind);
/* The same, and nothing is taken: the port of a mapping that would be made is the source's own, where that is free, or
 * 0, one by chance; NAT_NO_PORT where there is none. */
enum nat_fate nat_tell(struct nat *n, const struct key *key, uint16_t query, uint16_t stack, struct flow_bind *bind);
/* The flow has begun. */
void nat_begun(struct nat *n, const struct flow_bind *bind);
/* The flow could not be made: what its binding held. `high`: the high side opened it. */
void nat_drop(struct nat *n, const struct flow_bind *bind, const struct flow_id *id, bool high);
/* A flow has ended: its address and port are given to no other flow before rests_ns (mappings.h, mapping_leave). */
void nat_leave(struct nat *n, const struct flow_bind *bind, const struct flow_id *id, bool high, uint64_t now_ns,
               uint64_t rests_ns);
/* Now and then: what has rested is free. */
void nat_at(struct nat *n, uint64_t now_ns);

/* Outside addresses and mappings (keyed/archive.h), into what is new; then nat_hold for each flow, and nat_held. */
void nat_archive(struct nat *n, struct archive *a);
/* A flow goes on, and the mappings in its binding are its own; false: there are no such. */
bool nat_hold(struct nat *n, const struct flow_bind *bind, const struct flow_id *id, bool high);
/* Is every mapping some flow's, or rests for one? */
bool nat_held(const struct nat *n);

/* The interface by which the original direction leaves; IFACE_NONE: not known. */
uint16_t nat_way_out(const struct nat *n, const struct facts *facts, const struct flow_bind *bind);
/* The statement's bound of the MSS in SYNs, of either side (struct pbc_nat). */
uint16_t nat_mss(const struct nat *n, const struct flow_bind *b);
/* A flow could not be made, for one of another host's looks alike to the other end. */
void nat_alike(struct nat *n);
/* A packet of a flow that the statement translated left, in either direction. */
void nat_count(struct nat *n, uint32_t statement, uint32_t bytes);
/* Those that others sent on. */
void nat_count_all(struct nat *n, uint32_t statement, struct counter of);

/* Idle time of a translated UDP flow (RFC 4787, REQ-5); 0: the timeouts that the file has written hold. */
uint64_t nat_udp_idle_ns(const struct program *p);

const struct nat_counters *nat_counters(const struct nat *n);
