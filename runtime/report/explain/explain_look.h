/* A worker's answers about a packet, obtained without changing the worker and kept for later printing. */
#pragma once

#include "runtime/report/text.h"
#include "vm/observe/observe.h"
#include "vm/vm.h"

/* Rules that were tried, in order. */
struct explain_steps {
    struct trace_step *of;
    uint32_t count, room;
};

struct explain_look {
    struct vm_in in;
    struct pkt pkt;        /* the packet as it arrived, parsed; the caller owns the bytes */
    struct key key;        /* key of the packet, with the answer to `state` */
    bool in_flow, follows; /* in_flow: the packet belongs to `flow`, or quotes it; follows: it is a reply of a bound
                              flow, so it is not judged */
    struct flow_record flow;
    struct explain_steps steps;
    struct decision decision;
    bool audited; /* the program has audit: `would` and its steps are set, numbered as in program->would */
    struct decision would;
    struct explain_steps would_steps;
    uint32_t opener;          /* rule that opens a tunnel and decided; RULE_NONE: none */
    enum pkt_reason unopened; /* reason if no packet was found inside */
    struct pkt *inner;        /* the packet inside, or NULL */
    struct key inner_key;
    struct explain_steps inner_steps;
    struct served served;  /* service and server of the packet, or of the packet inside, if there is one */
    struct served fresh;   /* service and server as if the packet began a flow */
    struct translated nat; /* result of a nat, if no service and no flow takes the packet */
    struct way_told lost;  /* words about a packet for a nat whose way is unknown, if live (`then` is not NULL) */
    bool goes_on;          /* the packet belongs to a service's connection that is no longer judged; `goes` is set */
    struct inline_goes goes;
    bool observed; /* its connection is observed; `watch` is set, without names */
    struct observe_record watch;
    const char *shut;           /* live: reason why an accepted packet is dropped on its way out, or NULL */
    const char *astray;         /* reason why a forwarded packet is lost on its way out, or NULL */
    const char *unnamed;        /* name of the arrival interface if the rules do not name it; else NULL */
    const char *heard;          /* findings of its service on the client's bytes, as text; NULL: not asked for */
    const struct said *proxied; /* its connection to a proxy service in a replay, or NULL */
};

/* Ask the worker about the packet. pool: for the packet inside. Steps are left out if memory is out. */
void explain_look(struct explain_look *k, struct vm *vm, const struct vm_in *in, const struct program *p,
                  struct pool *pool, const struct pkt *pkt);
/* Convert the times to the wall clock, for a vm with another clock, which showed k->in.mono_ns. */
void explain_look_on_wall(struct explain_look *k, uint64_t wall_ns);
void explain_look_fini(struct explain_look *k);

/* Add a step; a trace_fn. */
void explain_steps_add(void *steps, const struct trace_step *s);
