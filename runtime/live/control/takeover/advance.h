/* Flows handed over in advance, while the workers judge: the running side (handoff.h, MORE and ADVANCE). Otherwise
 * workers would be paused while all flows are written. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/parent/between/handoff.h"

struct carry;

struct advance {
    uint32_t hand[WORKERS_MOST]; /* position where each worker's round goes on */
    uint32_t before;             /* groups left after the previous round */
    unsigned worker, rounds;     /* worker whose flows come next; number of finished rounds */
    uint64_t program;            /* serial number of the flows' program; 0: not begun */
};

/* Write changed flows into the window at `at` of the file, and the message about it. Holds each worker for periods
 * of some 100 us. Workers that can't track changes give nothing in advance. */
void advance_some(struct advance *v, const struct carry *carry, uint8_t *file, const struct handoff_part *window,
                  struct handoff_advance *said);
/* True if the flows already given are still valid, so that only those changed since are left. */
bool advance_counts(const struct advance *v, const struct carry *carry);
/* Stop noting changes, in workers that run. */
void advance_end(struct advance *v, const struct carry *carry);
