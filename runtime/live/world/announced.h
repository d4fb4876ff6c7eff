/* Addresses that are claimed on a link. */
#pragma once

#include "runtime/live/main/state.h"

/* Claim addresses by the links that have come up since the last call. */
void announced_links(struct live *l);
/* The same of those that the program in l->now has and the one before had not. */
void announced_again(struct live *l, const struct program *before);
