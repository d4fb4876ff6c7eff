/* Find verdicts that may be remembered for a flow (docs/semantics.md, Verdicts that are remembered). These belong to
 * rules that, once they decide one established packet of the flow's direction, must decide all.
 *
 * Some fields of such packets are the flow's own: protocol, addresses, ports, VLANs, and ICMP type (a query one way,
 * its reply the other). Interface, own addresses and direction are, too, because the vm keeps them apart. All others
 * may differ between packets. A rule qualifies if it asks for none of the others and does not log, and if no earlier
 * rule counts, or could match some packets with the flow's fields and not others. A `do` counts, so only rules of
 * firewalls qualify. Results are certain; beyond a budget a rule is skipped and counted.
 *
 * A rule meets no established packet if an earlier rule takes all of them, whatever their other fields. */
#include "compiler/normal/normal.h"
#include "compiler/normal/what.h"
#include "vm/vm.h"

enum {
    TAKERS_MAX = 64,    /* rules that may take all, compared with one rule */
    BLOCKERS_MAX = 256, /* rules in the way, compared with one rule */
    WORK_MAX = 1 << 26, /* ranges compared in all */
};

/* Established packets of a rule: by all fields, and by the flow's own */
struct met {
    struct ir_product all, own;
    uint32_t rule;
    uint8_t reason; /* BEHIND or COUNTED, for rules behind it */
};

struct search {
    struct compile *c;
    struct met *takers, *blockers;
    uint32_t taker_count, blocker_count;
    bool crowded; /* more rules are in the way than are kept here */
    uint64_t work;
};

static bool is_own_field(enum ir_field f)
{
    switch (f) {
    case IR_WHAT:
    case IR_SRC:
    case IR_SRC_SELF:
    case IR_DST:
    case IR_DST_SELF:
    case IR_SPORT:
    case IR_DPORT:
    case IR_IFACE:
    case IR_OUT:
    case IR_URPF:
    case IR_VLAN:
    case IR_INNER:
    case IR_FRAGMENT:
    case IR_STATE:
    case IR_TYPE: return true;
    default: return false;
    }
}

/* True if members of live sets decide: these come and go while a flow lasts. */
static bool is_live(const struct ir *ir, enum ir_field f, uint32_t value)
{
    return ir_fields[f].sort == IR_SORT_ADDRS && ir_addrs(ir, value)->split;
}

/* True if the product asks for a field that may differ between packets of a flow. AH is such a field. IR_ND isn't
 * one, since neighbour discovery is never established. */
static bool varies(const struct ir *ir, const struct ir_product *p)
{
    if (what_asks_ah(ir, p->field[IR_WHAT])) return true;
    for (enum ir_field f = 0; f < IR_FIELDS; f++)
        if ((!is_own_field(f) && f != IR_ND && p->field[f] != IR_ALL) || is_live(ir, f, p->field[f])) return true;
    return false;
}

static bool met_of(struct compile *c, const struct ir_product *p, uint32_t rule, struct met *m)
{
    m->rule = rule;
    if (!normal_established(c, p, &m->all)) return false;
    m->all.field[IR_ND] = IR_ALL;
    m->own = m->all;
    for (enum ir_field f = 0; f < IR_FIELDS; f++)
        if (!is_own_field(f))
            m->own.field[f] = IR_ALL;
        else if (is_live(c->ir, f, m->own.field[f]))
            m->own.field[f] = ir_addrs_hull(c->ir, m->own.field[f]);
    m->own.field[IR_WHAT] = what_either(c->ir, m->own.field[IR_WHAT]);
    return true;
}

static uint64_t product_ranges(const struct ir *ir, const struct ir_product *p)
{
    static const enum ir_field sides[] = {IR_SRC, IR_SRC_SELF, IR_DST, IR_DST_SELF};
    uint64_t n = 8;
    for (unsigned i = 0; i < 4; i++)
        n += (uint64_t)ir_addrs(ir, p->field[sides[i]])->count4 + ir_addrs(ir, p->field[sides[i]])->count6;
    return n;
}

static bool is_met_taken(struct search *s, const struct met *m)
{
    for (uint32_t i = 0; i < s->taker_count && s->work < WORK_MAX; i++)
        if (ir_within(s->c->ir, &m->all, &s->takers[i].all, &s->work)) return true;
    return false;
}

/* Return the first condition on a field that may differ, even if it allows any value; PBC_NONE: none. */
static uint32_t cond_that_varies(const struct compile *c, const struct pbc_rule *r)
{
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++)
        if (!pbc_asks_flow(&c->image->conds[i])) return i;
    return PBC_NONE;
}

