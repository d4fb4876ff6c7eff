/* From boxes to an image: the root of the recursion, and what is said of the result. */
#include <stdlib.h>
#include <string.h>

#include "compiler/classify/builder_priv.h"

enum { OVERLAPS = 16, BUDGET_STEP = 4, HALVES_FROM = 11 /* slots that a format's half may stand for */ };

/* Bytes that are shared out. More copies of boxes do not make searches faster beyond what these allow (README.md);
 * boxes that ask many slots have fewer to share, as they take more themselves. */
static uint64_t worth_spending(const struct boxes *b)
{
    enum { LEAST = 1 << 14, FEW = 5 << 19 };
    uint64_t slots = 0;
    for (unsigned c = 0; c < b->slots; c++) slots += b->slot[c] < HALVES_FROM;
    const uint64_t box = slots <= 2 ? 32 : slots <= 6 ? 64 : 128; /* of a leaf of all boxes */
    const uint64_t small = LEAST + 24 * box * b->count, large = FEW + (box > 64 ? 3 * box : 3 * box / 2) * b->count;
    return small < large ? small : large;
}

static void columns_find(struct build *b)
{
    memset(b->column, NO_COLUMN, sizeof b->column);
    for (unsigned c = 0; c < b->b->slots; c++) b->column[b->b->slot[c]] = (uint8_t)c;
}

static uint64_t root_word(struct build *b)
{
    const struct stack_mark mark = stack_mark(b);
    struct list l = {stack_get(b, b->b->count * sizeof *l.box), b->b->count};
    const struct part everything = {.value = {0}};
    if (b->failed) return TREE_NONE;
    for (uint32_t i = 0; i < l.count; i++) l.box[i] = i;
    const uint64_t word = node_word(b, l, &everything, (struct allowance){b->budget, b->forks_most, PBC_TREE_DEPTH});
    stack_release(b, mark);
    return word;
}

/* Entries of the longest leaf, evenly over it. */
static bool overlap_fill(const struct build *b, struct built *out)
{
    if (!b->longest) return true;
    const struct leaf *l = &b->leaves[b->longest - 1];
    const struct pbc_format *f = &b->formats[l->format];
    out->longest_leaf = l->lanes;
    if (!b->last_resort) return true;
    out->overlap_sample = calloc(OVERLAPS, sizeof *out->overlap_sample);
    if (!out->overlap_sample) return false;
    for (uint32_t i = 0, last = UINT32_MAX; i < OVERLAPS; i++) {
        const uint32_t lane = (uint32_t)((uint64_t)i * l->lanes / OVERLAPS);
        const uint32_t *col = b->blocks[l->block + lane / 8 * f->size].col[0];
        const uint32_t entry = col[pbc_col_entry(f->size) * 8 + lane % 8] & PBC_LANE_NONE;
        if (entry != last) out->overlap_sample[out->overlap_count++] = entry;
        last = entry;
    }
    return true;
}

static void hand_over(struct build *b, const struct worst *w, struct built *out)
{
    out->blocks = b->blocks;
    out->formats = b->formats;
    out->block_count = b->block_count;
    out->format_count = b->format_count;
    b->blocks = NULL;
    b->formats = NULL;
    out->words = w->words;
    out->compared = w->compared;
    out->forks = w->forks;
    out->chain = w->chain;
    out->lines = w->lines;
    out->boxes = b->b->count;
    out->leaves = b->leaf_count;
    out->last_resort = b->last_resort;
}

static void build_fini(struct build *b)
{
    stack_release(b, (struct stack_mark){0});
    free(b->scratch);
    free(b->words);
    free(b->tables);
    free(b->leaves);
    free(b->blocks);
    free(b->formats);
    free(b->table_index.place);
    free(b->leaf_index.place);
}

static int finish(struct build *b, uint64_t root, uint64_t limit, struct built *out)
{
    if (b->failed) return BUILD_NO_MEMORY;
    const struct worst w = word_worst(b, root);
    if (b->unsayable || build_bytes(b) + sizeof(uint64_t) > limit || w.compared > PBC_COMPARED_MAX)
        return BUILD_TOO_LARGE;
    if (!layout(b, root, out) || !overlap_fill(b, out)) return BUILD_NO_MEMORY;
    hand_over(b, &w, out);
    out->expected_blocks = expected_blocks(b->b, b->possible, out);
    return BUILD_OK;
}

/* One attempt with so many bytes to share out. */
static int attempt(const struct build *plain, uint64_t budget, uint64_t limit, struct built *out)
{
    struct build b = *plain;
    *out = (struct built){0};
    b.budget = budget < limit ? budget : limit;
    b.reserve = b.budget / 2 < limit - b.budget ? b.budget / 2 : limit - b.budget;
    const int error = finish(&b, root_word(&b), limit, out);
    out->peak_bytes = b.peak;
    out->work = b.work;
    build_fini(&b);
    return error;
}

/* Both ways of a fork may hold boxes of the same entries, which then count twice. Without forks each counts once: the
 * image is that one if so few rules are asked in turn that it may be used. Returns the memory that was held. */
static uint64_t chain_again(struct build *b, uint64_t budget, uint64_t limit, struct built *out)
{
    struct built now;
    b->forks_most = 0;
    const int error = attempt(b, budget, limit, &now);
    const uint64_t held = now.peak_bytes + out->tree_count * sizeof *out->tree + out->block_count * sizeof *out->blocks;
    if (!error && now.chain <= PBC_CHAIN_MAX) {
        built_fini(out);
        *out = now;
    } else {
        out->work = now.work;
        built_fini(&now);
    }
    return held;
}

/* What resists within the bytes that are worth spending is tried with more of those that there may be; the attempt with
 * the shortest worst way is what counts. */
int classifier_build(const struct boxes *boxes, const bool *coded, kind_possible_fn *possible,
                     const struct build_limits *limits, struct built *out)
{
    struct build b = {.b = boxes, .coded = coded, .possible = possible, .forks_most = PBC_FORKS_MAX};
    columns_find(&b);
    uint64_t budget = worth_spending(boxes), work = 0, peak = 0;
    int best = BUILD_TOO_LARGE;
    *out = (struct built){0};
    for (;; budget *= BUDGET_STEP) {
        struct built now;
        const int error = attempt(&b, budget, limits->bytes, &now);
        work += now.work;
        const uint64_t held =
            now.peak_bytes + out->tree_count * sizeof *out->tree + out->block_count * sizeof *out->blocks;
        if (held > peak) peak = held;
        const bool better = !error && (best || now.lines < out->lines);
        /* more room is tried as long as it helps much */
        const bool last = error == BUILD_NO_MEMORY || (!error && !now.last_resort) || budget >= limits->bytes ||
                          (!error && !best && now.lines > out->lines / 2);
        if (better) {
            built_fini(out);
            *out = now;
        } else {
            built_fini(&now);
        }
        if (better || best) best = error;
        if (last) break;
    }
    if (!best && out->chain > PBC_CHAIN_MAX) {
        const uint64_t held = chain_again(&b, budget, limits->bytes, out);
        work += out->work;
        if (held > peak) peak = held;
    }
    out->work = work;
    out->peak_bytes = peak;
    if (best) built_fini(out);
    return best;
}

void built_fini(struct built *b)
{
    free(b->tree);
    free(b->blocks);
    free(b->formats);
    free(b->overlap_sample);
    *b = (struct built){0};
}
