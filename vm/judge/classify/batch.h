/* A batch's search, without a branch that a packet can mispredict. All packets go down the tree together, a level at
 * a time. Every step writes its packet at the end of each list of next things, and only the right list grows. Second
 * parts of forks wait, and are searched if they may still hold a lower entry. A walk's file includes this once,
 * behind one.h and on its terms. */

/* Take one step for each of `count` items that stand at cuts. Items that stand at cuts again come first in the same
 * list, and their number is returned; the others go to `ends`. */
static TARGET INLINE unsigned level(const struct image *im, const struct key keys[], item cuts[], unsigned count,
                                    item ends[])
{
    const uint64_t *const tree = im->tree;
    size_t again = 0;
    for (size_t i = 0; i < count; i++) {
        const item at = cuts[i], next = tree[TREE_BASE(at) + window(&keys[ITEM_AT(at)], at)] | (at & ITEM_NUMBER);
        cuts[again] = ends[i - again] = next;
        again += TREE_KIND(next) == TREE_CUT;
    }
    return (unsigned)again;
}

static TARGET inline void levels(const struct image *im, const struct key keys[], struct wave *w, struct counts *n)
{
    while (n->cuts) {
        const unsigned again = level(im, keys, w->cuts, n->cuts, w->ends + n->ends);
        n->ends += n->cuts - again;
        n->cuts = again;
    }
}

/* Sort the ends: leaves by the size of their blocks, whose lines are prefetched; forks; the rest found nothing. */
static TARGET inline void sort_ends(const struct image *im, struct wave *w, struct counts *n)
{
    for (unsigned i = 0; i < n->ends; i++) {
        const item end = w->ends[i];
        const unsigned leaf = TREE_KIND(end) == TREE_LEAF;
        const unsigned small = leaf & im->formats[leaf ? TREE_FORMAT(end) : 0].size;
        const char *const lines = (const char *)&im->blocks[leaf ? TREE_BASE(end) : 0];
        for (unsigned line = 0; line < 4; line++) __builtin_prefetch(lines + line * LINE);
        w->small[n->small] = w->large[n->large] = w->forks[n->forks] = end;
        n->small += small;
        n->large += leaf - small;
        n->forks += TREE_KIND(end) == TREE_FORK;
    }
    n->ends = 0;
}

/* Append an item to the list for its word. */
static TARGET inline void put(struct wave *w, struct counts *n, item i)
{
    const unsigned cut = TREE_KIND(i) == TREE_CUT;
    w->cuts[n->cuts] = w->ends[n->ends] = i;
    n->cuts += cut;
    n->ends += !cut;
}

/* Take the first part of each fork; the second part waits. */
static TARGET inline void take_first(const struct image *im, struct wave *w, struct counts *n)
{
    for (unsigned i = 0; i < n->forks; i++) {
        const item fork = w->waiting[n->waiting++] = w->forks[i];
        put(w, n, im->tree[TREE_BASE(fork)] | (fork & ITEM_NUMBER));
    }
    n->forks = 0;
}

/* Take the second parts that waited last, except those that can no longer win. */
static TARGET inline void take_second(const struct image *im, struct wave *w, struct counts *n)
{
    const unsigned count = n->waiting < PACKETS ? n->waiting : PACKETS;
    n->waiting -= count;
    for (unsigned i = 0; i < count; i++) {
        const item fork = w->waiting[n->waiting + i];
        const uint64_t wins = TREE_LEAST(fork) < w->best[ITEM_AT(fork)];
        put(w, n, (im->tree[TREE_BASE(fork) + 1] | (fork & ITEM_NUMBER)) & -wins);
    }
}

/* Return the matching lanes of a block of one unit, or of two or four. */
static TARGET INLINE unsigned matching_of(const struct pbc_block *b, const struct pbc_format *f, bool small,
                                          const struct key *key, unsigned ranks)
{
    if (small) return matching(b, f, 1, key, ranks);
    return f->size == 2 ? matching(b, f, 2, key, ranks) : matching(b, f, 4, key, ranks);
}

