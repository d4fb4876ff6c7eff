/* Policy rules as a table needs them. Rules for all packets rank the tables that are merged. All other rules, and
 * all behind the first that goes to another rule, become the list that look-ups walk. */
#include "vm/judge/routes/policy_priv.h"

#include <string.h>

static bool asks_nothing(const struct route_policy *p)
{
    const struct route_rule *x = &p->rule;
    return !(x->from_bits | x->to_bits | x->src_ports[1] | x->dst_ports[1] | x->proto | x->tos | x->asks);
}

/* Add a use of a table; view 0: merged. */
static bool use(struct policy *p, const struct route_policy *x, uint8_t rank, uint8_t view)
{
    if (p->uses_count == POLICY_USES) return false;
    p->uses[p->uses_count++] = (struct policy_use){.table = x->table,
                                                   .suppressed = x->suppressed,
                                                   .refuses = x->rule.does == ROUTE_REFUSES,
                                                   .rank = rank,
                                                   .view = view};
    return true;
}

/* Return the view of a table for rules of the list, made if it is new; 0: no room. Views are numbered from `first` on,
 * which is 1 or more. */
static uint8_t view_of(struct policy *p, const struct route_policy *x, unsigned first)
{
    for (unsigned i = 0; i < p->uses_count; i++) {
        const struct policy_use *u = &p->uses[i];
        if (u->view && u->table == x->table && u->suppressed == x->suppressed) return u->view;
    }
    const unsigned view = first + p->views;
    if (view > ROUTE_VIEWS_MOST || !use(p, x, 0, (uint8_t)view)) return 0;
    p->views++;
    return (uint8_t)view;
}

/* Return the rule to continue with, as an index among all rules given; `count`: none. Rules go forward only. */
static uint32_t jump_target(const struct routes_said *said, uint32_t at)
{
    const struct route_policy *x = &said->rules[at];
    for (uint32_t i = at + 1; i < said->rules_count; i++)
        if (said->rules[i].rule.family == x->rule.family && said->rules[i].priority == x->target) return i;
    return said->rules_count;
}

/* Return the number of the mark that a rule asks for (route_rule.mark), which is that of the first such rule in the
 * list. */
static uint8_t mark_number(const struct policy *p, const struct routes_said *said, const struct route_policy *x)
{
    if (!(x->rule.asks & ROUTE_ASKS_MARK)) return 0;
    for (unsigned i = 0; i < p->rules_count; i++) {
        const struct route_policy *y = &said->rules[p->said[i]];
        const bool same = y->mask == x->mask && (y->mark & y->mask) == (x->mark & x->mask);
        if (y->rule.asks & ROUTE_ASKS_MARK && same) return p->rules[i].mark;
    }
    return (uint8_t)(p->rules_count + 1);
}

/* Add a rule to the list. False: no room. */
static bool list_rule(struct policy *p, const struct routes_said *said, uint32_t at, uint8_t rank, unsigned first)
{
    const struct route_policy *x = &said->rules[at];
    const uint8_t view = x->rule.does == ROUTE_LOOKS_UP ? view_of(p, x, first) : 0;
    if (p->rules_count == ROUTE_RULES_MOST || (x->rule.does == ROUTE_LOOKS_UP && !view)) return false;
    p->said[p->rules_count] = at;
    p->rules[p->rules_count] = x->rule;
    p->rules[p->rules_count].rank = rank;
    p->rules[p->rules_count].mark = mark_number(p, said, x);
    p->rules[p->rules_count++].view = view;
    return true;
}

/* Set the target of rules that go to another one: the first rule of the list at that place or behind it. */
static void aim(struct policy *p, const struct routes_said *said)
{
    for (unsigned i = 0; i < p->rules_count; i++) {
        if (p->rules[i].does != ROUTE_GOES_TO) continue;
        const uint32_t to = jump_target(said, p->said[i]);
        unsigned next = i + 1;
        while (next < p->rules_count && p->said[next] < to) next++;
        p->rules[i].next = (uint8_t)next;
    }
}

void policy_make(struct policy *p, const struct routes_said *said, uint8_t family, unsigned first)
{
    unsigned rank = 0;
    bool jumps = false, fits = true, ended = false;
    memset(p, 0, sizeof *p);
    p->family = family;
    for (uint32_t i = 0; i < said->rules_count && fits && !ended; i++) {
        const struct route_policy *x = &said->rules[i];
        if (x->rule.family != family) continue;
        if (x->rule.does == ROUTE_GOES_TO && jump_target(said, i) == said->rules_count) continue;
        if (rank == ROUTE_RANK_NONE) fits = false;
        jumps |= x->rule.does == ROUTE_GOES_TO;
        if (fits && asks_nothing(x) && !jumps && x->rule.does <= ROUTE_REFUSES) {
            fits = use(p, x, (uint8_t)rank, 0);
            ended = x->rule.does == ROUTE_REFUSES;
        } else if (fits) {
            fits = list_rule(p, said, i, (uint8_t)rank, first);
        }
        rank++;
    }
    if (fits) {
        aim(p, said);
        return;
    }
    /* Every packet of the family has an unknown way. */
    p->uses_count = p->views = 0;
    p->rules[0] = (struct route_rule){.family = family, .does = ROUTE_ASKS, .why = WAY_TOO_MANY};
    p->rules_count = 1;
}
