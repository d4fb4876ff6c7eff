/* The search of a classifier for the judge in the kernel: that of vm/judge/classify/search.h. A leaf is a function of
 * its own, which the kernel's verifier looks at once. */
#include "vm/kernel/bpf.h"
#include "vm/kernel/table.h"

TABLE(const struct pbc_classifier, classifiers);
TABLE(const struct pbc_format, formats);
TABLE(const uint64_t, tree);
TABLE(const struct pbc_block, blocks);
TABLE(const struct pbc_rank, ranks);

#define INLINE          inline __attribute__((always_inline))
#define TARGET          __attribute__((always_inline))
#define ENTRY_NONE      UINT32_MAX
#define OF_KEY(i, last) ((i) & (last))
#define FORK(i)         ((i)&7)
#define TREE_AT(im, i)  ROW(tree, (im)->tree + (i))
#define RANK_AT(im, i)  (&ROW(ranks, (im)->ranks + (i)))
/* By arithmetic: a verifier would follow a comparison both ways, and an address could mispredict it. */
#define NOT_BELOW(a, b) ((uint32_t)(~((~(a) & (b)) | ((~(a) | (b)) & ((a) - (b)))) >> 63))
#define IS(a, b)        ((uint32_t)(~(((a) ^ (b)) | (0 - ((a) ^ (b)))) >> 63))
#define BOUND_AT(i)     BELOW_8(i)
#ifdef COUNTED
#define LANE_IN_TURN(size) false
#else
#define LANE_IN_TURN(size) ((size) == 1) /* Linux 6.12's verifier finds the larger sizes too complex */
#endif
/* Keep the address: clang would compute it again for each lane. */
#define KEPT_AS_IT_IS(p) __asm__ volatile("" : "+r"(p))
enum { FORKS = KERNEL_FORKS, LANES = 8, RANKED_SLOTS = 2 };

struct image {
    uint32_t tree, blocks, formats, ranks;
};

static INLINE const uint32_t *block_column(const struct pbc_block *b, unsigned column)
{
    return (const uint32_t *)(const void *)b + 8 * (size_t)column;
}

static INLINE const uint32_t *block_values(const struct pbc_block *b, unsigned slot) { return block_column(b, slot); }
static INLINE const uint32_t *block_masks(const struct pbc_block *b, unsigned size, unsigned slot)
{
    return block_column(b, pbc_format_slots(size) + slot);
}

#include "vm/judge/classify/lanes.h"
#include "vm/judge/classify/rank.h"

/* Return the first entry of the block, not below `from`, whose lane matches; `ranks` of its first slots are ranges. */
static INLINE uint32_t first_of_block(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                      const struct key *key, uint32_t from, unsigned ranks)
{
    const uint32_t *entries = block_column(b, pbc_col_entry(size));
#pragma clang loop unroll(full)
    for (unsigned lane = 0; lane < LANES; lane++) {
        if (!begins(b, f, size, key, lane, ranks)) continue;
        const uint32_t entry = entries[lane] & PBC_LANE_NONE;
        if (entry >= from && rest_matches(b, f, size, key, lane, ranks)) return entry;
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
/* Return a leaf's first matching entry, not below `from`, in blocks of `size` units from number `at` on. */
static INLINE uint32_t first_of_run(struct kpkt *k, uint32_t at, uint32_t format, unsigned size, uint32_t from,
                                    unsigned ranks)
{
    const struct pbc_format *f = &ROW(formats, format);
    KEPT_AS_IT_IS(f);
    while (LOOP(true)) {
        const struct pbc_block *b = &ROW(blocks, at);
        KEPT_AS_IT_IS(b);
        const uint32_t last = block_column(b, pbc_col_entry(size))[LANES - 1];
        const uint32_t found =
            (last & PBC_LANE_NONE) < from ? ENTRY_NONE : first_of_block(b, f, size, &k->key, from, ranks);
        if (found != ENTRY_NONE) return found;
        if (!(last & PBC_LANE_MORE)) break;
        at = LOOSE(at + size);
    }
    return ENTRY_NONE;
}

/* Search a leaf, by size of its blocks; block and format are indices in the whole tables. */
GLOBAL uint64_t kernel_leaf(struct kpkt *k NONNULL, uint32_t block, uint32_t format, uint32_t from)
{
    return first_of_run(k, LOOSE(block), format, 1, from, 0);
}

GLOBAL uint64_t kernel_leaf_large(struct kpkt *k NONNULL, uint32_t block, uint32_t format, uint32_t from)
{
    return ROW(formats, format).size == 2 ? first_of_run(k, LOOSE(block), format, 2, from, 0)
                                          : first_of_run(k, LOOSE(block), format, 4, from, 0);
}

/* The same where the key holds ranks. */
GLOBAL uint64_t kernel_leaf_ranked(struct kpkt *k NONNULL, uint32_t block, uint32_t format, uint32_t from)
{
    return first_of_run(k, LOOSE(block), format, 1, from, RANKED_SLOTS);
}

GLOBAL uint64_t kernel_leaf_large_ranked(struct kpkt *k NONNULL, uint32_t block, uint32_t format, uint32_t from)
{
    return ROW(formats, format).size == 2 ? first_of_run(k, LOOSE(block), format, 2, from, RANKED_SLOTS)
                                          : first_of_run(k, LOOSE(block), format, 4, from, RANKED_SLOTS);
}

/* Search a leaf for the packet that the key is a part of. */
static INLINE uint32_t first_of_leaf(const struct image *im, uint64_t leaf, const struct key *key, uint32_t from,
                                     bool ranked)
{
    struct kpkt *k = (struct kpkt *)((char *)(uintptr_t)key - offsetof(struct kpkt, key));
    const uint32_t block = im->blocks + TREE_BASE(leaf), format = im->formats + TREE_FORMAT(leaf);
    if (ROW(formats, format).size == 1)
        return ranked ? kernel_leaf_ranked(k, block, format, from) : kernel_leaf(k, block, format, from);
    return ranked ? kernel_leaf_large_ranked(k, block, format, from) : kernel_leaf_large(k, block, format, from);
}

#include "vm/judge/classify/search.h"
#endif

/* Classify as classify_one does (vm/judge/classify/classify.h): a classifier without ranks, and one with them. */
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

/* The key holds the ranks while the tree is searched. */
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
