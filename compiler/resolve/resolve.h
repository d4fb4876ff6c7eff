/* Public functions of the room, and those that its stages share; the rooms below have a header each */
#pragma once

#include "compiler/resolve/conditions/conditions.h"

/* Read the `allow` lines of the file and its includes, before anything that may warn. */
void resolve_allowed(struct compile *c, const struct node *file);

/* Report chains that call themselves, nest too deep or grow too long (chains.c). */
void check_chains(struct compile *c);

void check_ways_out(struct compile *c); /* report `out on` where nothing leaves (ways_out.c); after check_chains */
