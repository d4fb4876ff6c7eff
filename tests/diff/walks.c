/* Differential test: every walk of a classifier finds the same on every image that the verifier takes, whether a
 * compiler would ever make it or not: trees drawn at random, with words and runs shared, and images with a few of their
 * words changed. What it must find says a walk of the tree that leaves nothing out.
 *
 *   walks [SEED [IMAGES [KEYS]]]
 *
 * The same numbers give the same run. LONG=1: twenty times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "tests/lib/worst.h"
#include "vm/classify/classify.h"

enum { BATCH = 64, ENTRIES = 40, WORDS = 400, RUNS = 30 };

struct totals {
    uint64_t images, refused, keys, found, nothing, changed;
};

/* Drawing ---------------------------------------------------------------------------------------------------------- */

struct drawing {
    struct imgbuild b;
    struct rng *r;
    uint32_t run[RUNS], run_format[RUNS], runs;
    uint32_t stock[8]; /* values of slots: those that lanes ask, and keys have */
};

static uint32_t draw_value(struct drawing *d)
{
    return d->stock[rng_below(d->r, 8)] ^ (rng_one_in(d->r, 4) ? 1u << rng_below(d->r, 32) : 0);
}

static uint32_t draw_mask(struct rng *r)
{
    switch (rng_below(r, 4)) {
    case 0: return UINT32_MAX << rng_below(r, 32);
    case 1: return 1u << rng_below(r, 32);
    case 2: return (uint32_t)(rng_next(r) & rng_next(r));
    default: return 0;
    }
}

static uint32_t draw_ports(struct drawing *d)
{
    uint32_t lo = rng_one_in(d->r, 2) ? 0 : draw_value(d) & 0xffff;
    uint32_t hi = rng_one_in(d->r, 2) ? 65535 : rng_one_in(d->r, 2) ? lo : draw_value(d) & 0xffff;
    if (hi < lo) hi = lo;
    return lo | (65535 - hi) << 16;
}

static void draw_format(struct drawing *d)
{
    struct pbc_format f = {.size = (uint8_t)(1u << rng_below(d->r, 3)), .half = (uint8_t)(20 + rng_below(d->r, 12))};
    for (unsigned s = 0; s < pbc_format_slots(f.size); s++) f.slot[s] = (uint8_t)rng_below(d->r, 16);
    img_add_formats(&d->b, f);
}

static void draw_lane(struct drawing *d, uint32_t block, const struct pbc_format *f, unsigned lane, uint32_t entry)
{
    img_lane(&d->b, block, f->size, lane, entry);
    for (unsigned s = 0; s < pbc_format_slots(f->size); s++) {
        const uint32_t mask = rng_one_in(d->r, s < 2 ? 2 : 8) ? draw_mask(d->r) : 0;
        img_lane_slot(&d->b, block, f->size, lane, s, draw_value(d) & mask, mask);
    }
    img_column(&d->b, block, pbc_col_sport(f->size))[lane] = draw_ports(d);
    img_column(&d->b, block, pbc_col_dport(f->size))[lane] = draw_ports(d);
    const uint32_t mask = rng_one_in(d->r, 4) ? draw_mask(d->r) & 0xffff : 0;
    img_column(&d->b, block, pbc_col_half(f->size))[lane] = (draw_value(d) & mask) | mask << 16;
}

/* Entries grow by little from lane to lane, sometimes by nothing; the last block may be half full, or empty. */
static void draw_run(struct drawing *d)
{
    const uint32_t format = rng_below(d->r, d->b.formats_count);
    const struct pbc_format f = d->b.formats[format];
    uint32_t entry = rng_below(d->r, ENTRIES);
    bool more = true;
    d->run[d->runs] = d->b.blocks_count;
    d->run_format[d->runs++] = format;
    while (more) {
        const uint32_t block = img_block(&d->b, f.size);
        const unsigned used = rng_one_in(d->r, 3) ? rng_below(d->r, 9) : 8;
        for (unsigned lane = 0; lane < used && entry < ENTRIES; lane++) {
            draw_lane(d, block, &f, lane, entry);
            entry += rng_below(d->r, 3);
        }
        more = used == 8 && rng_one_in(d->r, 2);
        if (more) img_column(&d->b, block, pbc_col_entry(f.size))[7] |= PBC_LANE_MORE;
        if (!more || !rng_one_in(d->r, 3) || d->runs == RUNS) continue;
        d->run[d->runs] = d->b.blocks_count; /* what follows is a run of its own, too */
        d->run_format[d->runs++] = format;
    }
}

/* An older table of so many bits behind the word, or a new one. */
static uint32_t draw_table(struct drawing *d, uint32_t at, unsigned bits, uint32_t *made, uint8_t *made_bits)
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

