/* The search of a leaf for all native walks, and the search over leaves (search.h). A walk's file includes it once,
 * after it has defined TARGET, the attributes of its functions, and MATCHING(), the bits of a block's lanes whose
 * columns match the key. */

/* Search a run of blocks of one shape, which is a constant. */
static TARGET INLINE uint32_t first_of_run(const struct pbc_line *b, const struct pbc_format *f, unsigned shape,
                                           const struct key *key, uint32_t from, bool ranked)
{
    const unsigned lines = shape == PBC_SHAPE_ANY ? f->lines : pbc_shape_lines(shape);
    for (;; b += lines) {
        const uint32_t *const entries = block_column(b, 0);
        const bool before = (entries[7] & PBC_LANE_NONE) < from; /* true for all lanes, because entries ascend */
        for (unsigned lanes = before ? 0 : MATCHING(b, f, lines, masked_of(shape), key, ranked); lanes;
             lanes &= lanes - 1) {
            const uint32_t entry = entries[__builtin_ctz(lanes)] & PBC_LANE_NONE;
            if (entry >= from) return entry;
        }
        if (!(entries[7] & PBC_LANE_MORE)) return ENTRY_NONE;
    }
}

static TARGET INLINE uint32_t first_of_leaf(const struct image *im, uint64_t leaf, const struct key *key, uint32_t from,
                                            bool ranked)
{
    const struct pbc_format *const f = &im->formats[TREE_FORMAT(leaf)];
    const struct pbc_line *const b = &im->blocks[TREE_BASE(leaf)];
    switch (TREE_SHAPE(leaf)) {
#define RUN(shape)                                                                                                     \
    case shape: return first_of_run(b, f, shape, key, from, ranked)
        RUN(1);
        RUN(2);
        RUN(3);
        RUN(5);
        RUN(6);
        RUN(7);
        RUN(9);
        RUN(10);
        RUN(11);
#undef RUN
    default: return first_of_run(b, f, PBC_SHAPE_ANY, key, from, ranked);
    }
}

#include "vm/judge/classify/search.h"

/* Addresses of headers on their way to their ranks: number 2 p is header p's source, 2 p + 1 its destination. */
struct climb {
    struct address address[2 * PACKETS];
    uint32_t line[2 * PACKETS]; /* the current node; at the end, the rank */
    uint8_t going[2 * PACKETS]; /* numbers of the addresses that are at a node */
    unsigned goes;
};

static TARGET INLINE void climb_begin(struct climb *c, unsigned header, const struct key *key)
{
    c->address[2 * header] = address_of(key, 0);
    c->address[2 * header + 1] = address_of(key, 2);
    c->line[2 * header] = RANK_SRC;
    c->line[2 * header + 1] = RANK_DST;
    c->going[c->goes++] = (uint8_t)(2 * header);
    c->going[c->goes++] = (uint8_t)(2 * header + 1);
}

/* Take one step for each address at a node. */
static TARGET INLINE void climb_level(const struct image *im, struct climb *c)
{
    unsigned again = 0;
    for (unsigned i = 0; i < c->goes; i++) {
        const unsigned a = c->going[i];
        const struct pbc_rank *const node = RANK_AT(im, c->line[a]);
        const uint64_t rest = node->word[RANK_REST];
        const struct pbc_rank *const lower = RANK_WIDE(rest) ? node + 1 : NULL;
        const uint32_t at = lower ? bounds_up_to(node, lower, c->address[a]) : bounds_up_to(node, NULL, c->address[a]);
        const uint32_t to = c->line[a] = rank_to(node, lower, at, c->address[a]);
        const bool inner = RANK_KIND(rest) == RANK_INNER;
        __builtin_prefetch(RANK_AT(im, inner ? to : 0));
        __builtin_prefetch(RANK_AT(im, inner ? to + RANK_STRIDE(rest) : 0));
        c->going[again] = (uint8_t)a;
        again += inner;
    }
    c->goes = again;
}

/* Put the header's ranks in place of its addresses. */
static TARGET INLINE void climb_end(const struct climb *c, unsigned header, const struct key *key, struct key *ranked)
{
    *ranked = *key;
    ranked->src[0] = c->line[2 * header];
    ranked->dst[0] = c->line[2 * header + 1];
}

static TARGET __attribute__((noinline)) uint32_t one_ranked(const struct image im, const struct key *key, uint32_t from)
{
    struct climb c;
    struct key ranked;
    c.goes = 0;
    climb_begin(&c, 0, key);
    while (c.goes) climb_level(&im, &c);
    climb_end(&c, 0, key, &ranked);
    return search(im, &ranked, from, true);
}

static TARGET uint32_t one(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from)
{
    const struct image im = image_of(p, classifier);
    return has_ranks(p, classifier) ? one_ranked(im, key, from) : search(im, key, from, false);
}
