/* Cuts: members of live sets whose flows are to end. Anybody asks for them; what waits is taken together, as a *round*,
 * and all who keep flows (*walkers*: workers, and the loops of proxies) go through theirs once, each in its own time
 * and in parts. Members that come meanwhile wait for the next round. So a round is one walk, however many ask.
 *
 *      flow_cuts_ask … ─▶ flow_cuts_begin ─▶ [ each walker: flow_cuts_due, flow_cuts_cover …, flow_cuts_walked ] ─▶
 * flow_cuts_done ─▶ flow_cuts_end
 *
 * Time is monotonic, in nanoseconds, and comes from the caller. */
#pragma once

#include "vm/judge/lives.h"

enum {
    FLOW_CUTS_WALKERS = 128,
    FLOW_CUTS_LOOPS = FLOW_CUTS_WALKERS / 2, /* number of the first loop of a proxy, as a walker */
    FLOW_CUTS_SETS = 256                     /* sets that are told apart */
};

struct flow_cuts_cfg {
    uint32_t most;     /* members of a round. Where more are asked for, flows of all members of their set end */
    uint64_t slack_ns; /* how far clocks of those who ask, and of those who begin flows, may be apart */
    uint64_t rest_ns;  /* time before a round begins, in which packets under way come to the table */
    uint64_t seed;
};
/* NULL: out of memory. Memory comes as members come. */
struct flow_cuts *flow_cuts_new(const struct flow_cuts_cfg *cfg);
void flow_cuts_free(struct flow_cuts *c); /* NULL is allowed */

/* Ask that flows of this member end which have begun by now_ns, plus the slack. set: below FLOW_CUTS_SETS; what it
 * means is the caller's. Any thread may call this. */
void flow_cuts_ask(struct flow_cuts *c, uint32_t set, const struct live_net *net, uint64_t now_ns);

/* ---- for one thread ---- */

/* True if members wait for a round. Any thread may call this. */
bool flow_cuts_wait(const struct flow_cuts *c);
/* True if a round is under way, or about to begin. Any thread may call this. */
bool flow_cuts_under_way(const struct flow_cuts *c);
/* Return the number of the round that was taken last; 0: none. What is asked for is in the next one. */
uint64_t flow_cuts_number(const struct flow_cuts *c);
/* Make a round of all that wait, unless one is under way, and begin it once it has rested. True if it begins now. */
bool flow_cuts_begin(struct flow_cuts *c, uint64_t now_ns);
/* Return the time at which flow_cuts_begin has something to do; UINT64_MAX: not before a round ends. */
uint64_t flow_cuts_due_ns(const struct flow_cuts *c);
/* True if the walker has been through its flows for the round that was taken last. */
bool flow_cuts_done(const struct flow_cuts *c, unsigned walker);
/* Return how many flows have ended for this member in the round under way, or for its set where that had no room. */
uint64_t flow_cuts_ended(const struct flow_cuts *c, uint32_t set, const struct live_net *net);
/* End the round, which all walkers have done. told: gets the flows that have ended for each set, one or more times. */
typedef void flow_cuts_told_fn(void *arg, uint32_t set, uint64_t flows);
void flow_cuts_end(struct flow_cuts *c, flow_cuts_told_fn *told, void *arg);

/* ---- for walkers ---- */

/* True if a round is under way that this walker has not done. */
bool flow_cuts_due(const struct flow_cuts *c, unsigned walker);
/* The ends of a flow: addresses of both sides, as they see each other. */
struct flow_cuts_flow {
    struct flow_cuts_addr {
        const uint32_t *addr; /* as in struct key */
        bool v6;
    } of[4];
    unsigned count;
    uint64_t began_ns; /* 0: not known, and before all that was asked for */
};
/* Find the member that ends the flow, which a walker with a round to do asks; of several the longest. l: live sets of
 * the walker's program, or NULL. Return where to count the flow once it has ended (atomic); NULL: it goes on. */
uint64_t *flow_cuts_cover(struct flow_cuts *c, const struct lives *l, const struct flow_cuts_flow *f);
/* Say that the walker has been through all of its flows. */
void flow_cuts_walked(struct flow_cuts *c, unsigned walker);
