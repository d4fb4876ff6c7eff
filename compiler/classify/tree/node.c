/* One part of the key space: a leaf, or the best way to continue for which the allowance has room. */
#include "compiler/classify/tree/builder_priv.h"

enum { PLANS = 8, RESERVE_TIMES = 4, RESERVE_PART = 8 };

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
