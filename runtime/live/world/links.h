/* Interfaces that change while they are served. */
#pragma once

#include "runtime/live/main/state.h"

/* They have changed; those that are back get new sockets. */
void links_follow(struct live *l);
/* Is one back that could not be served, for want of descriptors or memory? */
bool links_missed(const struct live *l);
/* Those whose ring has stalled get new sockets, too. Once a second. */
void links_renew(struct live *l);
