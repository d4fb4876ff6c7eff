/* The search of a classifier for the judge in the kernel, as in vm/judge/classify/search.h. A leaf is a separate
 * function, which the kernel's verifier checks only once. */
#include "vm/kernel/bpf.h"
#include "vm/kernel/loop.bpf.h"

SECTION(const struct pbc_classifier, classifiers);
SECTION(const struct pbc_format, formats);
SECTION(const uint64_t, tree);
SECTION(const struct pbc_line, blocks);
SECTION(const struct pbc_rank, ranks);

#define INLINE          inline __attribute__((always_inline))
#define TARGET          __attribute__((always_inline))
#define ENTRY_NONE      UINT32_MAX
#define OF_KEY(i, last) ((i) & (last))
#define FORK(i)         ((i)&7)
#define TREE_AT(im, i)  ROW(tree, (im)->tree + (i))
#define RANK_AT(im, i)  (&ROW(ranks, (im)->ranks + (i)))
/* Compare by arithmetic: a verifier would follow a branch both ways, and a processor could mispredict it for some
 * addresses. */
#define NOT_BELOW(a, b) ((uint32_t)(~((~(a) & (b)) | ((~(a) | (b)) & ((a) - (b)))) >> 63))
#define IS(a, b)        ((uint32_t)(~(((a) ^ (b)) | (0 - ((a) ^ (b)))) >> 63))
#define BOUND_AT(i)     BELOW_8(i)
#ifdef COUNTED
#define LANE_IN_TURN   false
#define LANE_BY_BRANCH false
#else
#define LANE_IN_TURN   true
#define LANE_BY_BRANCH true
#endif
/* Keep the address in a register: clang would compute it again for each lane. */
#define KEPT_AS_IT_IS(p) __asm__ volatile("" : "+r"(p))
enum { FORKS = KERNEL_FORKS, LANES = 8 };

struct image {
    uint32_t tree, blocks, formats, ranks;
};

/* Return a column of a block. The mask is for the kernel's verifier, which knows no bounds of a loop's counter. */
static INLINE const uint32_t *block_column(const struct pbc_line *b, unsigned column)
{
    return (const uint32_t *)(const void *)b + 8 * (size_t)(column & 31);
}

#include "vm/judge/classify/shape.h"
#include "vm/judge/classify/lanes.h"
#include "vm/judge/classify/rank.h"

/* Return the number of lines as one that the kernel's verifier knows to be in bounds. */
static INLINE unsigned lines_of(const struct pbc_format *f) { return f->lines & PBC_LINES_MOST; }

/* Return a number other than 0 if a column, by mask or by range, does not hold the half. If loops are counted, there
 * is no branch, because the verifier would follow it both ways in each turn. */
static INLINE uint32_t column_differs(const struct pbc_line *b, const struct pbc_format *f, const struct key *key,
                                      unsigned at, unsigned lane)
{
    const uint32_t masked = (uint32_t)(f->half[OF_KEY(at - 1, 31)] >> 7), all = 0 - masked;
    if (LANE_BY_BRANCH) return half_differs(b, f, key, at, lane, masked);
    return (half_differs(b, f, key, at, lane, true) & all) | (half_differs(b, f, key, at, lane, false) & ~all);
}

/* True if the lane of a block in any format matches. */
static INLINE bool any_matches(const struct pbc_line *b, const struct pbc_format *f, const struct key *key,
                               unsigned lane, bool ranked)
{
    const unsigned columns = pbc_columns(lines_of(f)), wide = wide_columns(f, ANY_MASKED, ranked);
    uint32_t i = LOOSE(1u), differ = ranked ? !begins(b, f, ANY_MASKED, key, lane, true) : LOOSE(0u);
    TURNS(PBC_LINES_MOST)
    while (LOOP(!ranked && i < wide)) {
        differ |= LOOSE(pair_differs(b, f, key, i, lane));
        i = LOOSE(i + 2);
    }
    i = LOOSE(wide + 1);
    TURNS(2 * PBC_LINES_MOST)
    while (LOOP(i <= columns)) {
        differ |= LOOSE(column_differs(b, f, key, i, lane));
        if (LANE_IN_TURN && differ) return false;
        i = LOOSE(i + 1);
    }
    return !differ;
}

