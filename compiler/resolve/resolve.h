/* What others use of the room, and what its stages share: the rooms below it have a header each. */
#pragma once

#include "compiler/resolve/conditions/conditions.h"

/* What the file and those that it includes allow; before all that may warn. */
void resolve_allowed(struct compile *c, const struct node *file);

/* Chains that call themselves, nest too deep or grow too long (chains.c). */
void check_chains(struct compile *c);

void check_ways_out(struct compile *c); /* `out on` where something leaves (ways_out.c); chains have been checked */
