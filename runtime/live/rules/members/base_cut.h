/* A live set's base without the ranges that a program refuses. */
#pragma once

#include <stdbool.h>

#include "vm/judge/lives.h"

struct cut {
    struct live_base base; /* the new base, on the heap */
    uint64_t ranges;       /* ranges of the old base that are cut in the new one */
};
/* Make the base allowed for a set of the program: the old one within `in`, without `never`. whole: leave out ranges
 * that would be cut. False: out of memory. Call cut_fini in either case. */
bool cut_base(const struct live_base *old, const struct program *p, uint32_t live, bool whole, struct cut *c);
void cut_fini(struct cut *c);
