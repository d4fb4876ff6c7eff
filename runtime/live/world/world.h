/* Facts and next hops, as the kernel tells them, become snapshots. */
#pragma once

#include "runtime/live/world/state.h"

/* ways: routes may have changed. False: memory is out. */
bool world_publish(struct world *world, bool ways);
/* Read what the kernel tells, and publish where it matters. False: memory is out, or the socket failed. */
bool world_read(struct world *world);
/* Publish what was put off, if it is due. */
bool world_step(struct world *world);
/* Next hops that a worker asks for. */
bool world_asked(struct world *world, struct worker *w);
void world_fini(struct world *world);
/* Does this machine have interfaces, up, that are none of ours? */
bool world_elsewhere(const struct world *world);
/* Once a second: schedules, neighbours. */
/* The clock on the wall was set, or may have been: schedules are asked again. */
bool world_clock(struct world *world);
bool world_tick(struct world *world);

struct snapshot *world_snapshot(struct world *world, bool ways); /* the next, not published; NULL: none can be made */
void world_give(struct world *world, struct snapshot *s); /* it is the latest from now on; workers are not told */
