/* Random classifiers (draw_tree.h). */
#include "tests/lib/draw_tree.h"

#include <stdlib.h>

enum { WORDS = 400 };

static uint32_t draw_value(struct drawn_tree *d)
{
    return d->stock[rng_below(d->r, 8)] ^ (rng_one_in(d->r, 4) ? 1u << rng_below(d->r, 32) : 0);
}

static uint32_t draw_mask(struct rng *r)
{
    switch (rng_below(r, 4)) {
    case 0: return 0xffffu << rng_below(r, 16) & 0xffff;
    case 1: return 1u << rng_below(r, 16);
    case 2: return (uint32_t)(rng_next(r) & rng_next(r)) & 0xffff;
    default: return 0;
    }
}

static uint32_t draw_half_of(struct drawn_tree *d, unsigned half) { return draw_value(d) >> half % 2 * 16 & 0xffff; }

static uint32_t draw_range(struct drawn_tree *d, unsigned half)
{
    uint32_t lo = rng_one_in(d->r, 2) ? 0 : draw_half_of(d, half);
    uint32_t hi = rng_one_in(d->r, 2) ? 65535 : rng_one_in(d->r, 2) ? lo : draw_half_of(d, half);
    if (hi < lo) hi = lo;
    return img_range(lo, hi);
}

/* Draw a format: mostly one of the shapes that walks have code for. */
static void draw_format(struct drawn_tree *d)
{
    const unsigned ranks = d->b.ranks_count ? PBC_RANK_COLUMNS : 0, least = ranks ? 3 : 1;
    const unsigned most = rng_one_in(d->r, 4) ? PBC_LINES_MOST : PBC_SHAPE_LINES;
    struct pbc_format f = {.lines = (uint8_t)(least + rng_below(d->r, most - least + 1))};
    const bool any = rng_one_in(d->r, 4);
    const unsigned masks = rng_below(d->r, PBC_SHAPE_MASKED + 1);
    if (!ranks && any) f.pairs = (uint8_t)rng_below(d->r, f.lines);
    for (unsigned i = 0; i < 2u * f.pairs; i += 2) {
        f.half[i] = (uint8_t)(2 * rng_below(d->r, 16));
        f.half[i + 1] = (uint8_t)(f.half[i] + 1);
    }
    for (unsigned i = ranks + 2u * f.pairs; i < pbc_columns(f.lines); i++) {
        const bool masked = i + masks >= pbc_columns(f.lines) || (any && rng_one_in(d->r, 2));
        f.half[i] = (uint8_t)(rng_below(d->r, 32) | (masked && i ? PBC_MASKED : 0));
    }
    img_add_formats(&d->b, f);
}

static void draw_lane(struct drawn_tree *d, uint32_t block, const struct pbc_format *f, unsigned lane, uint32_t entry)
{
    const unsigned ranks = d->b.ranks_count ? PBC_RANK_COLUMNS : 0;
    img_lane(&d->b, block, lane, entry);
    for (unsigned i = 1; i <= ranks; i += 2) {
        const uint32_t lo = rng_below(d->r, 12), most = rng_one_in(d->r, 3) ? UINT32_MAX : lo + rng_below(d->r, 30);
        img_column(&d->b, block, i)[lane] = rng_one_in(d->r, 2) ? lo : 0;
        img_column(&d->b, block, i + 1)[lane] = most;
    }
    for (unsigned i = 1; i < 2u * f->pairs; i += 2) {
        const uint32_t mask = rng_one_in(d->r, i < 4 ? 2 : 8) ? draw_mask(d->r) * 0x10001 : 0;
        img_column(&d->b, block, i)[lane] = draw_value(d) & mask;
        img_column(&d->b, block, i + 1)[lane] = mask;
    }
    for (unsigned i = ranks + 2u * f->pairs + 1; i <= pbc_columns(f->lines); i++) {
        const unsigned half = PBC_HALF(f->half[i - 1]);
        const uint32_t mask = rng_one_in(d->r, i < 4 ? 2 : 8) ? draw_mask(d->r) : 0;
        if (f->half[i - 1] & PBC_MASKED)
            img_column(&d->b, block, i)[lane] = img_masked(draw_half_of(d, half) & mask, mask);
        else if (rng_one_in(d->r, i < 4 ? 2 : 8))
            img_column(&d->b, block, i)[lane] = draw_range(d, half);
    }
}

