/* From boxes to an image: the root of the recursion, and what is said of the result. */
#include <stdlib.h>
#include <string.h>

#include "compiler/classify/builder_priv.h"

enum { OVERLAPS = 16 };

/* Bytes that are shared out. More copies of boxes do not make searches faster beyond what these allow (README.md). */
static uint64_t worth_spending(const struct boxes *b)
{
    const uint64_t box_bytes = b->count * 32ull; /* as one leaf */
    const uint64_t small = (1 << 14) + 24 * box_bytes, large = (5 << 18) + 6 * box_bytes;
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
    const uint64_t word = node_word(b, l, &everything, (struct allowance){b->budget, PBC_FORKS_MAX, PBC_TREE_DEPTH});
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

int classifier_build(const struct boxes *boxes, const bool *coded, kind_possible_fn *possible,
                     const struct build_limits *limits, struct built *out)
{
    struct build b = {.b = boxes, .coded = coded, .possible = possible};
    *out = (struct built){0};
    b.budget = worth_spending(boxes);
    if (b.budget > limits->bytes) b.budget = limits->bytes;
    b.reserve = b.budget < limits->bytes - b.budget ? b.budget : limits->bytes - b.budget;
    columns_find(&b);
    const int error = finish(&b, root_word(&b), limits->bytes, out);
    out->peak_bytes = b.peak;
    build_fini(&b);
    if (error) built_fini(out);
    return error;
}

void built_fini(struct built *b)
{
    free(b->tree);
    free(b->blocks);
    free(b->formats);
    free(b->overlap_sample);
    *b = (struct built){0};
}
