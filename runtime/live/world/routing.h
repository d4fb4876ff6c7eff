/* The table of routes, read again when the kernel reports a change. */
#pragma once

#include "runtime/live/world/world_state.h"

/* Read the table if that is due. True: it has changed. Reading a large table that keeps changing takes at most a
 * tenth of the time (routing_rested_ns). */
bool routing_renew(struct world *world);
void routing_stale(struct world *world); /* marks the table as outdated */
/* Return the time at which the table, or the ways to servers, may be read again; UINT64_MAX: not stale. */
uint64_t routing_due_ns(const struct world *world);
/* Return when work that began at `begun_ns` and ends now may be repeated, so that it takes a tenth of the time: at
 * once while that share is not used up, else after at most 5 s. *paid_ns: time until which earlier work has used the
 * share, at first 0. */
uint64_t routing_rested_ns(uint64_t *paid_ns, uint64_t begun_ns);
uint32_t routing_most(const struct world *world); /* number of routes that the table may hold */