/* Draw a run. Entries grow by 0 or little from lane to lane; the last block may be half full or empty. */
static void draw_run(struct drawn_tree *d)
{
    const uint32_t format = rng_below(d->r, d->b.formats_count);
    const struct pbc_format f = d->b.formats[format];
    uint32_t entry = rng_below(d->r, DRAWN_ENTRIES);
    bool more = true;
    d->run[d->runs] = d->b.blocks_count;
    d->run_format[d->runs++] = format;
    while (more) {
        const uint32_t block = img_block(&d->b, format);
        const unsigned used = rng_one_in(d->r, 3) ? rng_below(d->r, 9) : 8;
        for (unsigned lane = 0; lane < used && entry < DRAWN_ENTRIES; lane++) {
            draw_lane(d, block, &f, lane, entry);
            entry += rng_below(d->r, 3);
        }
        more = used == 8 && rng_one_in(d->r, 2);
        if (more) img_column(&d->b, block, 0)[7] |= PBC_LANE_MORE;
        if (!more || !rng_one_in(d->r, 3) || d->runs == DRAWN_RUNS) continue;
        d->run[d->runs] = d->b.blocks_count; /* the following rules are also a separate run */
        d->run_format[d->runs++] = format;
    }
}

/* Find an older table of that many bits behind the word, or draw a new one. */
static uint32_t draw_table(struct drawn_tree *d, uint32_t at, unsigned bits, uint32_t *made, uint8_t *made_bits)
{
    for (uint32_t tries = 0; tries < 4 && *made; tries++) {
        const uint32_t base = 1 + rng_below(d->r, d->b.tree_count);
        if (base > at && base < d->b.tree_count && made_bits[base] == bits) return base;
    }
    const uint32_t base = d->b.tree_count;
    for (uint32_t i = 0; i < 1u << bits; i++) img_add_tree(&d->b, TREE_NONE);
    made_bits[base] = (uint8_t)bits;
    ++*made;
    return base;
}

static uint64_t draw_word(struct drawn_tree *d, uint32_t at, uint32_t *made, uint8_t *made_bits)
{
    const unsigned kind = rng_below(d->r, 10), bits = 1 + rng_below(d->r, rng_one_in(d->r, 6) ? 6 : 2);
    if (d->b.tree_count < WORDS && (kind < 4 || at == 0)) {
        const unsigned shift = rng_below(d->r, 65 - bits), word = rng_below(d->r, 8);
        return TREE_CUT_WORD(draw_table(d, at, bits, made, made_bits), word, shift, bits);
    }
    if (d->b.tree_count < WORDS && kind < 6) return TREE_FORK_WORD(draw_table(d, at, 1, made, made_bits), 0);
    if (kind == 9) return TREE_NONE;
    const uint32_t run = rng_below(d->r, d->runs);
    return img_leaf(&d->b, d->run[run], d->run_format[run]);
}

/* Store the lowest entry below each word, from the last to the first, as forks require it. */
static void put_least(struct imgbuild *b)
{
    uint32_t *least = malloc(b->tree_count * sizeof *least);
    if (!least) abort();
    for (uint32_t i = b->tree_count; i-- > 0;) {
        const uint64_t w = b->tree[i];
        const uint32_t base = TREE_BASE(w);
        uint32_t count = 0;
        least[i] = PBC_LANE_NONE;
        if (TREE_KIND(w) == TREE_FORK) b->tree[i] = TREE_FORK_WORD(base, least[base + 1]), count = 2;
        if (TREE_KIND(w) == TREE_CUT) count = 1u << TREE_BITS(w);
        if (TREE_KIND(w) == TREE_LEAF) least[i] = img_column(b, base, 0)[0];
        for (uint32_t n = 0; n < count; n++)
            if (least[base + n] < least[i]) least[i] = least[base + n];
    }
    free(least);
}

static uint64_t draw_half(struct drawn_tree *d) { return (uint64_t)draw_value(d) << 32 | draw_value(d); }

static int by_number(const void *a, const void *b)
{
    const unsigned __int128 x = *(const unsigned __int128 *)a, y = *(const unsigned __int128 *)b;
    return (x > y) - (x < y);
}

/* Draw how many low bits the range that begins with the bound leaves free: its zero bits, fewer, or all. */
static unsigned draw_free(struct drawn_tree *d, unsigned __int128 bound)
{
    unsigned zeros = 0;
    while (zeros < 127 && !(bound >> zeros & 1)) zeros++;
    return rng_one_in(d->r, 4) ? 128 : rng_below(d->r, zeros + 1);
}

