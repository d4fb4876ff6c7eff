/* What became of a frame, and how that is told. */
#pragma once

#include "runtime/report/explain/look.h"
#include "runtime/report/explain/sent.h"

struct fate {
    uint64_t frame; /* its number; 0: it has none */
    struct verdict verdict;
    bool followed; /* it took the verdict of its first fragment */
    bool held;     /* it had to wait for that */
    uint64_t waited_ns;
    bool limited;               /* an answer was over its limit */
    struct departures left;     /* the packets that left for it */
    struct explain_steps steps; /* of one that followed: the rules that were tried all the same */
};

/* k: as the frames before left the worker. JSON: an object without its end. */
void explain_fate(const struct subject *r, const struct explain_look *k, uint64_t time_ns, const struct fate *fate,
                  FILE *out);
