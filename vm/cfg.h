/* What a worker is made with. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pool;
struct shared; /* vm/shared/shared.h */

struct key;
struct pkt;
struct effects; /* judge/judge.h */
struct flow_ops;
struct meters;

/* Of a worker in kernel mode: it goes on where the executor in the kernel stopped, and has neither a judge nor flows of
 * its own (vm/kernel/README.md). */
struct vm_kernel {
    void *arg;
    /* What the kernel's judge decides (judge.h, decided) of a parsed packet, `state` being in its key: the first that
     * `e` speaks of. It counts, logs and asks meters there; logs leave through e->tx. */
    uint64_t (*judge)(void *arg, const struct key *key, const struct pkt *pkt, const struct effects *e);
    void (*meters)(void *arg, struct meters *m); /* the worker's become what the kernel's are, to be looked at */
    bool (*sweep)(void *arg, uint64_t now_ns);   /* as meters_sweep, of the kernel's; NULL: others see to it */
    const struct flow_ops *flows;                /* the kernel's table; NULL: the program keeps no flows */
};

/* Early fragments that wait for their firsts: how many, and how long, if those are remembered. */
enum { FRAG_HELD = 64 };
#define FRAG_HOLD_NS UINT64_C(100000000)

struct trace_step; /* judge/decide.h */
typedef void trace_fn(void *arg, const struct trace_step *step);

/* What the worker counts together with others (vm/shared/). Zero: nothing, it is alone. */
struct share {
    const struct shared *all;                    /* NULL: it is judged again, and `hear` says what it was told */
    uint64_t (*hear)(void *arg, uint64_t value); /* see share_hear; NULL: nobody writes down what it is told */
    void *arg;
};

struct vm_cfg {
    struct pool *pool; /* for answers; may be NULL: none are sent, counted as no_buffer */
    uint64_t seed;
    unsigned worker, workers; /* this one of so many: its slice of ports; 0 of 0: the only one */
    struct share share;
    const struct vm_kernel *kernel; /* NULL: it judges itself */
    bool live;   /* packets wait: vm_tick works in parts that take 50 us at most; and other programs may take this one's
                    place (vm_swap), so flows have room for what those need */
    bool naive;  /* run the rule list instead of the code, for every packet: the oracle */
    bool forget; /* remember no verdicts: what remembering is compared with */
    bool careful;  /* no short way for ordinary packets of bound flows: what it is compared with. So does naive */
    bool prefault; /* memory of the first flows and of mappings is there before the first packet, in large pages: who
                      carries traffic shall not wait for the system at each new flow. Else it is taken as they come */
    void (*grows)(void *arg); /* told that vm_ahead has work; NULL: memory for more flows comes as they do */
    void *grows_arg;
    bool flow_events; /* tell of each flow that ends, in vm_tx, and know when each began (without it or `live`: 0) */
    bool no_cookies;  /* services take SYNs as if they had no `syn cookies`: where no client would answer */
    trace_fn *follow_trace; /* told of each rule that is tried on a later fragment that follows its first */
    void *trace_arg;
    bool (*traced)(void *trace_arg, uint64_t cookie); /* is it to be told of this one? asked before its first rule */
};
