/* Rows of vm/counter.def with their values from one worker's counters, for printing. */
#pragma once

#include "vm/verdict.h"

struct counter_row {
    const char *object, *key; /* place in JSON; object "": top level */
    const char *line, *words; /* text in the summary; "": a sentence replaces it */
    uint64_t value;
    bool kept; /* false: the program keeps no counters of this kind, and value is 0 */
};

/* Fill in the row at *at (0 at first), in the table's order, and move *at on. False at the end. */
bool counters_next(const struct vm_counters *c, unsigned *at, struct counter_row *row);
