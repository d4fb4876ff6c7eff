/* Shared by the walks: one classifier's part of the sections, the columns of a block, packets on their way. */
#pragma once

#include <string.h>

#include "vm/judge/classify/classify.h"
#include "vm/packet/loop.h"

#define INLINE inline __attribute__((always_inline))

struct image {
    const uint64_t *tree;
    const struct pbc_line *blocks;
    const struct pbc_format *formats;
    const struct pbc_rank *ranks;
    bool far; /* the tree is so large that its words are rarely in the second-level cache */
};
enum { TREE_FAR = 1 << 15 /* words of a tree */ };

static inline struct image image_of(const struct program *p, uint32_t classifier)
{
    const struct pbc_classifier *c = &p->classifiers[classifier];
    return (struct image){.tree = p->tree + c->tree,
                          .blocks = p->blocks + c->blocks,
                          .formats = p->formats + c->formats,
                          .ranks = p->ranks + c->ranks,
                          .far = c->tree_count > TREE_FAR};
}
static inline bool has_ranks(const struct program *p, uint32_t classifier)
{
    return p->classifiers[classifier].rank_count;
}

#define TREE_AT(im, i)  ((im)->tree[i])
#define RANK_AT(im, i)  (&(im)->ranks[i])
#define NOT_BELOW(a, b) ((uint32_t)((a) >= (b)))
#define IS(a, b)        ((uint32_t)((a) == (b)))
#define BOUND_AT(i)     (i)
#include "vm/judge/classify/rank.h"

/* Place of a waiting fork. */
#define FORK(i) (i)
enum { FORKS = PBC_FORKS_MAX };
/* A part of the key that a format names. */
#define OF_KEY(i, last) (i)

/* A column of a block, eight lanes. */
static inline const uint32_t *block_column(const struct pbc_line *b, unsigned column)
{
    return (const uint32_t *)(const void *)b + 8 * (size_t)column;
}

#include "vm/judge/classify/shape.h"

/* For a loop over a shape's columns; clang unrolls it by itself. */
#ifdef __clang__
#define UNROLLED
#else
#define UNROLLED _Pragma("GCC unroll 8")
#endif

/* A packet of a batch on its way: its word of the tree, with the packet's number in bits that words leave free.
 * Below these bits a cut has its word of the key: together they are that word's offset among the keys, in bytes. */
typedef uint64_t item;
enum { ITEM_PACKET = 6, PACKETS = 64, WAITING = PACKETS * PBC_FORKS_MAX, LINE = 64 };
#define ITEM_NUMBER  ((uint64_t)(PACKETS - 1) << ITEM_PACKET)
#define ITEM_AT(i)   ((unsigned)((i) >> ITEM_PACKET) & (PACKETS - 1))
#define ITEM_KEY(i)  ((i) & (ITEM_NUMBER | 7u << 3))
#define ITEM_CUTS(i) ((unsigned)(i)&1u)       /* 1: the item is at a cut */
#define ITEM_ENDS(i) ((unsigned)(i) >> 1 & 1) /* 1: the item is at a fork or a leaf */
#define ITEM_END(i)  TREE_SHAPE(i)            /* the leaf's shape; 0: a fork */

/* Packets on their way. Lists but `waiting` have at most PACKETS; an item is written at the end before it is known to
 * count.
 *
 * `waiting` is large enough for every tree: the fork at place i has at least i / PACKETS forks above it. At most
 * PACKETS are on their way at once. They are taken from the end of `waiting`, from place e on. So at most PACKETS
 * forks join at each step. Those of step k join below place e + k * PACKETS, and are k deeper than a fork that was
 * at place e or behind it. */
struct wave {
    item cuts[PACKETS], ends[PACKETS];
    item end[PBC_SHAPES + 1][PACKETS]; /* ends, sorted: forks, and leaves by shape */
    item waiting[WAITING];             /* forks whose second part is not searched yet */
    uint32_t best[PACKETS];
};
struct counts {
    unsigned cuts, ends, waiting, end[PBC_SHAPES + 1];
};

/* Walks of other processors are not built. */
extern const struct walk_ops walk_scalar, walk_sse, walk_avx2, walk_neon;
