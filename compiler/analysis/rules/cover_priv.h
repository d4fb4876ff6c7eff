/* Interfaces between the parts of the search for dead rules */
#pragma once

#include "compiler/normal/normal.h"
#include "compiler/normal/point.h"
#include "compiler/normal/region.h"

/* Index of products (cover_index.c), to find earlier products that hold a frame. Products are stored by the prefixes
 * around their source and destination, and by a field with a single value, if any. A frame looks only where prefixes
 * around its own addresses meet; in real lists these are few. */

/* An earlier decider of frames: a rule's product, or the part of a `do` that its chain decides */
struct coverer {
    struct ir_product p;
    uint32_t rule; /* rule of the list */
};
struct coverers {
    struct coverer *v; /* array on the heap, in the order of their rules */
    uint32_t count, cap;
};

struct cover_index;

/* Return an empty index for these coverers, which must not move. */
struct cover_index *cover_index_new(const struct ir *ir, const struct coverers *all);
void cover_index_free(struct cover_index *ix);
void cover_index_add(struct cover_index *ix, uint32_t coverer);

/* Find up to `most` coverers that hold the frame, and return their number. candidates: number of coverers that may
 * still be tested. If it is 0 afterwards, there may be more holders. */
uint32_t cover_index_find(const struct cover_index *ix, const struct point *at, uint32_t *found, uint32_t most,
                          uint32_t *candidates);

/* Frames that chains decide, computed once for each chain (cover_chains.c) */
struct chain_decides {
    struct coverers decides; /* frames that rules of the chain, or of chains that it calls, decide */
    bool known;              /* `decides` has been computed */
    bool partial;            /* the chain decides more than `decides` */
};
struct chains {
    struct compile *c;
    struct chain_decides *of; /* entries by chain of the image */
    uint64_t room;            /* coverers that may still be made */
    struct region_budget budget;
};
void chains_init(struct chains *s, struct compile *c);
void chains_fini(struct chains *s);
/* Append the frames that the rule, a `do`, decides. False: the `do` decides more than these. */
bool chains_add(struct chains *s, uint32_t rule, struct coverers *out);

void coverers_add(struct coverers *all, const struct ir_product *p, uint32_t rule);

/* Replace `all` by the frames that the live rules of a list take, in their order. A `do` that may take more is added to
 * `tangled`, which has room for all rules; returns their number (cover.c). */
uint32_t list_coverers(struct chains *s, uint32_t first, uint32_t count, struct coverers *all, uint32_t *tangled);

/* Find rules of lists that decide no frame: set their state and covers (cover.c). */
void find_covers(struct compile *c);
