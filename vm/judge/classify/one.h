/* One search, as every walk does it: depth first, of a fork's two parts the second only where it may hold a lower
 * entry. A walk's file includes it once, having said TARGET, the attributes of its functions, and matching(), the bits
 * of a block's lanes whose masks and ranges hold for the key. */

static TARGET inline uint32_t first_of_leaf(const struct image *im, uint64_t leaf, const struct key *key, uint32_t from)
{
    const struct pbc_format *f = &im->formats[TREE_FORMAT(leaf)];
    for (const struct pbc_block *b = &im->blocks[TREE_BASE(leaf)];; b += f->size) {
        const uint32_t *entries = block_column(b, pbc_col_entry(f->size));
        const bool before = (entries[7] & PBC_LANE_NONE) < from; /* all of the block: lanes ascend */
        for (unsigned lanes = before ? 0 : matching(b, f, f->size, key); lanes; lanes &= lanes - 1) {
            const uint32_t entry = entries[__builtin_ctz(lanes)] & PBC_LANE_NONE;
            if (entry >= from) return entry;
        }
        if (!(entries[7] & PBC_LANE_MORE)) return ENTRY_NONE;
    }
}

static TARGET inline uint64_t window(const struct key *key, uint64_t cut)
{
    return key->word[TREE_WORD(cut)] >> TREE_SHIFT(cut) & ((1ull << TREE_BITS(cut)) - 1);
}

static TARGET uint32_t one(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from)
{
    const struct image im = image_of(p, classifier);
    uint64_t forks[PBC_FORKS_MAX], word = im.tree[0];
    unsigned waiting = 0;
    uint32_t best = ENTRY_NONE;
    for (;;) {
        if (TREE_KIND(word) == TREE_CUT) {
            word = im.tree[TREE_BASE(word) + window(key, word)];
            continue;
        }
        if (TREE_KIND(word) == TREE_FORK) {
            forks[waiting++] = word;
            word = im.tree[TREE_BASE(word)];
            continue;
        }
        if (TREE_KIND(word) == TREE_LEAF) {
            const uint32_t found = first_of_leaf(&im, word, key, from);
            if (found < best) best = found;
        }
        do {
            if (waiting == 0) return best;
            word = forks[--waiting];
        } while (TREE_LEAST(word) >= best);
        word = im.tree[TREE_BASE(word) + 1];
    }
}
