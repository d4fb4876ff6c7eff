/* Claims of addresses on links. */
#pragma once

#include "runtime/live/world/state.h"

/* Claim addresses on the links that have come up since the last call. */
void announced_links(struct world *world);
/* Claim the addresses of the program in carry->now that the program `before` did not have. */
void announced_again(struct world *world, const struct program *before);