/* Compare one block for each item, then the next for items whose leaf continues and that matched in none. */
static TARGET INLINE void compare(const struct image *im, const struct key keys[], struct wave *w, bool small,
                                  item list[], unsigned count, unsigned ranks)
{
    while (count) {
        unsigned left = 0;
        for (unsigned i = 0; i < count; i++) {
            const item at = list[i];
            const struct pbc_format *f = &im->formats[TREE_FORMAT(at)];
            const struct pbc_block *b = &im->blocks[TREE_BASE(at)];
            const unsigned units = small ? 1 : f->size, lanes = matching_of(b, f, small, &keys[ITEM_AT(at)], ranks);
            const uint32_t *entries = block_column(b, pbc_col_entry(units));
            const uint32_t none = lanes == 0;
            const uint32_t entry = (entries[__builtin_ctz(lanes | 0x80)] & PBC_LANE_NONE) | -none;
            uint32_t *best = &w->best[ITEM_AT(at)];
            *best = entry < *best ? entry : *best;
            list[left] = at + ((uint64_t)units << 32);
            left += none & entries[7] >> 31;
        }
        count = left;
    }
}

/* If the tree begins with forks, let all of `todo` wait at their second parts. Return the word of the first parts. */
static TARGET inline uint64_t begin_forks(const struct image *im, uint64_t todo, struct wave *w, struct counts *n)
{
    uint64_t word = im->tree[0];
    for (; TREE_KIND(word) == TREE_FORK; word = im->tree[TREE_BASE(word)])
        for (uint64_t left = todo; left; left &= left - 1)
            w->waiting[n->waiting++] = word | (item)__builtin_ctzll(left) << ITEM_PACKET;
    return word;
}

/* Take all of `todo` to the word behind the tree's first cut, which is the same for all, so no item is decoded. */
static TARGET inline void begin(const struct image *im, const struct key keys[], uint64_t todo, struct wave *w,
                                struct counts *n)
{
    memset(w->best, 0xff, sizeof w->best);
    *n = (struct counts){0};
    const uint64_t word = begin_forks(im, todo, w, n);
    const bool cut = TREE_KIND(word) == TREE_CUT;
    const uint64_t *const table = im->tree + TREE_BASE(word), mask = (1ull << TREE_BITS(word)) - 1;
    const unsigned of_key = TREE_WORD(word), shift = TREE_SHIFT(word);
    size_t cuts = 0, count = 0;
    for (; todo; todo &= todo - 1, count++) {
        const uint64_t at = (uint64_t)__builtin_ctzll(todo);
        const uint64_t next = cut ? table[keys[at].word[of_key] >> shift & mask] : word;
        w->cuts[cuts] = w->ends[count - cuts] = next | at << ITEM_PACKET;
        cuts += TREE_KIND(next) == TREE_CUT;
    }
    n->cuts = (unsigned)cuts;
    n->ends = (unsigned)(count - cuts);
}

static TARGET inline void hand_out(const struct wave *w, uint64_t todo, uint32_t found[])
{
    if (todo == UINT64_MAX) {
        memcpy(found, w->best, sizeof w->best);
        return;
    }
    for (; todo; todo &= todo - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(todo);
        found[at] = w->best[at];
    }
}

static TARGET INLINE void search_batch(const struct image im, const struct key keys[], uint64_t todo, uint32_t found[],
                                       unsigned ranks)
{
    struct wave w;
    struct counts n;
    begin(&im, keys, todo, &w, &n);
    for (;;) {
        for (; n.cuts | n.ends; take_first(&im, &w, &n)) {
            levels(&im, keys, &w, &n);
            sort_ends(&im, &w, &n);
        }
        compare(&im, keys, &w, true, w.small, n.small, ranks);
        compare(&im, keys, &w, false, w.large, n.large, ranks);
        n.small = n.large = 0;
        if (!n.waiting) break;
        take_second(&im, &w, &n);
    }
    hand_out(&w, todo, found);
}

/* Turn addresses into ranks, all of the batch level by level, then search with these. */
static TARGET __attribute__((noinline)) void batch_ranked(const struct image im, const struct key keys[], uint64_t todo,
                                                          uint32_t found[])
{
    struct climb c;
    struct key ranked[PACKETS];
    c.goes = 0;
    for (uint64_t left = todo; left; left &= left - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(left);
        climb_begin(&c, at, &keys[at]);
    }
    while (c.goes) climb_level(&im, &c);
    for (uint64_t left = todo; left; left &= left - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(left);
        climb_end(&c, at, &keys[at], &ranked[at]);
    }
    search_batch(im, ranked, todo, found, RANKED_SLOTS);
}

static TARGET void batch(const struct program *p, uint32_t classifier, const struct key keys[], uint64_t todo,
                         uint32_t found[])
{
    const struct image im = image_of(p, classifier);
    if (has_ranks(p, classifier))
        batch_ranked(im, keys, todo, found);
    else
        search_batch(im, keys, todo, found, 0);
}
