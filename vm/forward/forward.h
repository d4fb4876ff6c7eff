/* Sending on: packets that services and translation take (forward/bind/README.md, the life of a packet that is sent
 * on). Only programs with services or translation have it. */
#pragma once

#include "vm/context/context.h"
#include "vm/flow/leave.h"
#include "vm/forward/bind/conns.h"
#include "vm/program/remap.h"

struct forward; /* one per worker */

/* Make the state. NULL: out of memory. Any thread may make the state, because it touches no other part of a worker
 * before forward_attach. */
struct forward *forward_new(const struct program *p, const struct vm_cfg *cfg);
void forward_attach(struct forward *f, struct track *t, struct balance *b);
void forward_free(struct forward *f);
/* Move the lasting parts of `from`, which must be freed afterwards, into `to`, of another program. Then renew the
 * flows' bindings (track_renew). */
void forward_keep(struct forward *to, struct forward *from, const struct remap *r, uint64_t now_ns);
/* True if no flow uses a service, server or statement that the remap leaves out. */
bool forward_spares(const struct forward *f, const struct remap *r);
/* Renew a binding made for the former program; arg: the remap. */
void forward_renew_bind(void *arg, struct flow_bind *b);
/* Return the time when forward_tick has work even if nothing changes; UINT64_MAX: never. */
uint64_t forward_drained_ns(const struct forward *f);
const struct forward_counters *forward_counters(const struct forward *f);
/* Return the numbers of flows by server and service. */
const struct conns *forward_conns(const struct forward *f);
const struct nat_counters *forward_nat_counters(const struct forward *f); /* NULL: there are no nats */

/* Take this machine's addresses, before anything is judged. */
void forward_facts(struct forward *f, const struct facts *facts);

/* Sending by the class of a packet (flow/track/track.h); sets and counts its verdict */

/* Send to the client (SEEN_REPLY), or an error to either side about its packet (SEEN_ERROR). Neither is judged. */
void forward_reply(const struct job *j, struct packet_ctx *c);
void forward_error(const struct job *j, struct packet_ctx *c);

/* Send on a packet that the host has routed (c->routed): translated, if a nat's statement takes it on its way out.
 * If the packet can't leave, the verdict has a reason; it is not counted. */
void forward_routed(const struct job *j, struct packet_ctx *c);
/* Count a packet that the host has routed and that can't be parsed. */
void forward_routed_lost(struct forward *f);
/* In kernel mode: true for an accepted packet that goes on unchanged because its way is unknown, and that a nat may
 * translate once this machine's stack has routed it. */
bool forward_is_hosts(const struct job *j, const struct packet_ctx *c);
/* True for a packet that may begin a flow, in a program with a nat, if no route leads to its destination. Such a
 * packet begins no flow, because the flow would stay untranslated once a route exists (conntrack does not confirm
 * such a flow, either). */
bool forward_leads_nowhere(const struct job *j, const struct packet_ctx *c);

/* Send an accepted packet on. forward_on (SEEN_ORIGINAL): as its flow is bound. forward_first (SEEN_NEW, SEEN_NONE):
 * if a service or a translation takes it. forward_other (SEEN_UNBOUND): if a proxy may have its connection, or if it
 * is an error about no flow that a nat translates or refuses. False: not sent on, and not counted. */
bool forward_on(const struct job *j, struct packet_ctx *c);
bool forward_first(const struct job *j, struct packet_ctx *c);
bool forward_other(const struct job *j, struct packet_ctx *c);

/* Result of the express way for one packet (express.c), tried in place of track_look */
enum express_way {
    EXPRESS_WAY_NOT,   /* not for this packet, or no room: call track_look */
    EXPRESS_WAY_JUDGE, /* possible if the rules accept the packet; its mark and class are set as by track_look */
    EXPRESS_WAY_LEFT,  /* the packet has left; its verdict is set and counted */
};
enum express_way forward_express(const struct job *j, struct packet_ctx *c);
/* Send the packet after EXPRESS_WAY_JUDGE, accepted by the rules. False: no room; everything is set as after
 * track_look. */
bool forward_express_judged(const struct job *j, struct packet_ctx *c);
/* A parsed batch, for forward_straight: its keys and looks are the vm's. */
struct straight {
    struct pkt *const *pkts;
    struct verdict *verdicts;
    uint64_t may;   /* a bit per packet: it has a look, and ordinary headers (ordinary_headers, ordinary_frame) */
    uint64_t plain; /* a bit per packet: its key has only kind and length; no rule judges it */
    uint64_t lent;  /* a bit per packet, among `may`: it leaves by loans[i], and has no look */
    const struct loan *const *loans;
};
/* True if packets may take forward_straight now: nothing else reads a packet between its look-up and its leaving. */
bool forward_straight_may(const struct job *j);
/* Send packets of the batch from index i on, in turn, as long as each may leave at once by its flow's recipe:
 * unjudged, or by a remembered verdict. Return the index of the first packet that has not left; it is unchanged. */
