/* Configuration of a worker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct inline_marks;   /* vm/flow/marks.h */
struct inline_share;   /* vm/flow/tuples.h */
struct inline_carried; /* vm/flow/spliced.h */
struct splice_slots;   /* vm/forward/splice/slots.h */
struct observe_out;    /* vm/observe/observe.h */
struct lending;        /* vm/flow/track/loan.h */
struct flow_cuts;      /* judge/lives.h */
struct flow_id;        /* flow/flow.h */
struct pool;
struct shared; /* vm/shared/shared.h */

struct key;
struct pkt;
struct effects; /* judge/effects.h */
struct flow_ops;
struct meters;

/* Functions for a worker in kernel mode. It continues where the executor in the kernel stopped, and has neither a
 * judge nor flows (vm/kernel/README.md). */
struct vm_kernel {
    void *arg;
    /* Return the kernel's judgement (judge/decided.h) of a parsed packet, whose key holds `state`: the first packet
     * of `e`. It counts, logs and asks meters in the kernel; logs leave through e->tx. With e->would: the judgement
     * as it would be without `audit`. *mirrors: mirrors that matched and have not copied the packet, one bit each. */
    uint64_t (*judge)(void *arg, const struct key *key, const struct pkt *pkt, const struct effects *e,
                      uint64_t *mirrors);
    /* Copy the kernel's meters into the worker's, so that they can be read. `would`: the meters as they would be
     * without `audit`. */
    void (*meters)(void *arg, struct meters *m, bool would);
    /* Copy the worker's meters into the kernel's, before a stage asks them. */
    void (*set_meters)(void *arg, const struct meters *m);
    bool (*sweep)(void *arg, uint64_t now_ns); /* meters_sweep for the kernel's meters; NULL: others sweep them */
    const struct flow_ops *flows;              /* the kernel's table; NULL: the program keeps no flows */
    struct inline_marks *marks;         /* marks of inline connections; NULL: the worker has none, as in a replay */
    const struct splice_slots *splices; /* slots of spliced connections; NULL: the worker handles all their packets */
};

/* Bounds for fragments that come before their first: the number that can wait at once, and for how long. */
enum { FRAG_HELD = 64 };
#define FRAG_HOLD_NS UINT64_C(100000000)
/* Bounds for packets of observed connections that wait for a decision (observe/waiting.h): per connection, and in
 * total. A pool has room for them beside its other packets. */
enum { HOLDING_EACH = 64, HOLDING_MOST = 256 };
/* Bound for held segments of inline connections that leave the inline stack (forward/inline/conns_priv.h). */
enum { INLINE_HELD_MOST = 512 };

struct trace_step; /* judge/decide.h */
typedef void trace_fn(void *arg, const struct trace_step *step);

/* Counters that the worker shares with others (vm/shared/). Zero: a single worker. */
struct share {
    const struct shared *all; /* NULL: a single worker, or a replay, where `hear` returns recorded values */
    uint64_t (*hear)(void *arg, uint64_t value); /* as in share_hear; NULL: the worker is not recorded */
    void *arg;
};

/* Output for copies of packets. `copy` is called for a mirror of the program without `sent`, while a packet is
 * judged, before anything in it changes. It must not wait. */
struct vm_copies {
    void (*copy)(void *arg, unsigned mirror, const struct pkt *pkt);
    void *arg;
};

/* Flows that a walk of vm_tick ends. In live operation `told` is called for each, before it ends; in a replay
 * `again` names them: `count` flows by their own tuples, set before each vm_tick. */
enum { VM_CUTS_MOST = 64 /* most flows that one vm_tick ends so */ };
struct vm_cuts {
    void (*told)(void *arg, const struct flow_id *id); /* NULL: no one is notified */
    void *arg;
    const struct flow_id *again; /* in a replay: flows to end; NULL: live */
    unsigned count;
    unsigned missing; /* in a replay: number of these flows that were not in the table */
};

struct vm_cfg {
    const struct vm_copies *copies; /* output of copies; NULL: copies are only counted */
    struct pool *pool;              /* slots for replies; NULL: no replies, counted as no_buffer */
    uint64_t seed;
    unsigned worker, workers; /* number of this worker and of all workers, which select its slice of ports; 0 and 0: a
                               * single worker */
    struct share share;
    const struct vm_kernel *kernel;          /* kernel executor; NULL: user executor */
    const struct inline_share *inline_share; /* memory that also gets the tuples of inline connections; NULL: none */
    struct inline_carried *inline_carried;   /* [limits { proxy_sessions }]: packets and bytes of spliced
                                              * connections, by number; NULL: nothing is spliced */
    struct lending *lending;                 /* recipes that are lent to other workers; NULL: none */
    struct flow_cuts *cuts; /* members whose flows walks of vm_tick end (vm/judge/lives.h); NULL: flows of the program's
                             * members end at once */
    struct vm_cuts
        *cuts_told; /* flows that such walks end, for a recording or a replay; NULL: no recording and no replay */
    const struct observe_out *observed; /* receiver of events of observed connections; NULL: none */
    bool live;   /* packets wait meanwhile, so vm_tick works in parts of at most 50 us. Another program may replace this
                  * one (vm_swap), so flows have room for its needs */
    bool naive;  /* run the rule list instead of the code, for every packet: the oracle */
    bool forget; /* remember no verdicts: for comparison with the usual worker */
    bool careful;  /* no express way for ordinary packets of bound flows: for comparison; naive implies it */
    bool prefault; /* take memory for the first flows and for mappings before the first packet, in large pages, so that
                    * new flows do not wait for the system; false: memory comes with the flows */
    void (*grows)(void *arg); /* called when vm_ahead has work; NULL: memory for more flows is taken as they come */
    void *grows_arg;
    bool flow_events;       /* report each flow that ends, in vm_tx. Begin times of flows are kept with this or `live`,
                             * otherwise they are 0 */
    bool no_cookies;        /* treat SYNs as if no service had `syn cookies`: for runs in which no client answers */
    trace_fn *follow_trace; /* called for each rule tried on a later fragment whose first has passed */
    void *trace_arg;
    bool (*traced)(void *trace_arg, uint64_t cookie); /* true to trace this packet; asked before its first rule */
};
