/* Addresses that are claimed on a link. */
#pragma once

#include "runtime/live/world/state.h"

/* Claim addresses by the links that have come up since the last call. */
void announced_links(struct world *world);
/* The same of those that the program in carry->now has and the one before had not. */
void announced_again(struct world *world, const struct program *before);
