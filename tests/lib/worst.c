/* Counting the reads of a search, and looking for keys that maximize them (worst.h). */
#include "tests/lib/worst.h"

#include <stdlib.h>
#include <string.h>

#include "vm/judge/classify/classify.h"

struct counting {
    const uint64_t *tree;
    const struct pbc_line *blocks;
    const struct pbc_format *formats;
    const struct pbc_rank *ranks;
    const struct key *key;
    uint32_t from;
    unsigned ranked; /* leading columns that hold ranges of ranks */
    bool all;
    struct search_cost cost;
};

static uint32_t lane_of(const struct pbc_line *b, unsigned column, unsigned lane)
{
    return b[column / 2].col[column % 2][lane];
}

static bool half_holds(uint32_t word, bool masked, uint32_t half)
{
    const uint32_t lower = word & 0xffff, upper = word >> 16;
    return masked ? (half & upper) == lower : half >= lower && half <= 65535 - upper;
}

static bool lane_holds(const struct pbc_line *b, const struct pbc_format *f, const struct key *key, unsigned lane,
                       unsigned ranked)
{
    for (unsigned i = 1; i <= ranked; i += 2) {
        const uint32_t rank = i == 1 ? key->src[0] : key->dst[0];
        if (rank < lane_of(b, i, lane) || rank > lane_of(b, i + 1, lane)) return false;
    }
    for (unsigned i = 0; i < 2u * f->pairs; i += 2)
        if ((key->slot[f->half[i] / 2] & lane_of(b, i + 2, lane)) != lane_of(b, i + 1, lane)) return false;
    for (unsigned i = ranked + 2u * f->pairs; i < pbc_columns(f->lines); i++)
        if (!half_holds(lane_of(b, i + 1, lane), f->half[i] & PBC_MASKED, key->half[PBC_HALF(f->half[i])]))
            return false;
    return true;
}

/* Count a leaf's reads. The search ends with the first lane of a block that matches, unless it is before `from`. */
static void count_leaf(struct counting *c, uint64_t leaf)
{
    const struct pbc_format *f = &c->formats[TREE_FORMAT(leaf)];
    for (const struct pbc_line *b = &c->blocks[TREE_BASE(leaf)];; b += f->lines) {
        c->cost.compared++;
        c->cost.lines += f->lines;
        for (unsigned lane = 0; lane < 8; lane++) {
            const uint32_t entry = lane_of(b, 0, lane) & PBC_LANE_NONE;
            if (entry < c->from || !lane_holds(b, f, c->key, lane, c->ranked)) continue;
            if (entry < c->cost.entry) c->cost.entry = entry;
            if (!c->all) return;
        }
        if (!(lane_of(b, 0, 7) & PBC_LANE_MORE)) return;
    }
}

static void count_word(struct counting *c, uint32_t at)
{
    const uint64_t w = c->tree[at];
    c->cost.words++;
    switch ((enum tree_kind)TREE_KIND(w)) {
    case TREE_NONE: return;
    case TREE_CUT: {
        const uint64_t window = c->key->word[TREE_WORD(w)] >> TREE_SHIFT(w);
        count_word(c, TREE_BASE(w) + (uint32_t)(window & ((1ull << TREE_BITS(w)) - 1)));
        return;
    }
    case TREE_FORK:
        count_word(c, TREE_BASE(w));
        if (c->all || TREE_LEAST(w) < c->cost.entry) count_word(c, TREE_BASE(w) + 1);
        return;
    case TREE_LEAF: count_leaf(c, w); return;
    }
}

static uint64_t half_of(const uint32_t *slot) { return (uint64_t)slot[0] << 32 | slot[1]; }

/* True if the range of a wide leaf's bound contains the address, compared bit by bit. */
static bool in_range(const uint64_t *word, const uint64_t *behind, unsigned bound, uint64_t upper, uint64_t lower)
{
    const unsigned fixed = 128 - RANK_FREE(behind[RANK_REST], bound);
    for (unsigned bit = 0; bit < fixed; bit++) {
        const uint64_t differs = bit < 64 ? upper ^ word[bound] : lower ^ behind[bound];
        if (differs >> (63 - bit % 64) & 1) return false;
    }
    return true;
}

/* Find the rank of an address by trying each bound. */
static uint32_t rank_by_looking(struct counting *c, uint32_t line, const uint32_t addr[4])
{
    const uint64_t upper = half_of(addr), lower = half_of(addr + 2);
    for (;;) {
        const uint64_t *word = c->ranks[line].word, rest = word[RANK_REST];
        const uint64_t *behind = RANK_WIDE(rest) ? c->ranks[line + 1].word : NULL;
        unsigned at = 0;
        c->cost.climbed += 1 + RANK_WIDE(rest);
        while (at < RANK_COUNT(rest) && (word[at] < upper || (word[at] == upper && (behind ? behind[at] : 0) <= lower)))
            at++;
        if (RANK_KIND(rest) == RANK_LEAF && behind)
            return RANK_BASE(rest) + 2 * at - (at && in_range(word, behind, at - 1, upper, lower));
        line = RANK_TO(rest, at);
        if (RANK_KIND(rest) == RANK_LEAF) return line;
    }
}