unsigned forward_straight(const struct job *j, const struct straight *batch, unsigned i);
/* The same as vm_lend */
bool forward_lend(const struct forward *f, uint64_t now_ns, const struct plain *p, struct loan *loan);
/* For an executor that sends elsewhere (vm.h, vm_recipes): return the generation of valid recipes, the longest
 * packet of each kind, and the next datagram's identification. Set the next identification (second function). */
uint32_t forward_recipes(const struct forward *f, uint16_t longest[RECIPE_KINDS], uint32_t *datagram);
void forward_datagram(struct forward *f, uint32_t next);
/* Count packets that left elsewhere: replies, and those of each nat statement (NULL: none). */
void forward_count(struct forward *f, uint64_t replies, const struct counter nats[]);
/* Count packets whose way was unknown there, by enum way_why (vm/judge/why.h). */
void forward_count_ways(struct forward *f, const uint64_t unknown[]);

/* True if the packet proves a cookie that answered its SYN. The rules accepted that SYN, so the packet is not judged.
 * forward_prove also begins its flow, and sets and counts its verdict; a packet that proves the cookie again while the
 * server is awaited asks the server again. */
bool forward_proves(const struct vm *vm, const struct key *key, const struct pkt *pkt, const struct track_seen *seen);
bool forward_prove(const struct job *j, struct packet_ctx *c);

/* Explain the branch, pool and server of the packet's bound flow, or the server that its source keeps. False: the
 * packet has neither. */
bool forward_explain(struct vm *vm, const struct facts *facts, const struct key *key, const struct pkt *pkt,
                     struct served *s);
/* The same as vm_explain_nat (nat.c) */
struct translated forward_explain_nat(struct vm *vm, const struct key *key, const struct pkt *pkt);

/* Send a later fragment like its first, according to c->left. Return REASON_NONE, or the reason against it. */
enum pkt_reason forward_follow(const struct job *j, struct packet_ctx *c);
/* Return the addresses that traffic to servers comes from. */
struct outside *forward_outside(const struct forward *f);

/* True if nothing is half done, as forward_archive requires. */
bool forward_rests(const struct forward *f);
/* Write all flows and the state that sends them on, or read them into a new worker (keyed/archive.h). f: NULL if there
 * are neither services nor translation. ifaces: number of interfaces. */
bool forward_archive(struct forward *f, struct track *t, struct archive *a, const struct facts *facts);

/* Move flows, with everything that they hold, to another worker of the same program (worker/move.c) that has no flow
 * yet. takes: true if clients with that address (and port, if it counts) belong to this worker.
 * forward_move_begin: take over draws and cookies of `from`.
 * forward_move_flow: move the bound flow in that slot of `from`, with its ports, mappings and places. Return its
 * slot here; FLOW_NONE: it had to end, or a newer one is here.
 * forward_move_end: move resting mappings, and servers that are awaited; ports: also resting ports of pools. */
struct forward_move {
    bool leads_src, leads_dst; /* as in struct nat_move */
};
typedef bool forward_takes_fn(void *arg, const uint32_t addr[4], const uint16_t *port, uint8_t proto, bool v6);
void forward_move_begin(struct forward *f, struct forward *from, forward_takes_fn *takes, void *arg);
int32_t forward_move_flow(struct forward *f, struct forward *from, int32_t slot, const struct forward_move *m);
void forward_move_end(struct forward *f, struct forward *from, forward_takes_fn *takes, void *arg, bool ports);
/* True if the mapping of the original destination of a flow of `from` is here; led: only if new flows take it, too. */
bool forward_has_target(const struct forward *f, const struct flow_id *id, bool high, bool led);
/* Return the next mapping of a nat; *at begins as 0. NULL: the end. */
struct mapping;
const struct mapping *forward_next_mapping(const struct forward *f, uint32_t *at);

/* End flows whose server is down, a bounded number at a time. True while there may be more. */
bool forward_tick(const struct job *j);
/* Repeat the SYN to servers that have not replied to a client with a cookie. Return the next deadline. */
uint64_t forward_ask_again(const struct job *j);