/* Return the first matching entry of a block, not below `from`. The block's shape is not ANY. */
static INLINE uint32_t first_of_block(const struct pbc_line *b, const struct pbc_format *f, unsigned lines,
                                      enum masked masked, const struct key *key, uint32_t from, bool ranked)
{
    const uint32_t *entries = block_column(b, 0);
#pragma clang loop unroll(full)
    for (unsigned lane = 0; lane < LANES; lane++) {
        if (!begins(b, f, masked, key, lane, ranked)) continue;
        if (!rest_matches(b, f, lines, masked, key, lane, ranked)) continue;
        const uint32_t entry = entries[lane] & PBC_LANE_NONE;
        if (entry >= from) return entry;
    }
    return ENTRY_NONE;
}

static INLINE struct image image_of(const struct program *p, uint32_t classifier)
{
    const struct pbc_classifier *c = &ROW(classifiers, classifier);
    return (struct image){c->tree, c->blocks, c->formats, c->ranks};
}

#ifdef COUNTED
#include "vm/kernel/judge/classify_turns.bpf.h"
#else
/* Do the same for a block in any format. */
static INLINE uint32_t first_of_any(const struct pbc_line *b, const struct pbc_format *f, const struct key *key,
                                    uint32_t from, bool ranked)
{
    uint32_t at = LOOSE(0u);
    while (LOOP(at < LANES)) {
        const unsigned lane = (unsigned)BELOW_8(at);
        const uint32_t entry = block_column(b, 0)[lane] & PBC_LANE_NONE;
        if (entry >= from && begins(b, f, ANY_MASKED, key, lane, ranked) && any_matches(b, f, key, lane, ranked))
            return entry;
        at = LOOSE(at + 1);
    }
    return ENTRY_NONE;
}

/* Return a leaf's first matching entry, not below `from`, in blocks from line `at` on. shape: that of the blocks, a
 * constant. */
static INLINE uint32_t first_of_run(struct kpkt *k, uint32_t at, uint32_t format, unsigned shape, uint32_t from,
                                    bool ranked)
{
    const struct pbc_format *f = &ROW(formats, format);
    KEPT_AS_IT_IS(f);
    while (LOOP(true)) {
        const struct pbc_line *b = &ROW(blocks, at);
        KEPT_AS_IT_IS(b);
        const uint32_t last = block_column(b, 0)[LANES - 1];
        const unsigned lines = shape == PBC_SHAPE_ANY ? lines_of(f) : pbc_shape_lines(shape);
        uint32_t found = ENTRY_NONE;
        if ((last & PBC_LANE_NONE) >= from)
            found = shape == PBC_SHAPE_ANY ? first_of_any(b, f, &k->key, from, ranked)
                                           : first_of_block(b, f, lines, masked_of(shape), &k->key, from, ranked);
        if (found != ENTRY_NONE) return found;
        if (!(last & PBC_LANE_MORE)) break;
        at = LOOSE(at + lines);
    }
    return ENTRY_NONE;
}

/* Search a leaf, by the shape of its blocks; block and format are indices in the tables of all classifiers. */
#define RUN(shape, ranked) first_of_run(k, LOOSE(block), format, shape, from, ranked)
GLOBAL uint64_t kernel_leaf(struct kpkt *k NONNULL, uint32_t block, uint32_t format, uint32_t from, uint32_t shape)
{
    switch (shape) {
    case 1: return RUN(1, false);
    case 2: return RUN(2, false);
    case 3: return RUN(3, false);
    default: return RUN(PBC_SHAPE_ONE, false);
    }
}

GLOBAL uint64_t kernel_leaf_masked(struct kpkt *k NONNULL, uint32_t block, uint32_t format, uint32_t from,
                                   uint32_t shape)
{
    switch (shape) {
    case 5: return RUN(5, false);
    case 6: return RUN(6, false);
    default: return RUN(7, false);
    }
}

GLOBAL uint64_t kernel_leaf_two_masked(struct kpkt *k NONNULL, uint32_t block, uint32_t format, uint32_t from,
                                       uint32_t shape)
{
    switch (shape) {
    case 9: return RUN(9, false);
    case 10: return RUN(10, false);
    default: return RUN(11, false);
    }
}

