/* A batch's search, without a branch that a packet can mispredict. All packets go down the tree together, a level at
 * a time. Every step writes its packet at the end of each list of next steps, and only the right list grows. Second
 * parts of forks wait, and are searched if they may still hold a lower entry. A walk's file includes this once,
 * after one.h, with the same definitions. */

/* Take one step for each of `count` items that are at cuts. Items that are at cuts again come first in the same
 * list, and their number is returned; forks and leaves go to `ends`, whose number grows by them. The next words of a
 * far tree (a constant) are prefetched before the first is read. */
static TARGET INLINE unsigned level(const struct image *im, const struct key keys[], item cuts[], unsigned count,
                                    item ends[], unsigned *ended, bool far)
{
    const char *const bytes = (const char *)keys;
    const uint64_t *to[PACKETS];
    size_t again = 0, end = *ended;
#define NEXT(at) &im->tree[TREE_BASE(at) + WINDOW(*(const uint64_t *)(const void *)(bytes + ITEM_KEY(at)), at)]
    for (size_t i = 0; far && i < count; i++) {
        to[i] = NEXT(cuts[i]);
        __builtin_prefetch(to[i]);
    }
    for (size_t i = 0; i < count; i++) {
        const item at = cuts[i], next = (far ? *to[i] : *NEXT(at)) | (at & ITEM_NUMBER);
        cuts[again] = ends[end] = next;
        again += ITEM_CUTS(next);
        end += ITEM_ENDS(next);
    }
#undef NEXT
    *ended = (unsigned)end;
    return (unsigned)again;
}

/* Sort the ends: forks, and leaves by shape. The lines read next are prefetched; for a leaf these depend on its
 * shape. */
static TARGET inline void sort_ends(const struct image *im, struct wave *w, struct counts *n)
{
    for (unsigned i = 0; i < n->ends; i++) {
        const item end = w->ends[i];
        const unsigned which = ITEM_END(end), last = which & 3; /* last line of a block; 0: fork or ANY */
        const char *const next =
            which ? (const char *)&im->blocks[TREE_BASE(end)] : (const char *)&im->tree[TREE_BASE(end)];
        __builtin_prefetch(next);
        __builtin_prefetch(next + last * LINE);
        __builtin_prefetch(next + (last >> 1) * LINE);
        __builtin_prefetch(next + ((last + 1) >> 1) * LINE);
        w->end[which][n->end[which]++] = end;
    }
    n->ends = 0;
}

/* Append an item to the list for its word. */
static TARGET inline void put(struct wave *w, struct counts *n, item i)
{
    w->cuts[n->cuts] = w->ends[n->ends] = i;
    n->cuts += ITEM_CUTS(i);
    n->ends += ITEM_ENDS(i);
}

/* Take the first part of each fork; the second part waits. */
static TARGET inline void take_first(const struct image *im, struct wave *w, struct counts *n)
{
    for (unsigned i = 0; i < n->end[0]; i++) {
        const item fork = w->waiting[n->waiting++] = w->end[0][i];
        put(w, n, im->tree[TREE_BASE(fork)] | (fork & ITEM_NUMBER));
    }
    n->end[0] = 0;
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

/* Prefetch the other lines of the first blocks of leaves whose shape does not fix their number. */
static TARGET inline void prefetch_any(const struct image *im, const item list[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const char *const first = (const char *)&im->blocks[TREE_BASE(list[i])];
        const unsigned lines = im->formats[TREE_FORMAT(list[i])].lines;
        for (unsigned line = 1; line < lines; line++) __builtin_prefetch(first + line * LINE);
    }
}

/* Compare one block for each leaf of the shape, a constant. Then compare the next block for packets that matched
 * none and whose leaf continues. */
static TARGET INLINE void compare(const struct image *im, const struct key keys[], struct wave *w, struct counts *n,
                                  unsigned shape, bool ranked)
{
    item *const list = w->end[shape];
    for (unsigned count = n->end[shape], left; count; count = left) {
        left = 0;
        for (unsigned i = 0; i < count; i++) {
            const item at = list[i];
            const struct pbc_format *const f = &im->formats[TREE_FORMAT(at)];
            const struct pbc_line *const b = &im->blocks[TREE_BASE(at)];
            const unsigned lines = shape == PBC_SHAPE_ANY ? f->lines : pbc_shape_lines(shape),
                           lanes = MATCHING(b, f, lines, masked_of(shape), &keys[ITEM_AT(at)], ranked);
            const uint32_t *const entries = block_column(b, 0);
            const uint32_t none = lanes == 0;
            const uint32_t entry = (entries[__builtin_ctz(lanes | 0x80)] & PBC_LANE_NONE) | -none;
            uint32_t *const best = &w->best[ITEM_AT(at)];
            *best = entry < *best ? entry : *best;
            list[left] = at + ((item)lines << TREE_BASE_AT);
            left += none & entries[7] >> 31;
        }
    }
    n->end[shape] = 0;
}

/* With ranks a block has at least three lines; a block of three has one column that is not a rank. */
static TARGET INLINE void compare_all(const struct image *im, const struct key keys[], struct wave *w, struct counts *n,
                                      bool ranked)
{
#define COMPARE(shape) compare(im, keys, w, n, shape, ranked)
    prefetch_any(im, w->end[PBC_SHAPE_ANY], n->end[PBC_SHAPE_ANY]);
    if (!ranked) COMPARE(PBC_SHAPE_ONE);
    if (!ranked) COMPARE(1);
    if (!ranked) COMPARE(5);
    if (!ranked) COMPARE(9);
    COMPARE(2);
    COMPARE(6);
    if (!ranked) COMPARE(10);
    COMPARE(3);
    COMPARE(7);
    COMPARE(11);
    COMPARE(PBC_SHAPE_ANY);
#undef COMPARE
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

/* Place all of `todo` at the tree's first word behind its forks. */
static TARGET inline void begin(const struct image *im, uint64_t todo, struct wave *w, struct counts *n)
{
    memset(w->best, 0xff, sizeof w->best);
    *n = (struct counts){0};
    const uint64_t word = begin_forks(im, todo, w, n);
    for (; todo; todo &= todo - 1) put(w, n, word | (item)__builtin_ctzll(todo) << ITEM_PACKET);
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
                                       bool ranked)
{
    struct wave w;
    struct counts n;
    begin(&im, todo, &w, &n);
    for (;;) {
        for (; n.cuts | n.ends; take_first(&im, &w, &n)) {
            while (n.cuts)
                n.cuts = im.far ? level(&im, keys, w.cuts, n.cuts, w.ends, &n.ends, true)
                                : level(&im, keys, w.cuts, n.cuts, w.ends, &n.ends, false);
            sort_ends(&im, &w, &n);
        }
        compare_all(&im, keys, &w, &n, ranked);
        if (!n.waiting) break;
        take_second(&im, &w, &n);
    }
    hand_out(&w, todo, found);
}

/* Turn the batch's addresses into ranks, level by level, then search with the ranks. */
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
    search_batch(im, ranked, todo, found, true);
}

static TARGET void batch(const struct program *p, uint32_t classifier, const struct key keys[], uint64_t todo,
                         uint32_t found[])
{
    const struct image im = image_of(p, classifier);
    if (has_ranks(p, classifier))
        batch_ranked(im, keys, todo, found);
    else
        search_batch(im, keys, todo, found, false);
}