static uint64_t draw_word(struct drawing *d, uint32_t at, uint32_t *made, uint8_t *made_bits)
{
    const unsigned kind = rng_below(d->r, 10), bits = 1 + rng_below(d->r, rng_one_in(d->r, 6) ? 6 : 2);
    if (d->b.tree_count < WORDS && (kind < 4 || at == 0)) {
        const unsigned shift = rng_below(d->r, 65 - bits), word = rng_below(d->r, 8);
        return TREE_CUT_WORD(draw_table(d, at, bits, made, made_bits), word, shift, bits);
    }
    if (d->b.tree_count < WORDS && kind < 6) return TREE_FORK_WORD(draw_table(d, at, 1, made, made_bits), 0);
    if (kind == 9) return TREE_NONE;
    const uint32_t run = rng_below(d->r, d->runs);
    return TREE_LEAF_WORD(d->run[run], d->run_format[run]);
}

/* The lowest entry below each word, from the last to the first, as forks want it. */
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
        if (TREE_KIND(w) == TREE_LEAF)
            least[i] = img_column(b, base, pbc_col_entry(b->formats[TREE_FORMAT(w)].size))[0];
        for (uint32_t n = 0; n < count; n++)
            if (least[base + n] < least[i]) least[i] = least[base + n];
    }
    free(least);
}

static void draw_image(struct drawing *d)
{
    uint8_t made_bits[2 * WORDS + 128] = {0};
    bool coded[ENTRIES];
    uint32_t made = 0;
    for (unsigned i = 0; i < 8; i++) d->stock[i] = (uint32_t)rng_next(d->r);
    for (unsigned i = 0; i < ENTRIES; i++) coded[i] = rng_one_in(d->r, 4);
    img_init(&d->b);
    img_list(&d->b, ENTRIES, coded);
    for (unsigned n = 1 + rng_below(d->r, 4); n > 0; n--) draw_format(d);
    for (unsigned n = 1 + rng_below(d->r, 12); n > 0; n--) draw_run(d);
    img_add_tree(&d->b, TREE_NONE);
    for (uint32_t at = 0; at < d->b.tree_count; at++) {
        const uint64_t word = draw_word(d, at, &made, made_bits); /* the tree may move meanwhile */
        d->b.tree[at] = word;
    }
    put_least(&d->b);
}

/* A lane's values, and what the stock has elsewhere: so that some lanes match. */
static void draw_key(struct drawing *d, struct key *key)
{
    for (unsigned s = 0; s < 16; s++) key->slot[s] = draw_value(d);
    for (unsigned lanes = rng_below(d->r, 3); lanes > 0; lanes--) {
        const uint32_t run = rng_below(d->r, d->runs), block = d->run[run];
        const struct pbc_format *f = &d->b.formats[d->run_format[run]];
        const unsigned lane = rng_below(d->r, 8), slots = pbc_format_slots(f->size);
        for (unsigned s = 0; s < slots; s++) {
            const uint32_t mask = img_column(&d->b, block, slots + s)[lane];
            key->slot[f->slot[s]] = (key->slot[f->slot[s]] & ~mask) | img_column(&d->b, block, s)[lane];
        }
        const uint32_t half = img_column(&d->b, block, pbc_col_half(f->size))[lane];
        key->half[f->half] = (uint16_t)((key->half[f->half] & ~(half >> 16)) | (half & 0xffff));
        const uint32_t sport = img_column(&d->b, block, pbc_col_sport(f->size))[lane];
        const uint32_t dport = img_column(&d->b, block, pbc_col_dport(f->size))[lane];
        key->src_port = (uint16_t)(rng_one_in(d->r, 2) ? sport : 65535 - (sport >> 16));
        key->dst_port = (uint16_t)(rng_one_in(d->r, 2) ? dport : 65535 - (dport >> 16));
        if (rng_one_in(d->r, 4)) key->src_port = (uint16_t)(key->src_port + rng_below(d->r, 3) - 1);
        if (rng_one_in(d->r, 4)) key->dst_port = (uint16_t)(key->dst_port + rng_below(d->r, 3) - 1);
    }
}

/* Comparing -------------------------------------------------------------------------------------------------------- */

static bool differs(const struct walk_ops *ops, const char *what, const struct key *key, uint32_t from, uint32_t found,
                    uint32_t want)
{
    printf("# %s, %s: from entry %u on it finds %u, not %u; key", ops->name, what, from, found, want);
    for (unsigned s = 0; s < 16; s++) printf(" %08x", key->slot[s]);
    printf("\n");
    return false;
}

/* One key, from several entries on, by every walk. */
static bool check_key(const struct program *p, const struct key *key, struct rng *r, struct totals *totals)
{
    const struct pbc_classifier *c = p->classifiers;
    const uint32_t first = search_all(p, 0, key, 0).entry;
    const uint32_t froms[] = {0, first == ENTRY_NONE ? 1 : first, first == ENTRY_NONE ? 2 : first + 1,
                              rng_below(r, c->entry_count + 1), c->entry_count};
    totals->keys++;
    totals->found += first != ENTRY_NONE;
    totals->nothing += first == ENTRY_NONE;
    for (unsigned i = 0; i < sizeof froms / sizeof *froms; i++) {
        const struct search_cost want = search_all(p, 0, key, froms[i]), some = search_count(p, 0, key, froms[i]);
        if (want.words > c->words || want.compared > c->compared || some.entry != want.entry) {
            printf("# a search reads %u words and %u blocks, not at most %u and %u, or forks mislead\n", want.words,
                   want.compared, c->words, c->compared);
            return false;
        }
        for (enum walk w = 0; w < WALKS; w++) {
            const struct walk_ops *ops = walk_ops(w);
            const uint32_t found = ops ? ops->one(p, 0, key, froms[i]) : want.entry;
            if (found != want.entry) return differs(ops, "alone", key, froms[i], found, want.entry);
        }
    }
    return true;
}

