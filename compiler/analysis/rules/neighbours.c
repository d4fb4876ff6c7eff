/* Warn about neighbour discovery: a firewall drops by default, judges packets that arrive or that this machine sends,
 * and has no rule that could accept a neighbour solicitation or advertisement. Silent if an earlier rule drops them all
 * by name, which is meant. */
#include "compiler/normal/normal.h"
#include "vm/vm.h"

enum fate { FATE_OPEN, FATE_ADMITTED, FATE_DROPPED };

struct walk {
    struct compile *c;
    struct ir_product nd;
    uint8_t *chain_fate; /* 1 + enum fate; 0: not visited */
};

static enum fate list_fate(struct walk *w, uint32_t first, uint32_t count);

static enum fate chain_fate(struct walk *w, uint32_t chain)
{
    const struct pbc_chain *c = &w->c->image->chains[chain];
    if (!w->chain_fate[chain]) w->chain_fate[chain] = (uint8_t)(1 + list_fate(w, c->rules, c->rule_count));
    return (enum fate)(w->chain_fate[chain] - 1);
}

/* Return ADMITTED if a rule may let in neighbour discovery, DROPPED if an earlier rule drops all of it, else OPEN. */
static enum fate list_fate(struct walk *w, uint32_t first, uint32_t count)
{
    const struct ir *ir = w->c->ir;
    uint64_t work = 0;
    for (uint32_t i = first; i < first + count; i++) {
        const struct pbc_rule *r = &w->c->image->rules[i];
        const struct ir_product *p = &ir->rules[i].product;
        const bool may = r->verdict == PBC_V_ACCEPT || r->verdict == PBC_V_DO;
        if (ir->rules[i].state != IR_LIVE || (may && !ir_may_meet(ir, p, &w->nd))) continue;
        if (r->verdict == PBC_V_ACCEPT) return FATE_ADMITTED;
        const bool all = ir_within(ir, &w->nd, p, &work);
        if (r->verdict == PBC_V_DO) {
            const enum fate fate = chain_fate(w, r->chain);
            if (fate == FATE_ADMITTED || (fate == FATE_DROPPED && all)) return fate;
        } else if (all && (r->verdict == PBC_V_DROP || r->verdict == PBC_V_REJECT)) {
            return FATE_DROPPED;
        } else if (all && r->verdict == PBC_V_RETURN) {
            return FATE_OPEN;
        }
    }
    return FATE_OPEN;
}

void warn_neighbours(struct compile *c)
{
    const struct image *img = c->image;
    struct walk w = {.c = c, .chain_fate = arena_alloc(c->arena, (size_t)img->chains_count + 1)};
    w.nd.field[IR_WHAT] = ir_field_range(c->ir, IR_WHAT, WHAT_IP6 + 58, WHAT_IP6 + 58);
    w.nd.field[IR_FRAGMENT] = ir_field_range(c->ir, IR_FRAGMENT, FRAGMENT_NO, FRAGMENT_NO);
    w.nd.field[IR_STATE] = ir_field_range(c->ir, IR_STATE, STATE_IS_NEW, STATE_IS_NEW);
    w.nd.field[IR_TYPE] = ir_field_range(c->ir, IR_TYPE, 135, 136);
    w.nd.field[IR_CODE] = ir_field_range(c->ir, IR_CODE, 0, 0);
    w.nd.field[IR_TTL] = ir_field_range(c->ir, IR_TTL, 255, 255);
    w.nd.field[IR_ND] = ir_field_range(c->ir, IR_ND, 1, 1);
    for (uint32_t i = 0; i < img->firewalls_count; i++) {
        const struct pbc_firewall *f = &img->firewalls[i];
        if (f->default_verdict == PBC_V_ACCEPT || f->direction == PBC_DIR_FORWARD) continue;
        if (list_fate(&w, f->rules, f->rule_count) != FATE_OPEN) continue;
        diag(c->diags, W_NO_NEIGHBOURS, img->firewall_span[i],
             "`%s` cuts off IPv6 neighbour discovery: its default drops what no rule lets %s", image_str(img, f->name),
             f->direction == PBC_DIR_OUT ? "out" : "in");
        diag_advise(c->diags, "add `accept icmp6 type nd`");
    }
}
