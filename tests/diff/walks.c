/* Differential test: every walk of a classifier finds the same on every image that the verifier accepts, even if no
 * compiler would make it: random trees with shared words and runs, and images with a few changed words. The
 * reference is a walk of the tree that omits nothing.
 *
 *   walks [SEED [IMAGES [KEYS]]]
 *
 * The same numbers give the same run. LONG=1: twenty times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/draw_tree.h"
#include "tests/lib/worst.h"
#include "vm/judge/classify/classify.h"

enum { BATCH = 64 };

struct totals {
    uint64_t images, refused, keys, found, nothing, changed, ranked;
};

/* ---- comparing ---- */

static bool differs(const struct walk_ops *ops, const char *what, const struct key *key, uint32_t from, uint32_t found,
                    uint32_t want)
{
    printf("# %s, %s: from entry %u on it finds %u, not %u; key", ops->name, what, from, found, want);
    for (unsigned s = 0; s < 16; s++) printf(" %08x", key->slot[s]);
    printf("\n");
    return false;
}

/* Search one key, from several entries on, by every walk. */
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
        if (want.words > c->words || want.compared > c->compared || want.climbed > c->climbed ||
            some.entry != want.entry) {
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

/* Search some keys of a batch: each is found as if alone, and the results of the others stay. */
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

static bool check_program(const struct program *p, struct drawn_tree *d, unsigned keys, struct totals *totals)
{
    static struct key batch[BATCH];
    for (unsigned done = 0; done < keys; done += BATCH) {
        for (unsigned i = 0; i < BATCH; i++) {
            tree_key(d, &batch[i]);
            if (!check_key(p, &batch[i], d->r, totals)) return false;
        }
        if (!check_batch(p, batch, d->r)) return false;
    }
    return true;
}

/* ---- changing ---- */

static void change_tree(struct drawn_tree *d)
{
    uint64_t *w = &d->b.tree[rng_below(d->r, d->b.tree_count)];
    switch (rng_below(d->r, 3)) {
    case 0: *w ^= 1ull << rng_below(d->r, 25); break;
    case 1: *w ^= 1ull << (TREE_BASE_AT + rng_below(d->r, 8)); break;
    default: *w = d->b.tree[rng_below(d->r, d->b.tree_count)]; break;
    }
}

static void change_block(struct drawn_tree *d)
{
    struct pbc_line *b = &d->b.blocks[rng_below(d->r, d->b.blocks_count)];
    uint32_t *word = &b->col[rng_below(d->r, 2)][rng_below(d->r, 8)];
    *word = rng_one_in(d->r, 3) ? b->col[rng_below(d->r, 2)][rng_below(d->r, 8)] : *word ^ 1u << rng_below(d->r, 32);
}

/* Change a half, or how it is tested. */
static void change_format(struct drawn_tree *d)
{
    struct pbc_format *f = &d->b.formats[rng_below(d->r, d->b.formats_count)];
    const unsigned first = d->b.ranks_count ? PBC_RANK_COLUMNS : 2u * f->pairs; /* ranks stay unchanged */
    uint8_t *const half = &f->half[first + rng_below(d->r, pbc_columns(f->lines) - first)];
    *half = (uint8_t)(rng_one_in(d->r, 8) ? *half ^ PBC_MASKED : (*half & PBC_MASKED) | rng_below(d->r, 32));
}

static void change_rank(struct drawn_tree *d)
{
    uint64_t *word = d->b.ranks[rng_below(d->r, d->b.ranks_count)].word, *at = &word[rng_below(d->r, 8)];
    switch (rng_below(d->r, 3)) {
    case 0: *at ^= 1ull << rng_below(d->r, 64); break;
    case 1: *at = word[rng_below(d->r, 8)]; break;
    default: word[RANK_REST] ^= 1ull << (rng_one_in(d->r, 2) ? rng_below(d->r, 6) : 32 + rng_below(d->r, 4)); break;
    }
}

static void change(struct drawn_tree *d)
{
    if (d->b.ranks_count && rng_one_in(d->r, 4)) {
        change_rank(d);
        return;
    }
    switch (rng_below(d->r, 4)) {
    case 0: change_tree(d); break;
    case 1: change_format(d); break;
    default: change_block(d); break;
    }
}

/* Check an image, and as many changed ones, each with one more change. */
static bool check_image(uint64_t seed, unsigned keys, struct totals *totals)
{
    enum { CHANGES = 12 };
    struct rng r = {seed};
    struct drawn_tree d;
    bool good = true;
    tree_draw(&d, &r);
    for (unsigned n = 0; n <= CHANGES && good; n++) {
        char err[256];
        struct program *p = img_load_list(&d.b, err, sizeof err);
        totals->images++;
        if (p) {
            good = check_program(p, &d, keys, totals);
            totals->changed += n > 0;
            totals->ranked += d.b.ranks_count > 0;
        } else {
            totals->refused++;
            img_fini(&d.b);
            tree_draw(&d, &r);
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
    const unsigned images = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 200 * long_run;
    const unsigned keys = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 128;
    struct totals t = {0};
    for (unsigned i = 0; i < images; i++)
        if (!check_image(first + i, keys, &t)) {
            printf("not ok - all walks find the same\n# again with: walks %" PRIu64 " 1 %u\n", first + i, keys);
            return 1;
        }
    printf("ok - all walks find the same: %" PRIu64 " images, %" PRIu64 " of them refused, %" PRIu64
           " changed ones taken, %" PRIu64 " with ranks; %" PRIu64 " keys, of which %" PRIu64 " find an entry\n",
           t.images, t.refused, t.changed, t.ranked, t.keys, t.found);
    /* a run in which nothing was found, or everything rejected, proves nothing */
    const bool fair =
        t.found * 5 > t.keys && t.nothing * 5 > t.keys && t.refused * 4 < t.images * 3 && t.ranked * 10 > t.images;
    printf("%s - what was drawn is found, and is not\n", fair ? "ok" : "not ok");
    return fair ? 0 : 1;
}
