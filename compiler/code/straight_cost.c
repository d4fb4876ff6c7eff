/* The cost of straight code for a list: the questions of its tree (split.c), then the rules that are left. */
#include "compiler/code/plan.h"
#include "compiler/code/split.h"

enum {
    COUNTED_MAX = 256, /* most rules that are counted; larger lists are extrapolated */
};
static const double tests_a_rule = 1.2; /* most rules fail at their first test */

/* Return the cost of the way down. A halving is unpredictable; a test that hardly ever holds is predicted. */
static double way_ns(struct arena *arena, const struct demand *const *d, uint32_t count, unsigned depth)
{
    const struct split s = depth ? find_split(d, count) : (struct split){.kind = SPLIT_NONE};
    uint32_t left = 0, right = 0;
    if (s.kind == SPLIT_NONE) return test_ns * tests_a_rule * count;
    const struct demand **const both = arena_alloc(arena, 2 * (size_t)count * sizeof(const struct demand *));
    for (uint32_t i = 0; i < count; i++) {
        if (goes_left(&s, d[i])) both[left++] = d[i];
        if (goes_right(&s, d[i])) both[count + right++] = d[i];
    }
    return halving_ns + (way_ns(arena, both, left, depth - 1) + way_ns(arena, both + count, right, depth - 1)) / 2;
}

/* True for a rule that nearly all packets reach and that leaves them to the rules behind it. */
static bool is_asked_by_all(const struct compile *c, uint32_t rule)
{
    static const enum ir_field narrow[] = {IR_SRC,   IR_SRC_SELF, IR_DST,  IR_DST_SELF, IR_SPORT,
                                           IR_DPORT, IR_IFACE,    IR_VLAN, IR_TYPE};
    static const enum ir_field coded[] = {IR_SRC_MAC, IR_DST_MAC, IR_BYTES, IR_FLOWS, IR_METERS};
    const struct ir_product *p = &c->ir->rules[rule].product;
    bool code = !pbc_decides(c->image->rules[rule].verdict);
    for (size_t i = 0; i < sizeof(coded) / sizeof(coded[0]); i++) code |= p->field[coded[i]] != IR_ALL;
    for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]) && code; i++) code = p->field[narrow[i]] == IR_ALL;
    return code;
}

struct list_cost straight_cost(const struct plan *plan, const struct list *l, enum variant v)
{
    const uint32_t room = l->end[v] < COUNTED_MAX ? l->end[v] : COUNTED_MAX;
    struct demand *demands = arena_alloc(plan->c->arena, room * sizeof(*demands));
    const struct demand **d = arena_alloc(plan->c->arena, room * sizeof(const struct demand *));
    struct list_cost cost = {.rules = 0};
    for (uint32_t i = 0; i < l->end[v]; i++) {
        if (!plan_writes(plan, l->first + i, v)) continue;
        cost.asked_all += is_asked_by_all(plan->c, l->first + i);
        if (cost.rules < room) {
            demands[cost.rules] = demand_of(plan->c->ir, &plan->c->ir->rules[l->first + i].product);
            d[cost.rules] = &demands[cost.rules];
        }
        cost.rules++;
    }
    if (cost.rules > COUNTED_MAX)
        cost.straight_ns = long_ns + cost.rules * long_rule_ns;
    else
        cost.straight_ns = way_ns(plan->c->arena, d, cost.rules, 16);
    return cost;
}
