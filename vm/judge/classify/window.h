/* A cut of a classifier's tree: which of its parts a header leads to. The same for native walks and for the kernel. */
#pragma once

#include "vm/packet/key.h"
#include "vm/pbc.h"

/* The bits of the header's word that the cut looks at. */
static inline __attribute__((always_inline)) uint64_t window(const struct key *key, uint64_t cut)
{
    return key->word[TREE_WORD(cut)] >> TREE_SHIFT(cut) & ((1ull << TREE_BITS(cut)) - 1);
}
