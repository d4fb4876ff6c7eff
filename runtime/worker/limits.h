/* Limits that a worker reached, as counts that only grow (counters/limit.def), for the main thread to tell of. */
#pragma once

#include <stdint.h>

enum reached_limit {
#define LIMIT(ident, key, told, words) LIMIT_##ident,
#include "runtime/counters/limit.def"
    LIMITS
};

struct worker;

/* By the worker, between two batches: once a second it writes w->limits anew, all but those of its ports, whose
 * counters the kernel holds. */
void limits_publish(struct worker *w, uint64_t now_ns);
