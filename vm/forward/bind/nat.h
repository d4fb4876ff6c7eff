/* Address translation: the statement of a `nat` that translates a new flow, and its result
 *
 *      inside a:p > remote             masquerade, source   from outside A:q, the mapping of a:p
 *      stranger > A:q                  a mapped end         to a:p
 *      stranger > A:forwarded port     forward              to the target and its port
 *      inside > A:q or A:forwarded     hairpin              both: from the asker's own mapping (RFC 4787, REQ-9)
 *
 * The first statement that fits, in the order of the file, applies; a destination that is an outside end is
 * translated before the way out is found. TCP, UDP and ICMP queries have mappings (mappings.h). Other protocols get
 * only another address. If two inside hosts then look alike to a remote end, the second is refused. */
#pragma once

#include "vm/cfg.h"
#include "vm/flow/bind.h"
#include "vm/flow/flow.h"
#include "vm/forward/bind/mappings.h"
#include "vm/judge/why.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"
#include "vm/verdict.h"

struct nat; /* one per worker */

struct nat *nat_new(const struct program *p, const struct vm_cfg *cfg); /* NULL: out of memory */
void nat_free(struct nat *n);
/* Move the mappings of `from`, if all statements are the same, and its counters to `to`, of another program. */
void nat_keep(struct nat *to, struct nat *from, const struct remap *r);

/* Take the addresses that `masquerade` translates to, each interface's own, before anything is judged. Mappings to
 * an address that this machine has lost stay until their flows end. */
void nat_facts(struct nat *n, const struct facts *facts);

enum nat_fate {
    NAT_NOTHING, /* no statement fits: the packet goes on unchanged */
    NAT_BOUND,   /* `bind` is the result; its mappings are held */
    NAT_NO_PORT, /* a statement fits, but no address or port is free */
    NAT_UNKNOWN, /* a statement may fit, but the packet's outgoing interface is unknown */
    NAT_NO_WAY, /* the same for a packet whose destination was translated: this machine's stack can't route it in prey's
                   place */
};
/* A packet that was let in and belongs to no flow and no service */
struct nat_asker {
    const struct key *key;
    const struct pkt *pkt; /* gives the incoming interface, and the way if known (judge/ways.h) */
    uint16_t query, stack; /* identifier of an ICMP query; id of its VLAN stack */
    uint8_t why;  /* result, enum way_why: the cause of NAT_UNKNOWN or NAT_NO_WAY. With NAT_BOUND: why the source of
                   * a packet with a translated destination stays as it is, in a replay without routes */
    bool routed;  /* this machine's stack has chosen its way, so its destination stays */
    bool live;    /* the packet leaves: unknown facts are not guessed */
    bool asks_on; /* the caller will ask again, once another flow has given way, so a refusal is not counted yet */
};
/* Choose the packet's translation. With `look`, take nothing; the ports of a mapping that would be made are 0. */
enum nat_fate nat_choose(struct nat *n, struct nat_asker *of, bool look, struct flow_bind *bind);
/* The same without taking anything: the port of a mapping that would be made is the source's own if that is free, or
 * 0 for a random one; NAT_NO_PORT if there is none */
enum nat_fate nat_tell(struct nat *n, struct nat_asker *of, struct flow_bind *bind);
/* After NAT_NO_PORT: draw, by a random number, a port that the statement bind->nat could have given the packet at
 * bind->to_src, and set bind->to_src_port. Return the slot of the flow that had the port's mapping last. FLOW_NONE:
 * another flow holds it, too, or no port of the statement is taken. */
int32_t nat_draw(struct nat *n, const struct nat_asker *of, uint64_t random, struct flow_bind *bind);
/* After NAT_BOUND: true if the packet's mapping, or the last one made, got one of the last ports
 * (mappings_are_short). */
bool nat_is_short(const struct nat *n, const struct flow_bind *bind);
/* Count a flow that begins. */
void nat_begun(struct nat *n, const struct flow_bind *bind);
/* Note the slot of a flow that has begun, for nat_draw. */
void nat_hold_by(struct nat *n, const struct flow_bind *bind, const struct flow_id *id, int32_t slot);
/* Release a flow's mappings, at the flow's end, or because the flow could not be made (rests_ns 0); no other flow
 * gets its address and port before rests_ns (mapping_leave). high: the high side opened the flow. */
void nat_leave(struct nat *n, const struct flow_bind *bind, const struct flow_id *id, bool high, uint64_t now_ns,
               uint64_t rests_ns);