static struct ir_memo in_the_way(struct search *s, const struct met *m)
{
    for (uint32_t i = 0; i < s->blocker_count; i++) {
        if (s->work >= WORK_MAX) return (struct ir_memo){.reason = MEMO_GIVEN_UP};
        s->work += product_ranges(s->c->ir, &m->own) + product_ranges(s->c->ir, &s->blockers[i].own);
        if (ir_may_meet(s->c->ir, &m->own, &s->blockers[i].own))
            return (struct ir_memo){.reason = s->blockers[i].reason, .what = s->blockers[i].rule};
    }
    return (struct ir_memo){.reason = s->crowded ? MEMO_GIVEN_UP : MEMO_YES};
}

static struct ir_memo memo_of(struct search *s, const struct met *m)
{
    const struct pbc_rule *r = &s->c->image->rules[m->rule];
    const uint32_t asks = cond_that_varies(s->c, r);
    if (r->verdict > PBC_V_REJECT) return (struct ir_memo){.reason = MEMO_OPENS};
    if (r->flags & PBC_RULE_LOG) return (struct ir_memo){.reason = MEMO_LOGS};
    if (asks != PBC_NONE) return (struct ir_memo){.reason = MEMO_ASKS, .what = asks};
    return in_the_way(s, m);
}

static void memo_remember(struct search *s, const struct met *m, bool decides)
{
    const bool takes = decides && !varies(s->c->ir, &m->all);
    if (takes && s->taker_count < TAKERS_MAX) s->takers[s->taker_count++] = *m;
    if (takes) return;
    if (s->blocker_count == BLOCKERS_MAX) {
        s->crowded = true;
        return;
    }
    s->blockers[s->blocker_count] = *m;
    s->blockers[s->blocker_count++].reason = decides ? MEMO_BEHIND : MEMO_COUNTED;
}

static void write_memo(struct search *s, struct ir_memo *memo, uint32_t rule, uint32_t firewall)
{
    struct pbc_memo *slot = memo->reason == MEMO_YES ? image_add_memos(s->c->image) : NULL;
    if (slot)
        *slot = (struct pbc_memo){.rule = rule, .firewall = firewall};
    else if (memo->reason == MEMO_YES)
        memo->reason = MEMO_GIVEN_UP;
    s->c->ir->memos_undecided += memo->reason == MEMO_GIVEN_UP;
}

static void try_firewall(struct search *s, uint32_t firewall)
{
    const struct pbc_firewall *f = &s->c->image->firewalls[firewall];
    struct ir *ir = s->c->ir;
    struct met m;
    s->taker_count = s->blocker_count = 0;
    s->crowded = false;
    for (uint32_t i = f->rules; i < f->rules + f->rule_count; i++) {
        const bool decides = pbc_decides(s->c->image->rules[i].verdict);
        if (ir->rules[i].state != IR_LIVE || !met_of(s->c, &ir->rules[i].product, i, &m) || is_met_taken(s, &m))
            continue;
        if (decides) {
            ir->memos[i] = memo_of(s, &m);
            write_memo(s, &ir->memos[i], i, firewall);
        }
        memo_remember(s, &m, decides);
    }
    if (!met_of(s->c, &(struct ir_product){{0}}, RULE_DEFAULT, &m) || is_met_taken(s, &m)) return;
    struct ir_memo *memo = &ir->memos[ir->rule_count + firewall];
    *memo = in_the_way(s, &m);
    write_memo(s, memo, RULE_DEFAULT, firewall);
}

static void try_chain(struct search *s, const struct pbc_chain *chain)
{
    struct met m;
    for (uint32_t i = chain->rules; i < chain->rules + chain->rule_count; i++)
        if (s->c->ir->rules[i].state == IR_LIVE && s->c->image->rules[i].verdict <= PBC_V_REJECT &&
            met_of(s->c, &s->c->ir->rules[i].product, i, &m))
            s->c->ir->memos[i].reason = MEMO_CHAIN;
}

void find_memos(struct compile *c)
{
    struct search s = {.c = c};
    if (!c->ir->keeps_flows || diags_errors(c->diags)) return;
    c->ir->memos =
        arena_alloc(c->arena, ((size_t)c->image->rules_count + c->image->firewalls_count + 1) * sizeof(*c->ir->memos));
    s.takers = arena_alloc(c->arena, TAKERS_MAX * sizeof(*s.takers));
    s.blockers = arena_alloc(c->arena, BLOCKERS_MAX * sizeof(*s.blockers));
    for (uint32_t i = 0; i < c->image->firewalls_count; i++) try_firewall(&s, i);
    for (uint32_t i = 0; i < c->image->chains_count; i++) try_chain(&s, &c->image->chains[i]);
}