/* Some keys of a batch: found as if alone, the places of others left alone. */
static bool check_batch(const struct program *p, const struct key keys[BATCH], struct rng *r)
{
    const uint64_t todo = rng_one_in(r, 2) ? ~0ull : rng_next(r) & rng_next(r);
    for (enum walk w = 0; w < WALKS; w++) {
        const struct walk_ops *ops = walk_ops(w);
        uint32_t found[BATCH];
        if (!ops) continue;
        for (unsigned i = 0; i < BATCH; i++) found[i] = 0xabcdef00 + i;
        ops->batch(p, 0, keys, todo, found);
        for (unsigned i = 0; i < BATCH; i++) {
            const uint32_t want = todo >> i & 1 ? search_all(p, 0, &keys[i], 0).entry : 0xabcdef00 + i;
            if (found[i] != want) return differs(ops, "in a batch", &keys[i], 0, found[i], want);
        }
    }
    return true;
}

static bool check_program(const struct program *p, struct drawing *d, unsigned keys, struct totals *totals)
{
    static struct key batch[BATCH];
    for (unsigned done = 0; done < keys; done += BATCH) {
        for (unsigned i = 0; i < BATCH; i++) {
            draw_key(d, &batch[i]);
            if (!check_key(p, &batch[i], d->r, totals)) return false;
        }
        if (!check_batch(p, batch, d->r)) return false;
    }
    return true;
}

/* Changing --------------------------------------------------------------------------------------------------------- */

static void change_tree(struct drawing *d)
{
    uint64_t *w = &d->b.tree[rng_below(d->r, d->b.tree_count)];
    switch (rng_below(d->r, 3)) {
    case 0: *w ^= 1ull << rng_below(d->r, 15); break;
    case 1: *w ^= 1ull << (32 + rng_below(d->r, 8)); break;
    default: *w = d->b.tree[rng_below(d->r, d->b.tree_count)]; break;
    }
}

static void change_block(struct drawing *d)
{
    struct pbc_block *b = &d->b.blocks[rng_below(d->r, d->b.blocks_count)];
    uint32_t *word = &b->col[rng_below(d->r, 8)][rng_below(d->r, 8)];
    *word = rng_one_in(d->r, 3) ? b->col[rng_below(d->r, 8)][rng_below(d->r, 8)] : *word ^ 1u << rng_below(d->r, 32);
}

static void change_format(struct drawing *d)
{
    struct pbc_format *f = &d->b.formats[rng_below(d->r, d->b.formats_count)];
    if (rng_one_in(d->r, 4))
        f->half = (uint8_t)(20 + rng_below(d->r, 12));
    else
        f->slot[rng_below(d->r, pbc_format_slots(f->size))] = (uint8_t)rng_below(d->r, 16);
}

static void change(struct drawing *d)
{
    switch (rng_below(d->r, 4)) {
    case 0: change_tree(d); break;
    case 1: change_format(d); break;
    default: change_block(d); break;
    }
}

/* An image, and as many changed ones, each a change further. */
static bool check_image(uint64_t seed, unsigned keys, struct totals *totals)
{
    enum { CHANGES = 12 };
    struct rng r = {seed};
    struct drawing d = {.r = &r};
    bool good = true;
    draw_image(&d);
    for (unsigned n = 0; n <= CHANGES && good; n++) {
        char err[256];
        struct program *p = img_load_list(&d.b, err, sizeof err);
        totals->images++;
        if (p) {
            good = check_program(p, &d, keys, totals);
            totals->changed += n > 0;
        } else {
            totals->refused++;
            img_fini(&d.b);
            d.runs = 0;
            draw_image(&d);
        }
        program_put(p);
        change(&d);
    }
    img_fini(&d.b);
    return good;
}

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned images = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 400 * long_run;
    const unsigned keys = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 128;
    struct totals t = {0};
    for (unsigned i = 0; i < images; i++)
        if (!check_image(first + i, keys, &t)) {
            printf("not ok - all walks find the same\n# again with: walks %" PRIu64 " 1 %u\n", first + i, keys);
            return 1;
        }
    printf("ok - all walks find the same: %" PRIu64 " images, %" PRIu64 " of them refused, %" PRIu64
           " changed ones taken; %" PRIu64 " keys, of which %" PRIu64 " find an entry\n",
           t.images, t.refused, t.changed, t.keys, t.found);
    /* a run in which nothing was found, or everything refused, would prove nothing */
    const bool fair = t.found * 5 > t.keys && t.nothing * 5 > t.keys && t.refused * 4 < t.images * 3;
    printf("%s - what was drawn is found, and is not\n", fair ? "ok" : "not ok");
    return fair ? 0 : 1;
}