static struct search_cost count(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from,
                                bool all)
{
    const struct pbc_classifier *k = &p->classifiers[classifier];
    struct counting c = {.tree = p->tree + k->tree,
                         .blocks = p->blocks + k->blocks,
                         .formats = p->formats + k->formats,
                         .key = key,
                         .from = from,
                         .all = all,
                         .cost = {.entry = ENTRY_NONE}};
    struct key ranked = *key;
    if (k->rank_count) {
        c.ranks = p->ranks + k->ranks;
        c.ranked = PBC_RANK_COLUMNS;
        ranked.src[0] = rank_by_looking(&c, RANK_SRC, key->src);
        ranked.dst[0] = rank_by_looking(&c, RANK_DST, key->dst);
        c.key = &ranked;
    }
    count_word(&c, 0);
    return c.cost;
}

struct search_cost search_count(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from)
{
    return count(p, classifier, key, from, false);
}

struct search_cost search_all(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from)
{
    return count(p, classifier, key, from, true);
}

/* Bits of kind and marks that depend on the protocol. */
#define KIND_OF_PROTO                                                                                                  \
    (KIND_WITH_PORTS | KIND_ICMP | KIND_ICMP6 | KIND_PROTO | KIND_PORTS | KIND_TCP_FLAGS | KIND_ICMP_HEADER |          \
     KIND_ND | KIND_FRAG_NO | KIND_FRAGMENT | KIND_OPTIONS)

static bool same_family(const struct key *a, const struct key *b)
{
    return !((a->kind ^ b->kind) & (KIND_IP | KIND_ARP));
}

static void take_proto(struct key *k, const struct key *from)
{
    if (!same_family(k, from)) return;
    k->kind = (k->kind & ~(uint32_t)KIND_OF_PROTO) | (from->kind & KIND_OF_PROTO);
    k->marks = from->marks;
    k->proto = from->proto;
    k->src_port = from->src_port, k->dst_port = from->dst_port;
    k->icmp_type = from->icmp_type, k->icmp_code = from->icmp_code;
    k->ttl = from->ttl; /* neighbour discovery requires 255 */
    k->ether_type = from->ether_type;
}

/* Copy the interface, the tags and everything that isn't an address or a protocol. */
static void take_rest(struct key *k, const struct key *from)
{
    struct key rest = *from;
    if (!same_family(k, from)) return;
    memcpy(rest.src, k->src, sizeof rest.src);
    memcpy(rest.dst, k->dst, sizeof rest.dst);
    rest.kind = (rest.kind & ~(uint32_t)(KIND_SRC_SELF | KIND_DST_SELF)) | (k->kind & (KIND_SRC_SELF | KIND_DST_SELF));
    take_proto(&rest, k);
    *k = rest;
}

static void take_address(struct key *k, const struct key *from, bool dst)
{
    const uint32_t self = dst ? KIND_DST_SELF : KIND_SRC_SELF;
    if (!same_family(k, from)) return;
    memcpy(dst ? k->dst : k->src, dst ? from->dst : from->src, sizeof k->src);
    k->kind = (k->kind & ~self) | (from->kind & self);
}

static void flip_address(struct key *k, struct rng *r)
{
    uint32_t *addr = rng_one_in(r, 2) ? k->src : k->dst;
    if (k->kind & KIND_IP) addr[k->kind & KIND_IP6 ? rng_below(r, 4) : 0] ^= 1u << rng_below(r, 32);
}

static void change(struct key *k, const struct key *other, struct rng *r)
{
    switch (rng_below(r, 8)) {
    case 0: take_address(k, other, false); break;
    case 1: take_address(k, other, true); break;
    case 2: take_proto(k, other); break;
    case 3: take_rest(k, other); break;
    case 4:
        if (k->kind & KIND_PORTS) k->src_port = (uint16_t)(rng_one_in(r, 2) ? other->src_port : rng_below(r, 65536));
        break;
    case 5:
        if (k->kind & KIND_PORTS) k->dst_port = (uint16_t)(rng_one_in(r, 2) ? other->dst_port : rng_below(r, 65536));
        break;
    default: flip_address(k, r); break;
    }
}

struct climbed {
    struct key key;
    uint32_t lines;
};

static int costliest_first(const void *a, const void *b)
{
    const struct climbed *x = a, *y = b;
    return (x->lines < y->lines) - (x->lines > y->lines);
}

static void climb(const struct program *p, uint32_t classifier, const struct key *seeds, uint32_t seed_count,
                  struct rng *r, uint32_t steps, struct climbed *c)
{
    c->key = seeds[rng_below(r, seed_count)];
    struct search_cost cost = search_count(p, classifier, &c->key, 0);
    c->lines = search_lines(&cost);
    for (uint32_t n = 0; n < steps; n++) {
        struct key next = c->key;
        for (unsigned changes = 1 + rng_below(r, 2); changes > 0; changes--)
            change(&next, &seeds[rng_below(r, seed_count)], r);
        cost = search_count(p, classifier, &next, 0);
        if (search_lines(&cost) < c->lines) continue; /* accept an equal cost, because plateaus are wide */
        c->key = next;
        c->lines = search_lines(&cost);
    }
}

uint32_t worst_keys(const struct program *p, uint32_t classifier, const struct key *seeds, uint32_t seed_count,
                    struct rng *r, uint32_t climbs, uint32_t steps, struct key *out, uint32_t n)
{
    struct climbed *all = aligned_alloc(64, (climbs + 1) * sizeof *all);
    if (!all || !climbs || !seed_count) abort();
    for (uint32_t i = 0; i < climbs; i++) climb(p, classifier, seeds, seed_count, r, steps, &all[i]);
    qsort(all, climbs, sizeof *all, costliest_first);
    for (uint32_t i = 0; i < n; i++) out[i] = i < climbs ? all[i].key : seeds[i % seed_count];
    const uint32_t most = all[0].lines;
    free(all);
    return most;
}
