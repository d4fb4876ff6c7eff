/* Between the parts of the search for dead rules. */
#pragma once

#include "compiler/normal/normal.h"
#include "compiler/normal/point.h"
#include "compiler/normal/region.h"

/* Index of products (cover_index.c). Which earlier products hold a frame? Products are kept by the prefixes that
 * enclose their source and destination, and by a field that asks for a single value where one does; a frame looks only
 * where prefixes that enclose its own addresses meet, which in real lists are few. */

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

/* What chains decide of all that enters them, each worked out once (cover_chains.c). */
struct chain_decides {
    struct coverers decides; /* rules: of the chain, or of those it calls */
    bool known;              /* worked out */
    bool partial;            /* it decides more than stands in `decides` */
};
struct chains {
    struct compile *c;
    struct chain_decides *of; /* [image chains] */
    uint64_t room;            /* coverers that may still be made */
    struct region_budget budget;
};
void chains_init(struct chains *s, struct compile *c);
void chains_fini(struct chains *s);
/* Append what the rule, a `do`, decides. False: it decides more than that. */
bool chains_add(struct chains *s, uint32_t rule, struct coverers *out);

void coverers_add(struct coverers *all, const struct ir_product *p, uint32_t rule);

/* What the live rules of a list take of the frames that reach them, in their order, in place of what was in `all`. Some
 * `do`s may take more: these rules go to `tangled`, which has room for all; returns how many. (cover.c) */
uint32_t list_coverers(struct chains *s, uint32_t first, uint32_t count, struct coverers *all, uint32_t *tangled);

/* The rules of a list that no frame can be decided by: their state and what covers them (cover.c). */
void find_covers(struct compile *c);
