/* Announcements of addresses on links. */
#pragma once

#include "runtime/live/world/world_state.h"

/* Announce addresses on the links that have come up since the last call. */
void announced_links(struct world *world);
/* Announce the addresses that the program in carry->now has and `before` did not have. */
void announced_again(struct world *world, const struct program *before);
