/* A batch's search, without a branch that a packet can mispredict: all packets go down the tree together, a level at a
 * time, and every step puts its packet into all the lists of what comes next, of which only the right one grows. What
 * forks left for later waits, and is looked at where it may still hold a lower entry. A walk's file includes this once,
 * behind one.h and on its terms. */

/* A packet on its way: the word of the tree that it stands at, and its number in bits that words leave free. */
typedef uint64_t item;
enum { ITEM_PACKET = 24, PACKETS = 64, WAITING = 512, LINE = 64 };
#define ITEM_NUMBER ((uint64_t)(PACKETS - 1) << ITEM_PACKET)
#define ITEM_AT(i)  ((unsigned)((i) >> ITEM_PACKET) & (PACKETS - 1))

/* Lists have room for one more, which is written before it is known whether it counts. */
struct wave {
    item cuts[PACKETS + 1], forks[PACKETS + 1], leaves[PACKETS + 1];
    item sized[3][PACKETS + 1]; /* leaves whose blocks are 1, 2 and 4 units */
    item waiting[WAITING];      /* forks whose second part was not looked at */
    uint32_t best[PACKETS];
};
struct counts {
    unsigned cuts, forks, leaves, waiting;
};

static TARGET inline void put(struct wave *w, struct counts *n, item i)
{
    w->cuts[n->cuts] = i;
    n->cuts += TREE_KIND(i) == TREE_CUT;
    w->forks[n->forks] = i;
    n->forks += TREE_KIND(i) == TREE_FORK;
    w->leaves[n->leaves] = i;
    n->leaves += TREE_KIND(i) == TREE_LEAF;
}

static TARGET inline item cut(const struct image *im, const struct key keys[], item i)
{
    return im->tree[TREE_BASE(i) + window(&keys[ITEM_AT(i)], i)] | (i & ITEM_NUMBER);
}

/* Each item to its leaf, or to nothing; of forks the first part. No list is longer than the items are. */
static TARGET inline void descend(const struct image *im, const struct key keys[], struct wave *w, struct counts *n)
{
    while (n->cuts | n->forks) {
        const unsigned forks = n->forks;
        n->forks = 0;
        for (unsigned i = 0; i < forks; i++) {
            const item fork = w->forks[i];
            w->waiting[n->waiting++] = fork;
            put(w, n, im->tree[TREE_BASE(fork)] | (fork & ITEM_NUMBER));
        }
        if (n->forks) continue;
        const unsigned cuts = n->cuts;
        n->cuts = 0;
        for (unsigned i = 0; i < cuts; i++) put(w, n, cut(im, keys, w->cuts[i]));
    }
}

static TARGET inline void compare_one(const struct image *im, const struct key keys[], struct wave *w, unsigned size,
                                      item *list, unsigned *more)
{
    const item i = *list;
    const struct pbc_block *b = &im->blocks[TREE_BASE(i)];
    const uint32_t *entries = block_column(b, pbc_col_entry(size));
    const unsigned lanes = matching(b, &im->formats[TREE_FORMAT(i)], size, &keys[ITEM_AT(i)]);
    const uint32_t entry = lanes ? entries[__builtin_ctz(lanes | 0x80)] & PBC_LANE_NONE : ENTRY_NONE;
    uint32_t *best = &w->best[ITEM_AT(i)];
    *best = entry < *best ? entry : *best;
    *more = (lanes == 0) & entries[7] >> 31;
}

/* Leaves of blocks of `size` units, a block each, and once more those that have another. */
static TARGET inline void compare(const struct image *im, const struct key keys[], struct wave *w, unsigned size,
                                  item list[], unsigned count)
{
    while (count) {
        unsigned left = 0;
        for (unsigned i = 0; i < count; i++) {
            unsigned more;
            const item next = list[i] + ((uint64_t)size << 32);
            compare_one(im, keys, w, size, &list[i], &more);
            list[left] = next;
            left += more;
        }
        count = left;
    }
}

static TARGET inline void compare_leaves(const struct image *im, const struct key keys[], struct wave *w,
                                         struct counts *n)
{
    unsigned count[3] = {0};
    for (unsigned i = 0; i < n->leaves; i++) {
        const item leaf = w->leaves[i];
        const unsigned size = im->formats[TREE_FORMAT(leaf)].size;
        const char *const lines = (const char *)&im->blocks[TREE_BASE(leaf)];
        for (unsigned line = 0; line < 4; line++) __builtin_prefetch(lines + line * LINE);
        for (unsigned s = 0; s < 3; s++) {
            w->sized[s][count[s]] = leaf;
            count[s] += size >> s & 1;
        }
    }
    n->leaves = 0;
    compare(im, keys, w, 1, w->sized[0], count[0]);
    compare(im, keys, w, 2, w->sized[1], count[1]);
    compare(im, keys, w, 4, w->sized[2], count[2]);
}

/* How many of those that wait go on. Each may leave as many forks behind as lie on a path below it: PBC_FORKS_MAX - 1.
 * Near the end of the list only the last goes on, which is a search depth first, so that what it leaves fits into the
 * rest. */
static TARGET inline unsigned next_ones(unsigned waiting)
{
    const unsigned room = (WAITING - PBC_FORKS_MAX - waiting) / (PBC_FORKS_MAX - 1);
    const unsigned most = waiting < PACKETS ? waiting : PACKETS;
    return waiting + PBC_FORKS_MAX + (PBC_FORKS_MAX - 1) > WAITING ? 1 : most < room ? most : room;
}

static TARGET inline void take_up(const struct image *im, struct wave *w, struct counts *n)
{
    const unsigned count = next_ones(n->waiting);
    n->waiting -= count;
    for (unsigned i = 0; i < count; i++) {
        const item fork = w->waiting[n->waiting + i];
        const item second = im->tree[TREE_BASE(fork) + 1] | (fork & ITEM_NUMBER);
        put(w, n, TREE_LEAST(fork) < w->best[ITEM_AT(fork)] ? second : TREE_NONE);
    }
}

static TARGET void batch(const struct program *p, uint32_t classifier, const struct key keys[], uint64_t todo,
                         uint32_t found[])
{
    const struct image im = image_of(p, classifier);
    struct wave w;
    struct counts n = {0};
    for (uint64_t left = todo; left; left &= left - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(left);
        put(&w, &n, im.tree[0] | (uint64_t)at << ITEM_PACKET);
        w.best[at] = ENTRY_NONE;
    }
    for (;;) {
        descend(&im, keys, &w, &n);
        compare_leaves(&im, keys, &w, &n);
        if (!n.waiting) break;
        take_up(&im, &w, &n);
    }
    for (uint64_t left = todo; left; left &= left - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(left);
        found[at] = w.best[at];
    }
}
