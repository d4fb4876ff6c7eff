/* Balancing tables are built here, where no packet comes by: those of the facts when a snapshot is made, and the next
 * ones before a server that starts slowly takes its step. */
#pragma once

#include "runtime/live/world/state.h"

/* Tables for a snapshot that follows on the latest. Where memory is out it has none, and workers build their own. */
void tabled_world(struct world *world, struct snapshot *s);
/* A snapshot when the step is taken, with the tables of the one after. False: memory is out. */
bool tabled_step(struct world *world, uint64_t now_ns);
/* Until then; at most so long. */
int tabled_wait_ms(const struct world *world, uint64_t now_ns, int most);
