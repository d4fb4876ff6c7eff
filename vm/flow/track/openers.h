/* Numbers of a track's flows by opener (track.h): each flow counts once for every network that the grains name */
#pragma once

#include "vm/flow/track/track_priv.h"

/* Begin to count by the program's grains, for so many flows. Out of memory leaves t->sources NULL. */
void openers_begin(struct track *t, const struct program *p, uint64_t flows, uint64_t seed);
/* The same by other grains, for as many flows as the table holds */
void openers_again(struct track *t, const struct grains *grains);

/* Count one more flow of that opener, as in struct key. False: a network found no room, and nothing was counted. */
bool openers_add(struct track *t, const uint32_t opener[4], bool v6);
/* Count the flow of that id once more, or once less. */
bool openers_count(struct track *t, const struct flow *f, const struct flow_id *id);
void openers_drop(struct track *t, const struct flow *f, const struct flow_id *id);
/* Return the number of flows of the opener's network. */
uint32_t openers_flows(const struct track *t, const struct pbc_grain *grain, const uint32_t opener[4], bool v6);

/* True if grains read from an archive are valid. */
bool grains_sound(const struct grains *g);
