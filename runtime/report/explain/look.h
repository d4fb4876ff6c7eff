/* What a worker would do with a packet, asked of it without changing it, and kept: whoever prints it takes his time. */
#pragma once

#include "vm/vm.h"

/* Rules that were tried, in order. */
struct explain_steps {
    struct trace_step *of;
    uint32_t count, room;
};

struct explain_look {
    struct vm_in in;
    struct pkt pkt;        /* as it came, parsed; bytes are the caller's */
    struct key key;        /* with what `state` says of it */
    bool in_flow, follows; /* it belongs to `flow`, or quotes it; it is a reply of one that was sent on: not judged */
    struct flow_record flow;
    struct explain_steps steps;
    struct decision decision;
    uint32_t opener;          /* the rule that opens a tunnel and decided; RULE_NONE: none */
    enum pkt_reason unopened; /* why nothing was found in it */
    struct pkt *inner;        /* what was; NULL */
    struct key inner_key;
    struct explain_steps inner_steps;
    struct served served;       /* of the packet inside, where there is one */
    struct served fresh;        /* the same, as if it began a flow of its own */
    struct translated nat;      /* what a nat would make of it, if no service and no flow takes it */
    const char *unnamed;        /* the interface that it came in on, where the rules do not name that; NULL */
    const char *heard;          /* what its service makes of what the client says, in words; NULL: nobody asks */
    const struct said *proxied; /* its connection, of a proxy service in a replay; NULL */
};

/* The pool is for what is inside. Steps that find no memory are left out. */
void explain_look(struct explain_look *k, struct vm *vm, const struct vm_in *in, const struct program *p,
                  struct pool *pool, const struct pkt *pkt);
/* From here on its times are the wall's, where the vm's clock is another and stood at k->in.mono_ns. */
void explain_look_on_wall(struct explain_look *k, uint64_t wall_ns);
void explain_look_fini(struct explain_look *k);

/* Add a step; a trace_fn. */
void explain_steps_add(void *steps, const struct trace_step *s);
