/* The rows of vm/counter.def with their values in one worker's counters, for whoever prints them. */
#pragma once

#include "vm/verdict.h"

struct counter_row {
    const char *object, *key; /* in JSON; object "": at the top */
    const char *line, *words; /* in the summary; "" where a sentence says it */
    uint64_t value;
    bool kept; /* false: the program keeps none of these; value is 0 */
};

/* The row at *at, which moves on (0 at first), in the table's order; false at the end. */
bool counters_next(const struct vm_counters *c, unsigned *at, struct counter_row *row);
