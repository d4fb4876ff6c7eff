/* Interfaces that change while they are served. */
#ifndef RUNTIME_LIVE_LINKS_H
#define RUNTIME_LIVE_LINKS_H

#include "runtime/live/state.h"

/* They have changed; those that are back get new sockets. */
void links_follow(struct live *l);

#endif
