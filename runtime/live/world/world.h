/* Snapshots of facts and next hops, as the kernel reports them. */
#pragma once

#include "runtime/live/world/world_state.h"

/* Publish a snapshot. ways: routes may have changed. False: out of memory. */
bool world_publish(struct world *world, bool ways);
/* Read the kernel's reports, and publish if they matter. False: out of memory, or the socket failed. */
bool world_read(struct world *world);
/* Publish postponed changes, if they are due. False: out of memory. */
bool world_step(struct world *world);
/* Answer a worker's requests for next hops, and take its path MTUs. False: out of memory. */
bool world_asked(struct world *world, struct worker *w);
void world_fini(struct world *world);
/* Publish schedules again if the wall clock was set or the machine slept. False: out of memory. */
bool world_clock(struct world *world);
/* Return a bit for each active schedule of a program; none before the clock is set. *until_ns: end of validity. */
uint32_t world_schedules(const struct world *world, const struct program *p, uint64_t *until_ns);
/* Return why no schedule counts, in words; NULL: the clock is set, or the program has no schedules */
const char *world_doubt(const struct world *world);
/* Report an unset clock while there are schedules, and that it has been set. */
void world_tell_doubt(struct world *world);
/* Check schedules, neighbours and links. Call once per second. False: out of memory. */
bool world_tick(struct world *world);

extern const struct part part_world; /* a snapshot for the program of a change (carry/part.h) */
