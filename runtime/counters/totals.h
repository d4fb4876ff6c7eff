/* Counters kept by the caller of a vm, beside the vm's own: frames, and frames that neither a rule nor a default
 * decided, by decider. */
#pragma once

#include "vm/program/program.h"
#include "vm/verdict.h"

/* Further facts about the kernel executor for the summary; all 0 if the program does not run in it. */
struct executor_told {
    uint64_t proof_frames, proof_ns; /* frames of the proof at load, and its duration */
    uint64_t unjudged; /* frames dropped undecided, because rules ask for bytes that the kernel's judge is not given */
    uint64_t left_out; /* edited packets that found no buffer or no entry, and did not leave */
};

struct streams;

struct totals {
    uint64_t frames, bytes;                        /* totals of judged frames */
#define TOTALLED(field, ...) struct counter field; /* frames decided by no rule and no default */
#define DECIDED(...)
#include "runtime/counters/decided.def"
    uint64_t outside;              /* frames outside --from and --to, not judged */
    uint64_t first_ns, last_ns;    /* earliest and latest time of a judged frame that has a time; 0: none has */
    uint64_t earlier;              /* frames with a time before the previous frame's */
    uint64_t log_events, log_lost; /* log_lost: events without room, counted in log_events, too */
    uint64_t written;              /* frames written to --write */
    uint64_t elapsed_ns;
    bool stopped;                  /* in a replay: a signal ended it */
    const struct streams *streams; /* in a replay: connections that end at a proxy (report/said/streams.h), or NULL */
    const struct executor_told *told; /* in a replay: further facts about the kernel executor, or NULL */
};

/* Add the counters of `t`, but leave first_ns, last_ns and elapsed_ns alone. */
void totals_add(struct totals *to, const struct totals *t);

/* Count a frame if neither a rule nor a default decided it. */
void totals_undecided(struct totals *t, const struct program *p, const struct verdict *v, uint32_t bytes);

/* Count the frame of a final verdict, or of `held`. */
static inline void totals_decided(struct totals *t, const struct program *p, const struct verdict *v, uint32_t bytes)
{
    const bool opens = p->meta->flags & PBC_OPENS;
    if (__builtin_expect(v->rule != RULE_NONE && !opens, 1)) return;
    totals_undecided(t, p, v, bytes);
}
