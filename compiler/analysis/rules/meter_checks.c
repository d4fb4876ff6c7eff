/* Check meters by the normal form: one prefix length if both families can match, also for `flows over`; a meter
 * asked both over and within */
#include <inttypes.h>

#include "compiler/normal/ir.h"
#include "compiler/resolve/values/clauses.h"

/* Return `per` of the meter if it has a single prefix length. */
static const struct node *one_length(const struct symbol *s)
{
    node_each(n, s->decl) if (is_clause(n, CL_PER) && n->first->next && !n->first->next->next) return n;
    return NULL;
}

/* Report a rule that can match a family for which the one length has no meaning. meter: NULL for `flows over`. */
static void check_length(struct compile *c, uint32_t cond, const struct node *per, const char *meter, unsigned families)
{
    const uint64_t len = per ? per->first->next->v.i : 0;
    if (!per || families == 0 || families == IR_V6 || (families == IR_V4 && len <= 32)) return;
    diag(c->diags, E_METER_LENGTH, c->image->cond_span[cond],
         "%s%s%s has one prefix length, but this rule can match both IPv4 and IPv6",
         meter ? "the meter `" : "`flows over`", meter ? meter : "", meter ? "`" : "");
    if (len <= 32) diag_suggest(c->diags, whole_clause(per), "per %s/%" PRIu64 ",/64", node_words(per->first), len);
    if (len > 32) diag_suggest(c->diags, whole_clause(per), "per %s/24,/%" PRIu64, node_words(per->first), len);
    diag_advise(c->diags, "give %s one length per family, or name `%s` in the rule", meter ? "the meter" : "it",
                len <= 32 ? "ip" : "ip6");
    diag_note(c->diags, per->span, "the length is here");
}

struct meter_use {
    const struct symbol *symbol;
    uint32_t over_in, within_in; /* 1 + the last rule that asks for the meter over, or within */
};

/* Report a rule that asks for one meter both over and within. A meter gives a packet one result, so no packet meets
 * both. */
static void check_both_ways(struct compile *c, uint32_t rule, struct meter_use *uses)
{
    const struct ir_patterns list = ir_patterns(c->ir, c->ir->rules[rule].product.field[IR_METERS]);
    for (uint32_t i = 0; i < list.count; i++) {
        struct meter_use *use = &uses[list.pattern[i] / 2];
        *(list.pattern[i] & 1 ? &use->within_in : &use->over_in) = rule + 1;
        if (use->over_in != use->within_in) continue;
        diag(c->diags, W_CONTRADICTION, c->image->rule_span[rule],
             "this rule can never match: no packet is both over and within `%s`", use->symbol->name.s);
    }
}

static void check_rule(struct compile *c, uint32_t rule, struct meter_use *uses)
{
    const struct pbc_rule *r = &c->image->rules[rule];
    const struct ir_product *p = &c->ir->rules[rule].product;
    if (c->ir->rules[rule].state != IR_LIVE) return;
    for (const struct flows_length *f = c->flows_lengths; f; f = f->next)
        if (f->cond >= r->conds && f->cond - r->conds < r->cond_count)
            check_length(c, f->cond, f->per, NULL, ir_families(c->ir, p));
    if (p->field[IR_METERS] == IR_ALL) return;
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++) {
        const struct pbc_cond *cond = &c->image->conds[i];
        if (cond->kind == COND_OVER || cond->kind == COND_WITHIN)
            check_length(c, i, one_length(uses[cond->first].symbol), uses[cond->first].symbol->name.s,
                         ir_families(c->ir, p));
    }
    check_both_ways(c, rule, uses);
}

void check_meters(struct compile *c)
{
    struct meter_use *uses = arena_alloc(c->arena, ((size_t)c->image->meters_count + 1) * sizeof(*uses));
    for (const struct symbol *s = c->symbols->first; s; s = s->next)
        if (s->kind == SYM_METER && s->index != PBC_NONE) uses[s->index].symbol = s;
    for (uint32_t i = 0; i < c->image->rules_count; i++) check_rule(c, i, uses);
}
