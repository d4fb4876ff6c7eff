/* Sending on: what a worker does with packets that services and translation take (forward/bind/README.md, the life of a
 * packet that is sent on). Programs without either have none of it. */
#pragma once

#include "vm/context/context.h"
#include "vm/flow/leave.h"
#include "vm/forward/bind/conns.h"
#include "vm/program/remap.h"

struct forward; /* a worker's */

/* NULL: out of memory. Nothing else of a worker is touched before forward_attach, so it may be made on any thread. */
struct forward *forward_new(const struct program *p, const struct vm_cfg *cfg);
void forward_attach(struct forward *f, struct track *t, struct balance *b);
void forward_free(struct forward *f);
/* `to` takes the place of `from`, which is left to be freed: what goes on, goes on in it. With this, flows' bindings
 * are renewed (track_renew). */
void forward_keep(struct forward *to, struct forward *from, const struct remap *r, uint64_t now_ns);
/* Is what the remap leaves out used by no flow? */
bool forward_spares(const struct forward *f, const struct remap *r);
/* A binding of the program before; arg: the remap. */
void forward_renew_bind(void *arg, struct flow_bind *b);
/* Time at which forward_tick has something to do though nothing changed; UINT64_MAX: never. */
uint64_t forward_drained_ns(const struct forward *f);
const struct forward_counters *forward_counters(const struct forward *f);
/* Flows by server and service. */
const struct conns *forward_conns(const struct forward *f);
const struct nat_counters *forward_nat_counters(const struct forward *f); /* NULL: there are no nats */

/* Before anything is judged: this machine's addresses. */
void forward_facts(struct forward *f, const struct facts *facts);

/* By the class of the packet (flow/track/track.h), whose verdict is then known and counted. */

/* SEEN_REPLY: to the client. SEEN_ERROR: to either side, about what it sent. Neither is judged. */
void forward_reply(const struct job *j, struct packet_ctx *c);
void forward_error(const struct job *j, struct packet_ctx *c);

/* Accepted packets. SEEN_ORIGINAL: as its flow is bound. SEEN_NEW, SEEN_NONE: a service or a translation takes it.
 * SEEN_PLAIN: what a translation hides says no error about flows that it does not know. False: none of it, and nothing
 * is counted. */
bool forward_on(const struct job *j, struct packet_ctx *c);
bool forward_first(const struct job *j, struct packet_ctx *c);
bool forward_other(const struct job *j, struct packet_ctx *c);

/* The short way (short.c), in the place of track_look. */
enum short_way {
    SHORT_NOT,   /* it is not for the packet, or there is no room; track_look is still to be called */
    SHORT_JUDGE, /* it is once the rules accept the packet: its mark and class are known as track_look would say them */
    SHORT_LEFT,  /* the packet has left; its verdict is known and counted */
};
enum short_way forward_short(const struct job *j, struct packet_ctx *c);
/* After SHORT_JUDGE the rules accepted it: it leaves. False: there is no room, and all is known as after track_look. */
bool forward_short_judged(const struct job *j, struct packet_ctx *c);
/* For an executor that takes it elsewhere (vm.h, vm_recipes): the generation of recipes that hold, the longest packet
 * of each kind, the next datagram's identification; and where that has gone on to. */
uint32_t forward_recipes(const struct forward *f, uint16_t longest[RECIPE_KINDS], uint32_t *datagram);
void forward_datagram(struct forward *f, uint32_t next);
/* Counts of packets that left elsewhere: those that went back, and those of each nat statement (NULL: of none). */
void forward_count(struct forward *f, uint64_t replies, const struct counter nats[]);

/* Does the packet prove a cookie that answered its SYN? The rules have let that one in, so this one is not judged: its
 * flow begins, its verdict is known and
 * counted. A packet that proves it again while the server is awaited asks the server
 * again. False: it is any other packet. */
bool forward_proves(const struct vm *vm, const struct key *key, const struct pkt *pkt, const struct track_seen *seen);
bool forward_prove(const struct job *j, struct packet_ctx *c);

/* The branch and pool of the flow that the packet is of, where it is bound, and its server in words; or the server that
 * its source keeps. False: neither. */
bool forward_explain(struct vm *vm, const struct key *key, const struct pkt *pkt, struct served *s);
/* As vm_explain_nat (nat.c). */
struct translated forward_explain_nat(struct vm *vm, const struct key *key, const struct pkt *pkt);

/* A later fragment leaves as its first did, by c->left: REASON_NONE, or why not. */
enum pkt_reason forward_follow(const struct job *j, struct packet_ctx *c);
/* The addresses that traffic to servers comes from. */
struct outside *forward_outside(const struct forward *f);

/* Nothing is half done: what forward_archive asks for. */
bool forward_rests(const struct forward *f);
/* All flows, and what is kept to send them on (keyed/archive.h), into what is new. f: NULL, there are neither services
 * nor translation. ifaces: how many there are. */
bool forward_archive(struct forward *f, struct track *t, struct archive *a, uint32_t ifaces);

/* Flows whose server is down end, a bounded number at a time. True while there may be more of them. */
bool forward_tick(const struct job *j);
/* Servers that have not answered a client's SYN yet, which a cookie answered, are asked again; the next deadline. */
uint64_t forward_ask_again(const struct job *j);
