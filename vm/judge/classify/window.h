/* A cut of a classifier's tree: the choice of one part by a header. The same for native walks and the kernel. */
#pragma once

#include "vm/packet/key.h"
#include "vm/pbc.h"

/* Return the bits of the header's word that the cut tests. */
static inline __attribute__((always_inline)) uint64_t window(const struct key *key, uint64_t cut)
{
    return key->word[TREE_WORD(cut)] >> TREE_SHIFT(cut) & ((1ull << TREE_BITS(cut)) - 1);
}
