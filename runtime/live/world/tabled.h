/* Balancing tables, built in the main thread, off the packet path: for a new snapshot's facts, and in advance for
 * the next step of a slowly starting server. */
#pragma once

#include "runtime/live/world/world_state.h"

/* Give tables to a snapshot that follows the latest. Out of memory: it gets none, and workers build their own. */
void tabled_world(struct world *world, struct snapshot *s);
/* Publish a snapshot when a step is due, with the tables of the step after it. False: out of memory. */
bool tabled_step(struct world *world, uint64_t now_ns);
/* Return the time of the next step; UINT64_MAX: none. An overdue step is tried again soon. */
uint64_t tabled_due_ns(const struct world *world, uint64_t now_ns);