/* Draw a node. Its bounds are sorted; those of its children may be anywhere. */
static void draw_node(struct drawn_tree *d, uint32_t at, bool wide, unsigned depth)
{
    unsigned __int128 bound[RANK_BOUNDS];
    const unsigned count = rng_below(d->r, RANK_BOUNDS + 1);
    const bool inner = depth && rng_one_in(d->r, 2), stride = inner && rng_one_in(d->r, 2);
    for (unsigned i = 0; i < count; i++) {
        const uint64_t upper = rng_one_in(d->r, 3) ? (i ? (uint64_t)(bound[i - 1] >> 64) : 0) : draw_half(d);
        bound[i] = (unsigned __int128)upper << 64 | (wide ? draw_half(d) << rng_below(d->r, 64) : 0);
    }
    qsort(bound, count, sizeof *bound, by_number);
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++)
        if (!kept || bound[i] != bound[kept - 1]) bound[kept++] = bound[i];
    const uint32_t base = inner ? d->b.ranks_count : rng_below(d->r, 40);
    for (unsigned i = 0; inner && i < (kept + 1) << stride; i++) img_add_ranks(&d->b, (struct pbc_rank){{0}});
    for (unsigned i = 0; i < RANK_BOUNDS; i++) {
        d->b.ranks[at].word[i] = i < kept ? (uint64_t)(bound[i] >> 64) : UINT64_MAX;
        if (wide) d->b.ranks[at + 1].word[i] = i < kept ? (uint64_t)bound[i] : UINT64_MAX;
    }
    for (unsigned i = 0; wide && !inner && i < kept; i++)
        d->b.ranks[at + 1].word[RANK_REST] |= (uint64_t)draw_free(d, bound[i]) << 8 * i;
    d->b.ranks[at].word[RANK_REST] = RANK_NODE(inner ? RANK_INNER : RANK_LEAF, wide, stride, kept, base);
    for (unsigned i = 0; inner && i <= kept; i++) draw_node(d, base + (i << stride), stride, depth - 1);
}

static void draw_ranks(struct drawn_tree *d)
{
    for (unsigned i = 0; i < RANK_DST + 2; i++) img_add_ranks(&d->b, (struct pbc_rank){{0}});
    draw_node(d, RANK_SRC, rng_one_in(d->r, 2), rng_below(d->r, 3));
    draw_node(d, RANK_DST, rng_one_in(d->r, 2), rng_below(d->r, 3));
}

void tree_draw(struct drawn_tree *d, struct rng *r)
{
    uint8_t made_bits[2 * WORDS + 128] = {0};
    bool coded[DRAWN_ENTRIES];
    uint32_t made = 0;
    *d = (struct drawn_tree){.r = r};
    for (unsigned i = 0; i < 8; i++) d->stock[i] = (uint32_t)rng_next(d->r);
    for (unsigned i = 0; i < DRAWN_ENTRIES; i++) coded[i] = rng_one_in(d->r, 4);
    img_init(&d->b);
    img_list(&d->b, DRAWN_ENTRIES, coded);
    if (rng_one_in(d->r, 3)) draw_ranks(d);
    for (unsigned n = 1 + rng_below(d->r, 4); n > 0; n--) draw_format(d);
    for (unsigned n = 1 + rng_below(d->r, 12); n > 0; n--) draw_run(d);
    img_add_tree(&d->b, TREE_NONE);
    for (uint32_t at = 0; at < d->b.tree_count; at++) {
        const uint64_t word = draw_word(d, at, &made, made_bits); /* may move the tree */
        d->b.tree[at] = word;
    }
    put_least(&d->b);
}

/* Take a lane's values, and the stock's for the other slots, so that some lanes match. */
void tree_key(struct drawn_tree *d, struct key *key)
{
    for (unsigned s = 0; s < 16; s++) key->slot[s] = draw_value(d);
    for (unsigned side = 0; side < 2 && d->b.ranks_count && rng_one_in(d->r, 2); side++) {
        const uint32_t line = rng_below(d->r, d->b.ranks_count - 1); /* a bound or its neighbour */
        const unsigned bound = rng_below(d->r, RANK_BOUNDS);
        for (unsigned half = 0; half < 1 + rng_below(d->r, 2); half++) {
            const uint64_t is =
                d->b.ranks[line + half].word[bound] + (rng_one_in(d->r, 2) ? rng_below(d->r, 3) - 1 : 0);
            key->word[2 * side + half] = is << 32 | is >> 32;
        }
    }
    for (unsigned lanes = rng_below(d->r, 3); lanes > 0; lanes--) {
        const uint32_t run = rng_below(d->r, d->runs), block = d->run[run];
        const struct pbc_format *f = &d->b.formats[d->run_format[run]];
        const unsigned lane = rng_below(d->r, 8);
        for (unsigned i = 1; i < 2u * f->pairs; i += 2) {
            uint32_t *const slot = &key->slot[f->half[i - 1] / 2];
            *slot = (*slot & ~img_column(&d->b, block, i + 1)[lane]) | img_column(&d->b, block, i)[lane];
        }
        const unsigned wide = d->b.ranks_count ? PBC_RANK_COLUMNS : 2u * f->pairs;
        for (unsigned i = wide + 1; i <= pbc_columns(f->lines); i++) {
            const uint32_t word = img_column(&d->b, block, i)[lane], lower = word & 0xffff, upper = word >> 16;
            uint16_t *const half = &key->half[PBC_HALF(f->half[i - 1])];
            if (f->half[i - 1] & PBC_MASKED) {
                *half = (uint16_t)((*half & ~upper) | lower);
            } else if (lower || upper) {
                *half = (uint16_t)(rng_one_in(d->r, 2) ? lower : 65535 - upper);
                if (rng_one_in(d->r, 8)) *half = (uint16_t)(*half + rng_below(d->r, 3) - 1);
            }
        }
    }
}
