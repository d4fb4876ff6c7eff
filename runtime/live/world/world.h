/* Facts and next hops, as the kernel tells them, become snapshots. */
#pragma once

#include "runtime/live/main/state.h"

/* ways: routes may have changed. False: memory is out. */
bool world_publish(struct live *l, bool ways);
/* Read what the kernel tells, and publish where it matters. False: memory is out, or the socket failed. */
bool world_read(struct live *l);
/* Publish what was put off, if it is due. */
bool world_step(struct live *l);
/* Next hops that a worker asks for. */
bool world_asked(struct live *l, struct worker *w);
void world_fini(struct live *l);
/* Does this machine have interfaces, up, that are none of ours? */
bool world_elsewhere(const struct live *l);
/* Once a second: schedules, neighbours. */
/* The clock on the wall was set, or may have been: schedules are asked again. */
bool world_clock(struct live *l);
bool world_tick(struct live *l);

struct snapshot *world_snapshot(struct live *l, bool ways); /* the next, not published; NULL: none can be made */
void world_give(struct live *l, struct snapshot *s);        /* it is the latest from now on; workers are not told */
