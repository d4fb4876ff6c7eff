/* Interfaces that change while they are served. */
#pragma once

#include "runtime/live/world/state.h"

/* They have changed; those that are back get new sockets. */
void links_follow(struct world *world);
/* Is one back that could not be served, for want of descriptors or memory? */
bool links_missed(const struct world *world);
/* Those whose ring has stalled get new sockets, too. Once a second. */
void links_renew(struct world *world);
