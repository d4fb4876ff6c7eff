/* --replay with --explain: packets of a recording explained in words. */
#pragma once

#include "runtime/base/options/run_options.h"
#include "runtime/record/again/actor.h"
#include "runtime/report/text.h"

struct explaining {
    const struct options *o;
    const struct labels *labels; /* labels of the judging program */
    uint64_t frames;             /* number of frames before the batch */
    bool any;                    /* an explanation was printed before */
};

/* Judge the batch of n in a->views, and explain the packets in o->explained, in order. Decisions and sent packets are
 * not compared. Return the exit status. */
int explained(struct actor *a, unsigned n, const struct explaining *e);
