/* Forking: boxes that reach many children of a window get a tree of their own, instead of a copy in each child. */
#include "compiler/classify/tree/builder_priv.h"

bool fork_word(struct build *b, struct list l, const struct part *p, struct plan plan, struct allowance a,
               uint64_t *word)
{
    const struct stack_mark mark = stack_mark(b);
    struct list narrow = {stack_get(b, l.count * sizeof *l.box), 0}, wide = {stack_get(b, l.count * sizeof *l.box), 0};
    if (b->failed || a.forks == 0 || a.depth < 2) return false;
    for (uint32_t i = 0; i < l.count; i++) {
        struct list *to = window_span(b, p, l.box[i], plan.window).count > plan.most ? &wide : &narrow;
        to->box[to->count++] = l.box[i];
    }
    const uint64_t table = 2 * sizeof(uint64_t);
    const uint64_t least = table + leaf_bytes(b, p, narrow) + leaf_bytes(b, p, wide);
    if (!narrow.count || !wide.count || least > a.bytes) {
        stack_release(b, mark);
        return false;
    }
    struct allowance below = {leaf_bytes(b, p, narrow) + ((a.bytes - least) / l.count * narrow.count), a.forks - 1,
                              a.depth - 1};
    const uint64_t before = build_price(b);
    uint64_t first, second;
    narrow.count = part_prune(b, narrow, p);
    if (!cut_word(b, narrow, p, plan.window, below, &first)) first = node_word(b, narrow, p, below);
    const uint64_t used = build_price(b) - before;
    below.bytes = a.bytes - table - (used < below.bytes ? used : below.bytes);
    second = node_word(b, wide, p, below);
    stack_release(b, mark);
    if (b->failed) return false;
    /* The first box may be gone: it may hold no possible frame. */
    const uint32_t least_narrow = word_worst(b, first).least, least_wide = word_worst(b, second).least;
    const bool wide_first = least_wide < least_narrow;
    const uint64_t both[2] = {wide_first ? second : first, wide_first ? first : second};
    *word = TREE_FORK_WORD(table_add(b, both, 2), wide_first ? least_narrow : least_wide);
    return !b->failed;
}
