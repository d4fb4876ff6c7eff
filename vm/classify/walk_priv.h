/* What the walks share: one classifier's part of the sections, and the columns of a block. */
#ifndef VM_CLASSIFY_WALK_PRIV_H
#define VM_CLASSIFY_WALK_PRIV_H

#include "vm/classify/classify.h"

struct image {
    const uint64_t *tree;
    const struct pbc_block *blocks;
    const struct pbc_format *formats;
};

static inline struct image image_of(const struct program *p, uint32_t classifier)
{
    const struct pbc_classifier *c = &p->classifiers[classifier];
    return (struct image){p->tree + c->tree, p->blocks + c->blocks, p->formats + c->formats};
}

/* Eight lanes of a block, which is `size` of struct pbc_block together. */
static inline const uint32_t *block_column(const struct pbc_block *b, unsigned column)
{
    return (const uint32_t *)(const void *)b + 8 * (size_t)column;
}

static inline const uint32_t *block_values(const struct pbc_block *b, unsigned slot) { return block_column(b, slot); }
static inline const uint32_t *block_masks(const struct pbc_block *b, unsigned size, unsigned slot)
{
    return block_column(b, pbc_format_slots(size) + slot);
}

/* Those of other processors are not made. */
extern const struct walk_ops walk_scalar, walk_sse, walk_avx2, walk_avx512, walk_neon;

#endif
