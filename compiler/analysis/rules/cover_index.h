/* Which earlier products hold a frame? Products are kept by the prefixes that enclose their source and destination, and
 * by a field that asks for a single value where one does; a frame looks only where prefixes that enclose its own
 * addresses meet, which in real lists are few. */
#pragma once

#include "compiler/normal/point.h"

/* What decides frames before a rule: a rule's product, or what a chain that a `do` enters decides of the `do`. */
struct coverer {
    struct ir_product p;
    uint32_t rule; /* of the list */
};
struct coverers {
    struct coverer *v; /* malloc'd; in the order of their rules */
    uint32_t count, cap;
};

struct cover_index;

/* For these, none of which is in it yet; they must stay where they are. */
struct cover_index *cover_index_new(const struct ir *ir, const struct coverers *all);
void cover_index_free(struct cover_index *ix);
void cover_index_add(struct cover_index *ix, uint32_t coverer);

/* All that hold the frame, up to `most`, into found; returns how many. `candidates`: how many may be looked at, counted
 * down; 0 afterwards: there may be more. */
uint32_t cover_index_find(const struct cover_index *ix, const struct point *at, uint32_t *found, uint32_t most,
                          uint32_t *candidates);
