/* A cut of a classifier's tree: the choice of one part by a header. The same for native walks and the kernel. */
#pragma once

#include "vm/packet/key.h"
#include "vm/pbc.h"

/* Return the bits that the cut tests of its word of the key. */
static inline __attribute__((always_inline)) uint64_t window_of(uint64_t word, uint64_t cut)
{
    return word >> TREE_SHIFT(cut) & ((1ull << TREE_BITS(cut)) - 1);
}
static inline __attribute__((always_inline)) uint64_t window(const struct key *key, uint64_t cut)
{
    return window_of(key->word[TREE_WORD(cut)], cut);
}
