/* The turns of the main thread, from readiness to the end that was asked for */
#pragma once

#include "runtime/live/main/state.h"

/* Do turns until the end. Return the exit status. */
int turns(struct live *l);

/* Take what a worker says: log notes, refusals, faults, questions about ways. False: out of memory. */
bool turn_called(struct live *l, struct worker *w);
/* Print the counters; `running`: the workers have threads. False: they were not printed, which is told. */
bool turn_report(struct live *l, bool running);
