/* Between the parts of the search for dead rules. */
#pragma once

#include "compiler/analysis/rules/cover_index.h"
#include "compiler/normal/normal.h"
#include "compiler/normal/region.h"

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
