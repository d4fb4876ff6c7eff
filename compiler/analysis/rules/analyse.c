/* Analyse the rules without a packet. The analysis finds rules that never match because earlier rules of their list
 * decide all of their packets (cover.c), contradictory rules, firewalls that cut off neighbour discovery, and
 * services that no rule lets in. Reports are certain; a rule that takes too long to judge is skipped and counted
 * (ir->undecided). */
#include <string.h>

#include "compiler/analysis/rules/cover_priv.h"
#include "compiler/compiler.h"
#include "compiler/normal/normal.h"

enum { COVERS_TOLD = 4 }; /* notes about rules that together cover one */

/* True if rule a repeats rule b: conditions, verdict and answer. */
static bool repeats(const struct compile *c, uint32_t a, uint32_t b)
{
    const struct pbc_rule *x = &c->image->rules[a], *y = &c->image->rules[b];
    return x->verdict == y->verdict && x->answer == y->answer &&
           memcmp(&c->ir->rules[a].product, &c->ir->rules[b].product, sizeof(struct ir_product)) == 0;
}

/* Add a note for each covering rule, or for the first ones. */
static void note_covering(struct compile *c, const struct ir_rule *r)
{
    const uint32_t told = r->cover_count > COVERS_TOLD ? COVERS_TOLD - 1 : r->cover_count;
    for (uint32_t i = 0; i < told; i++)
        diag_note(c->diags, c->image->rule_span[r->covers[i]], "%s this rule",
                  i                    ? "and"
                  : r->cover_count > 1 ? "partly by"
                                       : "by");
    if (told < r->cover_count)
        diag_note(c->diags, c->image->rule_span[r->covers[told]], "and this rule, and %u more after it",
                  r->cover_count - told - 1);
}

static void report_covered(struct compile *c, uint32_t rule, uint32_t more)
{
    const struct ir_rule *r = &c->ir->rules[rule];
    const struct span span = c->image->rule_span[rule];
    if (r->cover_count == 1 && repeats(c, rule, r->cover)) {
        diag(c->diags, W_DUPLICATE, span, "this rule repeats an earlier rule");
        diag_note(c->diags, c->image->rule_span[r->cover], "the earlier rule is here");
        return;
    }
    if (more)
        diag(c->diags, W_SHADOWED, span, "this rule and the %u after it can never match", more);
    else
        diag(c->diags, W_SHADOWED, span, "this rule can never match");
    if (r->cover_count > 1)
        diag_advise(c->diags, "%u earlier rules together decide every packet that this rule could match",
                    r->cover_count);
    else
        diag_advise(c->diags, "earlier rules decide every packet that this rule could match");
    note_covering(c, r);
}

/* Return how many rules behind this one a bare `drop` also covers, so that one mistake gives one report. */
static uint32_t covered_alike(const struct compile *c, uint32_t rule, uint32_t end)
{
    const struct ir_rule *first = &c->ir->rules[rule];
    uint32_t n = 0;
    if (first->cover_count != 1 || !product_is_everything(c->ir, &c->ir->rules[first->cover].product, FRAMES)) return 0;
    for (const struct ir_rule *r = first + 1; rule + n + 1 < end && r->state == IR_SHADOWED; r++, n++)
        if (r->cover_count != 1 || r->cover != first->cover) break;
    return n;
}

static void report_list(struct compile *c, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        if (c->ir->rules[i].state == IR_SHADOWED) {
            const uint32_t more = covered_alike(c, i, first + count);
            if (!c->image->rule_told[i]) report_covered(c, i, more);
            i += more;
        } else if (c->ir->rules[i].state == IR_IMPOSSIBLE && !c->image->rule_told[i]) {
            const struct pbc_rule *r = &c->image->rules[i];
            const struct span span = c->image->rule_span[i];
            if (c->ir->rules[i].elsewhere) {
                const struct pbc_firewall *f = &c->image->firewalls[r->list];
                diag(c->diags, W_CONTRADICTION, span, "this rule can never match: `%s` judges only packets on `%s`",
                     image_str(c->image, f->name), image_str(c->image, c->image->ifaces[f->iface].device));
            } else if (normal_contradicts(c, i)) {
                diag(c->diags, W_CONTRADICTION, span, "this rule can never match: %s",
                     r->cond_count > 1 ? "its conditions exclude each other"
                                       : "no packet can meet the rule's condition");
            }
        }
}

void analyse_audited(struct compile *c)
{
    const struct image *img = c->image;
    if (diags_errors(c->diags)) return;
    for (uint32_t i = 0; i < img->rules_count; i++) /* the others have been reported already */
        img->rule_told[i] |= !(img->rules[i].flags & PBC_RULE_AUDIT);
    find_covers(c);
    for (uint32_t i = 0; i < img->firewalls_count; i++)
        report_list(c, img->firewalls[i].rules, img->firewalls[i].rule_count);
    for (uint32_t i = 0; i < img->chains_count; i++) report_list(c, img->chains[i].rules, img->chains[i].rule_count);
}

/* Neighbour discovery is cut off by a firewall that drops by default, judges packets that arrive or that this
 * machine sends, and accepts neither neighbour solicitations nor advertisements by a rule. Silent if an earlier rule
 * drops them all by name, because that is intended. */
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

static void warn_neighbours(struct compile *c)
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
             "`%s` blocks IPv6 neighbour discovery: its default %s packets that no rule lets %s",
             image_str(img, f->name), f->default_verdict == PBC_V_REJECT ? "rejects" : "drops",
             f->direction == PBC_DIR_OUT ? "out" : "in");
        diag_advise(c->diags, "add `accept icmp6 type nd`");
    }
}

void analyse_rules(struct compile *c)
{
    const struct image *img = c->image;
    if (diags_errors(c->diags)) /* a rule without one of its conditions would seem to cover others */
        return;
    find_covers(c);
    for (uint32_t i = 0; i < img->firewalls_count; i++)
        report_list(c, img->firewalls[i].rules, img->firewalls[i].rule_count);
    for (uint32_t i = 0; i < img->chains_count; i++) report_list(c, img->chains[i].rules, img->chains[i].rule_count);
    warn_neighbours(c);
    warn_closed_services(c);
    warn_idle_branches(c);
}
