/* One part of the key space: a leaf, or the best way to continue for which the allowance has room. */
#include "compiler/classify/tree/builder_priv.h"

enum { PLANS = 8, RESERVE_TIMES = 4, RESERVE_PART = 8 };

/* Fork a part: boxes that reach many children of a window get a separate tree, instead of a copy in each child. */
static bool fork_word(struct build *b, struct list l, const struct part *p, struct plan plan, struct allowance a,
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
    /* The first box may be gone, because it may hold no possible frame. */
    const uint32_t least_narrow = word_worst(b, first).least, least_wide = word_worst(b, second).least;
    const bool wide_first = least_wide < least_narrow;
    const uint64_t both[2] = {wide_first ? second : first, wide_first ? first : second};
    *word = TREE_FORK_WORD(table_add(b, both, 2), wide_first ? least_narrow : least_wide);
    return !b->failed;
}

static bool node_follow(struct build *b, struct list l, const struct part *p, struct plan plan, struct allowance a,
                        uint64_t *word)
{
    if (plan.way == WAY_FORK) return fork_word(b, l, p, plan, a, word);
    return cut_word(b, l, p, plan.window, a, word);
}

/* Take the first way for which the allowance has room. */
static bool node_go_on(struct build *b, struct list l, const struct part *p, struct allowance a, uint64_t *word)
{
    struct plan plans[PLANS];
    const unsigned count = plans_find(b, l, p, a, plans, PLANS);
    for (unsigned i = 0; i < count && !b->failed; i++) {
        if (plans[i].way == WAY_LEAF) {
            *word = leaf_word(b, p, l);
            return true;
        }
        if (node_follow(b, l, p, plans[i], a, word)) return true;
    }
    return false;
}

/* Take bytes of the reserve for a part that resists within its share: several times its size as a leaf. */
static bool go_on_reserve(struct build *b, struct list l, const struct part *p, struct allowance a, uint64_t *word)
{
    const uint64_t wish = RESERVE_TIMES * leaf_bytes(b, p, l), most = b->reserve / RESERVE_PART;
    const uint64_t extra = wish < most ? wish : most;
    const uint64_t before = build_price(b), own = a.bytes;
    if (extra < wish / 4 || (wish && l.count <= LEAF_LONG)) return false;
    b->reserve -= extra;
    a.bytes += extra;
    const bool done = node_go_on(b, l, p, a, word);
    const uint64_t used = build_price(b) - before, over = used > own ? used - own : 0;
    b->reserve += done && over < extra ? extra - over : done ? 0 : extra;
    return done;
}

uint64_t node_word(struct build *b, struct list l, const struct part *p, struct allowance a)
{
    l.count = part_prune(b, l, p);
    if (l.count == 0 || b->failed) return TREE_NONE;
    const bool sayable = leaf_bytes(b, p, l);
    if (sayable && l.count <= LEAF_FEW) return leaf_word(b, p, l);
    uint64_t word;
    if (node_go_on(b, l, p, a, &word) || (!b->failed && go_on_reserve(b, l, p, a, &word))) return word;
    if (b->failed) return TREE_NONE;
    if (!sayable) {
        b->unsayable = true;
        return TREE_NONE;
    }
    if (l.count > LEAF_RESISTS) b->last_resort = true;
    return leaf_word(b, p, l);
}
