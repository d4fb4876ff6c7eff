/* What whoever runs a vm counts beside the vm's own counters: frames, and those that neither a rule nor a default
 * decided, by who did. */
#pragma once

#include "vm/program/program.h"
#include "vm/verdict.h"

/* What else is to be said of the executor in the kernel; all 0 where the program is not there. */
struct executor_told {
    uint64_t proof_frames, proof_ns; /* that both judged alike before the first packet, and how long it took */
    uint64_t unjudged;               /* dropped undecided: rules ask for bytes that the judge there is not given */
    uint64_t left_out;               /* edited packets that found no buffer, or no entry, and did not leave */
};

struct streams;

struct totals {
    uint64_t frames, bytes;                        /* judged */
#define TOTALLED(field, ...) struct counter field; /* decided by no rule and no default */
#define DECIDED(...)
#include "runtime/counters/decided.def"
    uint64_t outside;              /* of --from and --to, not judged */
    uint64_t first_ns, last_ns;    /* earliest and latest time of a judged frame that has one; 0: none has */
    uint64_t earlier;              /* frames with a time before that of one before them */
    uint64_t log_events, log_lost; /* lost: no room; they are among log_events */
    uint64_t written;              /* to --write */
    uint64_t elapsed_ns;
    bool stopped; /* of a replay: a signal ended it */
    const struct streams
        *streams; /* of a replay: connections that end at a proxy (report/said/streams.h); NULL: there are none */
    const struct executor_told *told; /* of a replay: what else is to be said of the executor in the kernel; or NULL */
};

/* Of several, added up; first_ns, last_ns and elapsed_ns are left alone. */
void totals_add(struct totals *to, const struct totals *t);

/* One that a rule or default may not have decided. */
void totals_undecided(struct totals *t, const struct program *p, const struct verdict *v, uint32_t bytes);

/* A final verdict, or `held`. */
static inline void totals_decided(struct totals *t, const struct program *p, const struct verdict *v, uint32_t bytes)
{
    const bool opens = p->meta->flags & PBC_OPENS;
    if (__builtin_expect(v->rule != RULE_NONE && !opens, 1)) return;
    totals_undecided(t, p, v, bytes);
}
