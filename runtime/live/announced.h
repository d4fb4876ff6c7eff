/* Addresses that are claimed on a link. */
#ifndef RUNTIME_LIVE_ANNOUNCED_H
#define RUNTIME_LIVE_ANNOUNCED_H

#include "runtime/live/state.h"

/* Claim addresses by the links that have come up since the last call. */
void announced_links(struct live *l);

#endif
