/* Fate of a frame, and its description. */
#pragma once

#include "runtime/report/explain/explain_look.h"
#include "runtime/report/explain/sent.h"

struct fate {
    uint64_t frame; /* number of the frame; 0: none */
    struct verdict verdict;
    bool followed; /* a later fragment with the verdict of its first */
    bool held;     /* the fragment had to wait for the first one */
    uint64_t waited_ns;
    bool limited;               /* an answer was over the limit */
    struct departures left;     /* packets that left because of the frame */
    struct explain_steps steps; /* for a later fragment: rules that were tried all the same */
};

/* Write the explanation. k: state of the worker after the earlier frames. JSON: an object without its end. */
void explain_fate(const struct subject *r, const struct explain_look *k, uint64_t time_ns, const struct fate *fate,
                  FILE *out);