GLOBAL uint64_t kernel_leaf_any(struct kpkt *k NONNULL, uint32_t block, uint32_t format, uint32_t from)
{
    return RUN(PBC_SHAPE_ANY, false);
}

/* Do the same with ranks in the key. A block then has at least three lines; a block of three has one column that is
 * not a rank. */
GLOBAL uint64_t kernel_leaf_ranked(struct kpkt *k NONNULL, uint32_t block, uint32_t format, uint32_t from,
                                   uint32_t shape)
{
    switch (shape) {
    case 2: return RUN(2, true);
    case 6: return RUN(6, true);
    case 3: return RUN(3, true);
    case 7: return RUN(7, true);
    default: return RUN(11, true);
    }
}

GLOBAL uint64_t kernel_leaf_any_ranked(struct kpkt *k NONNULL, uint32_t block, uint32_t format, uint32_t from)
{
    return RUN(PBC_SHAPE_ANY, true);
}
#undef RUN

/* Search a leaf for the packet that the key is a part of. */
static INLINE uint32_t first_of_leaf(const struct image *im, uint64_t leaf, const struct key *key, uint32_t from,
                                     bool ranked)
{
    struct kpkt *k = (struct kpkt *)((char *)(uintptr_t)key - offsetof(struct kpkt, key));
    const uint32_t block = im->blocks + TREE_BASE(leaf), format = im->formats + TREE_FORMAT(leaf),
                   shape = TREE_SHAPE(leaf);
    if (shape == PBC_SHAPE_ANY)
        return ranked ? kernel_leaf_any_ranked(k, block, format, from) : kernel_leaf_any(k, block, format, from);
    if (ranked) return kernel_leaf_ranked(k, block, format, from, shape);
    if (shape <= PBC_SHAPE_ONE) return kernel_leaf(k, block, format, from, shape);
    return shape < PBC_SHAPE_ANY ? kernel_leaf_masked(k, block, format, from, shape)
                                 : kernel_leaf_two_masked(k, block, format, from, shape);
}

#include "vm/judge/classify/search.h"
#endif

/* Classify as classify_one does (vm/judge/classify/classify.h), by a classifier without ranks. */
GLOBAL uint64_t kernel_classify(struct kpkt *k NONNULL, uint32_t classifier, uint32_t from)
{
    return search(image_of(NULL, classifier), &k->key, from, false);
}

/* Return the rank of the address whose first word in the key is `word`, in the tree from line `root` on. */
GLOBAL uint64_t kernel_rank(struct kpkt *k NONNULL, uint32_t classifier, uint32_t word, uint32_t root)
{
    const struct image im = image_of(NULL, classifier);
    const struct address a = address_of(&k->key, word ? 2 : 0);
    uint32_t line = LOOSE(root);
    TURNS(PBC_RANK_DEPTH)
    while (LOOP(true)) {
        const struct pbc_rank *const node = RANK_AT(&im, line), *const lower = RANK_AT(&im, line + 1);
        const uint64_t rest = node->word[RANK_REST];
        line = LOOSE(RANK_WIDE(rest) ? rank_to(node, lower, bounds_halved(node, lower, a), a)
                                     : rank_to(node, NULL, bounds_halved(node, NULL, a), a));
        if (RANK_KIND(rest) == RANK_LEAF) break;
    }
    return line;
}

/* Classify by a classifier with ranks. The key holds the ranks while the tree is searched. */
GLOBAL uint64_t kernel_classify_ranked(struct kpkt *k NONNULL, uint32_t classifier, uint32_t from)
{
    const uint32_t src = k->key.src[0], dst = k->key.dst[0];
    const uint32_t src_rank = (uint32_t)kernel_rank(k, classifier, 0, RANK_SRC),
                   dst_rank = (uint32_t)kernel_rank(k, classifier, 2, RANK_DST);
    k->key.src[0] = src_rank;
    k->key.dst[0] = dst_rank;
    const uint32_t found = search(image_of(NULL, classifier), &k->key, from, true);
    k->key.src[0] = src;
    k->key.dst[0] = dst;
    return found;
}
