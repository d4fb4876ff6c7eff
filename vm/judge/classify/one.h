/* The search of a leaf for all native walks, and the search over leaves (search.h). A walk's file includes it once,
 * after it has defined TARGET, the attributes of its functions, and matching(), the bits of a block's lanes whose masks
 * and ranges match the key. */

static TARGET inline uint32_t first_of_leaf(const struct image *im, uint64_t leaf, const struct key *key, uint32_t from)
{
    const struct pbc_format *f = &im->formats[TREE_FORMAT(leaf)];
    for (const struct pbc_block *b = &im->blocks[TREE_BASE(leaf)];; b += f->size) {
        const uint32_t *entries = block_column(b, pbc_col_entry(f->size));
        const bool before = (entries[7] & PBC_LANE_NONE) < from; /* true for all lanes: entries ascend */
        for (unsigned lanes = before ? 0 : matching(b, f, f->size, key); lanes; lanes &= lanes - 1) {
            const uint32_t entry = entries[__builtin_ctz(lanes)] & PBC_LANE_NONE;
            if (entry >= from) return entry;
        }
        if (!(entries[7] & PBC_LANE_MORE)) return ENTRY_NONE;
    }
}

#include "vm/judge/classify/search.h"
