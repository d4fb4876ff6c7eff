/* Flows of a track by who opened them (track.h): each is counted once for every network that its grains name. */
#pragma once

#include "vm/flow/track/track_priv.h"

/* Count from here on by the program's grains, for so many flows. t->sources stays NULL when memory is out. */
void openers_begin(struct track *t, const struct program *p, uint64_t flows, uint64_t seed);
/* The same by other grains, for as many flows as its table holds. */
void openers_again(struct track *t, const struct grains *grains);

/* One more of that opener, as struct key has it; false: one of its networks found no room, and nothing was counted. */
bool openers_add(struct track *t, const uint32_t opener[4], bool v6);
void openers_drop(struct track *t, const uint32_t opener[4], bool v6);
/* Those of the opener's network. */
uint32_t openers_flows(const struct track *t, const struct pbc_grain *grain, const uint32_t opener[4], bool v6);

/* What an archive says of them. */
bool grains_sound(const struct grains *g);