/* Free mappings whose rest is over; call now and then. */
void nat_at(struct nat *n, uint64_t now_ns);

/* Write outside addresses and mappings, or read them (keyed/archive.h); then call nat_hold for each flow, and
 * nat_held. */
void nat_archive(struct nat *n, struct archive *a);
/* Hold the mappings in the binding of a flow that goes on; false: they do not exist. */
bool nat_hold(struct nat *n, const struct flow_bind *bind, const struct flow_id *id, bool high);
/* True if every mapping is held by a flow or rests for one. */
bool nat_held(const struct nat *n);

/* Moving the flows of another worker of the same program here (forward/keep.c). nat_move: continue the random draws
 * of `from`, before any flow moves. nat_move_hold: hold the mappings of a flow here, and add those that no earlier
 * flow has brought. leads_...: new flows of the mapping's inside end belong to this worker. False: no room.
 * nat_has_target: true if the mapping of the flow's original destination is here; led: only if new flows take it,
 * too. */
struct nat_move {
    uint16_t stack; /* this worker's id of the flow's VLAN stack */
    bool leads_src, leads_dst;
};
void nat_move(struct nat *n, const struct nat *from);
bool nat_move_hold(struct nat *n, const struct nat *from, const struct flow_bind *bind, const struct flow_id *id,
                   bool high, const struct nat_move *m);
bool nat_has_target(const struct nat *n, const struct flow_id *id, bool high, bool led);
/* Return the i-th mapping that rests, its inside end, and the end of its rest; false: there are fewer. Let a mapping
 * rest here (second function). */
bool nat_rest(const struct nat *n, uint32_t i, const struct mapping **one, const struct map_end **end,
              uint64_t *until_ns);
bool nat_move_rest(struct nat *n, const struct nat *from, const struct mapping *one, uint64_t until_ns,
                   uint64_t now_ns);
/* Return the next mapping; *at begins as 0. NULL: the end. */
const struct mapping *nat_next_mapping(const struct nat *n, uint32_t *at);

/* Return the interface by which the original direction leaves; IFACE_NONE: unknown. of: a packet of the flow. */
uint16_t nat_way_out(const struct nat *n, const struct nat_asker *of, const struct flow_bind *bind);
/* True if the packet's masqueraded flow is over: its outside address is no longer this machine's, or the packet, of
 * its original direction, leaves by another interface than the statement's. A flow without a route goes on, and one
 * of a `source` keeps its outside end, whatever its way. Netfilter does the same (nf_nat_masquerade). */
bool nat_is_rerouted(const struct nat *n, const struct nat_asker *of, bool original, const struct flow_bind *bind);
/* True if no route leads packets like that one to the address. */
bool nat_leads_nowhere(const struct nat *n, const struct nat_asker *of, const uint32_t to[4]);
/* True if only this machine's stack knows by which interface a packet of the original direction leaves. Its
 * statement must ask for a way out, and its destination must stay. False if a route has several ways: the flow keeps
 * its own, by the interface of its outside address, while the stack might choose another. */
bool nat_is_unknown(const struct nat *n, const struct nat_asker *of, const struct flow_bind *bind);
/* Return the statement's limit of the MSS in SYNs of either side (struct pbc_nat). */
uint16_t nat_mss(const struct nat *n, const struct flow_bind *b);
/* Count packets whose way is unknown (NAT_UNKNOWN), by cause; count a packet that the host has routed (second
 * function; forward_routed). */
void nat_unknown(struct nat *n, const uint64_t packets[WAY_WHYS]);
void nat_routed(struct nat *n, bool lost);
/* Count a flow whose way is one of several, or that of packets without a mark (way_doubt). */
void nat_guessed(struct nat *n);
/* Count a flow that could not be made, because a flow of another host looks the same to the peer. */
void nat_alike(struct nat *n);
/* Count packets of translated flows that left, in either direction. */
void nat_count(struct nat *n, uint32_t statement, struct counter of);

/* True if the statement names no way out; not for a `forward`. */
bool nat_leaves_anywhere(const struct program *p, const struct pbc_nat *n);
/* True if the statement's way out is a condition, on several interfaces. */
bool nat_leaves_by_several(const struct program *p, const struct pbc_nat *n);
/* True if the statement names the interface with that id in rules as a way out. */
bool nat_leaves(const struct program *p, const struct pbc_nat *n, uint16_t iface);

const struct nat_counters *nat_counters(const struct nat *n);
