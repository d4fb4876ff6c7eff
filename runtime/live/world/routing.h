/* The table of routes, made anew when the kernel tells of a change. */
#pragma once

#include "runtime/live/world/state.h"

/* Make it, if it is due. True: it is another one. A large table that changes all the time is made for a tenth of the
 * time (routing_rested_ns). */
bool routing_renew(struct world *world);
void routing_stale(struct world *world); /* it is not what the kernel would say any more */
/* Until it is due, or until ways to servers may be asked for again; at most so long. */
int routing_wait_ms(const struct world *world, uint64_t now_ns, int most);
/* When work that was begun then, and has just ended, may be done again: after ten times as long as it took. */
uint64_t routing_rested_ns(uint64_t begun_ns);
uint32_t routing_most(const struct world *world); /* routes that the table may hold */
void routing_fini(struct world *world);
