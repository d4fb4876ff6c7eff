/* One part of the key space: a leaf, or the best way to go on that the allowance has room for. */
#include "compiler/classify/builder_priv.h"

enum { PLANS = 12 };

static bool follow(struct build *b, struct list l, const struct part *p, struct plan plan, struct allowance a,
                   uint64_t *word)
{
    if (plan.way == WAY_FORK) return fork_word(b, l, p, plan, a, word);
    return cut_word(b, l, p, plan.window, a, word);
}

uint64_t node_word(struct build *b, struct list l, const struct part *p, struct allowance a)
{
    l.count = part_prune(b, l, p);
    if (l.count == 0 || b->failed) return TREE_NONE;
    const uint64_t bytes = leaf_bytes(b, p, l);
    if (bytes && l.count <= LEAF_FEW) return leaf_word(b, p, l);
    struct plan plans[PLANS];
    const unsigned count = plans_find(b, l, p, a, plans, PLANS);
    for (unsigned i = 0; i < count && !b->failed; i++) {
        uint64_t word;
        if (plans[i].way == WAY_LEAF && bytes) return leaf_word(b, p, l);
        if (plans[i].way != WAY_LEAF && follow(b, l, p, plans[i], a, &word)) return word;
    }
    if (b->failed) return TREE_NONE;
    if (!bytes) {
        b->unsayable = true;
        return TREE_NONE;
    }
    if (l.count > LEAF_BOXES) b->last_resort = true;
    return leaf_word(b, p, l);
}
