/* The search of vm/judge/classify/search.h by the kernel's own loop, for kernels without `may_goto`: a turn handles
 * a word of the tree, a block of a leaf, or one lane of a block in any format. Included by classify.bpf.c. */
#pragma once

#include "vm/judge/classify/cut_window.h"

/* More turns than any search takes: prey's verifier bounds its blocks and its words of the tree. */
enum { WALK_MOST = LANES * PBC_COMPARED_MAX + (PBC_TREE_DEPTH << PBC_FORKS_MAX) + 2 };

/* Search one block of any shape except ANY. True: the leaf continues behind it. */
static INLINE bool block_next(struct kernel_walk *w, const struct key *key, unsigned shape, bool ranked)
{
    const struct pbc_line *b = &ROW(blocks, w->block);
    const struct pbc_format *f = &ROW(formats, w->format - 1);
    KEPT_AS_IT_IS(b);
    KEPT_AS_IT_IS(f);
    const uint32_t last = block_column(b, 0)[LANES - 1];
    uint32_t found = ENTRY_NONE;
    if ((last & PBC_LANE_NONE) >= w->from)
        found = first_of_block(b, f, pbc_shape_lines(shape), masked_of(shape), key, w->from, ranked);
    if (found < w->best) w->best = found;
    w->block += pbc_shape_lines(shape);
    return found == ENTRY_NONE && last & PBC_LANE_MORE;
}

/* Search one lane of a block in any format. True: the leaf continues behind it. */
static INLINE bool lane_next(struct kernel_walk *w, const struct key *key, bool ranked)
{
    const struct pbc_line *b = &ROW(blocks, w->block);
    const struct pbc_format *f = &ROW(formats, w->format - 1);
    KEPT_AS_IT_IS(b);
    KEPT_AS_IT_IS(f);
    const uint64_t lane = BELOW_8(w->lane);
    const uint32_t word = block_column(b, 0)[lane], entry = word & PBC_LANE_NONE;
    if (entry >= w->from && any_matches(b, f, key, (unsigned)lane, ranked)) {
        if (entry < w->best) w->best = entry;
        return false;
    }
    w->lane = lane + 1;
    if (lane < LANES - 1) return true;
    w->lane = 0;
    w->block += lines_of(f);
    return word & PBC_LANE_MORE;
}

/* Search the next block or lane of a leaf. True: the leaf continues behind it. With ranks a block has at least three
 * lines; a block of three has one column that is not a rank. */
static INLINE bool leaf_next(struct kernel_walk *w, const struct key *key, bool ranked)
{
    const unsigned shape = TREE_SHAPE(w->word);
    if (!ranked && shape == PBC_SHAPE_ONE) return block_next(w, key, PBC_SHAPE_ONE, false);
    if (!ranked && shape == 1) return block_next(w, key, 1, false);
    if (!ranked && shape == 5) return block_next(w, key, 5, false);
    if (!ranked && shape == 9) return block_next(w, key, 9, false);
    if (!ranked && shape == 10) return block_next(w, key, 10, false);
    switch (shape) {
    case 2: return block_next(w, key, 2, ranked);
    case 6: return block_next(w, key, 6, ranked);
    case 3: return block_next(w, key, 3, ranked);
    case 7: return block_next(w, key, 7, ranked);
    case 11: return block_next(w, key, 11, ranked);
    default: return lane_next(w, key, ranked);
    }
}

/* Continue with the last fork whose other part may hold a lower entry. Return 1 if there is none: the search is
 * over. */
static INLINE long fork_next(struct kernel_walk *w)
{
#pragma clang loop unroll(full)
    for (unsigned i = 0; i < FORKS; i++) {
        if (w->waiting == 0) return 1;
        w->waiting--;
        const uint64_t fork = w->forks[FORK(w->waiting)];
        if (TREE_LEAST(fork) >= w->best) continue;
        w->word = ROW(tree, w->tree + TREE_BASE(fork) + 1);
        return 0;
    }
    return 1;
}

static INLINE long step_next(struct kpkt *k, bool ranked)
{
    struct kernel_walk *w = &k->walk;
    const uint64_t word = w->word;
    if (w->format) {
        if (leaf_next(w, &k->key, ranked)) return 0;
        w->format = 0;
        return fork_next(w);
    }
    switch (TREE_KIND(word)) {
    case TREE_CUT: w->word = ROW(tree, w->tree + TREE_BASE(word) + window(&k->key, word)); return 0;
    case TREE_FORK:
        w->forks[FORK(w->waiting)] = word;
        w->waiting++;
        w->word = ROW(tree, w->tree + TREE_BASE(word));
        return 0;
    case TREE_LEAF:
        w->block = w->blocks + (uint32_t)TREE_BASE(word);
        w->format = 1 + w->formats + (uint32_t)TREE_FORMAT(word);
        w->lane = 0;
        return 0;
    default: return fork_next(w);
    }
}

static long walk_next(uint32_t turn, void *at) { return step_next(TURN_OF(struct kpkt, at), false); }
static long walk_ranked_next(uint32_t turn, void *at) { return step_next(TURN_OF(struct kpkt, at), true); }

static INLINE uint32_t search(const struct image im, const struct key *key, uint32_t from, bool ranked)
{
    struct kpkt *k = (struct kpkt *)((char *)(uintptr_t)key - offsetof(struct kpkt, key));
    struct kernel_walk *w = &k->walk;
    w->tree = im.tree;
    w->blocks = im.blocks;
    w->formats = im.formats;
    w->word = TREE_AT(&im, 0);
    w->from = from;
    w->best = ENTRY_NONE;
    w->waiting = w->format = 0;
    const long turns = ranked ? EACH_TURN(WALK_MOST, walk_ranked_next, k) : EACH_TURN(WALK_MOST, walk_next, k);
    if (turns >= WALK_MOST) k->up = KERNEL_UP_BUSY; /* the search has not ended */
    return w->best;
}
