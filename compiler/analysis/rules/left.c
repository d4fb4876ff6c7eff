/* `preyc --stats`: the part of a rule that earlier rules leave, most covered rules first. Rules that ask for state
 * only don't count as covering. In long lists, rules whose first frame had no holder (ir_rule.met) are skipped;
 * rules that take too long are skipped in all lists. */
#include <math.h>
#include <stdlib.h>

#include "compiler/analysis/region_text.h"
#include "compiler/analysis/rules/cover_priv.h"
#include "compiler/figures.h"
#include "vm/words/words.h"

enum {
    TOLD_MAX = 20,  /* most rules printed */
    PARTS_TOLD = 3, /* printed parts of one rule's rest */
    PARTS_MAX = 64,
    WORK_MAX = 1 << 17, /* ranges looked at for one rule */
    LONG_LIST = 2048,
    PAIRS_MAX = 1 << 23, /* rules compared in all */
};

struct left {
    uint32_t rule;
    double share; /* part of the rule's packets that is left */
    struct region region;
};

struct leftovers {
    struct compile *c;
    struct left told[TOLD_MAX];
    uint32_t count, more;
    uint64_t pairs;
};

static double left_share(struct ir *ir, const struct region *left, const struct ir_product *of)
{
    struct ir_product settled = *of; /* without impossible frames, like the rest */
    double share = 0;
    if (!product_settle(ir, &settled)) return 1;
    const double all = product_size(ir, &settled);
    for (uint32_t i = 0; i < left->count; i++) share += exp2(product_size(ir, &left->p[i]) - all);
    return share;
}

/* Keep the TOLD_MAX smallest shares, the smallest last; of equal shares, the first rule of the file. */
static void left_keep(struct leftovers *l, struct left *one)
{
    uint32_t i = l->count;
    l->more += l->count == TOLD_MAX;
    if (l->count == TOLD_MAX && l->told[0].share <= one->share) {
        region_fini(&one->region);
        return;
    }
    if (l->count == TOLD_MAX) {
        region_fini(&l->told[0].region);
        for (i = 1; i < TOLD_MAX; i++) l->told[i - 1] = l->told[i];
        i = TOLD_MAX - 1;
    } else {
        l->count++;
    }
    for (; i && l->told[i - 1].share <= one->share; i--) l->told[i] = l->told[i - 1];
    l->told[i] = *one;
}

/* True if the rule asks only for protocol and state: `accept state established` is meant to take a part of every later
 * rule. */
static bool asks_state_alone(const struct ir_product *p)
{
    if (p->field[IR_STATE] == IR_ALL) return false;
    for (enum ir_field f = 0; f < IR_FIELDS; f++)
        if (p->field[f] != IR_ALL && f != IR_WHAT && f != IR_FRAGMENT && f != IR_STATE) return false;
    return true;
}

static void try_rule(struct leftovers *l, const struct coverers *all, uint32_t rule)
{
    struct ir *ir = l->c->ir;
    const struct ir_product *p = &ir->rules[rule].product;
    struct region_budget budget = {.work = WORK_MAX, .parts = PARTS_MAX};
    struct left one = {.rule = rule};
    struct ir_product plain;
    region_add(&one.region, p);
    for (uint32_t i = 0; i < all->count && all->v[i].rule < rule && !budget.spent; i++) {
        if (++l->pairs > PAIRS_MAX) budget.spent = true;
        if (!asks_state_alone(&all->v[i].p) && ir_may_meet(ir, p, &all->v[i].p) &&
            product_plain_beside(ir, &all->v[i].p, p, &plain))
            region_minus(ir, &one.region, &plain, &budget);
    }
    one.share = budget.spent ? 1 : left_share(ir, &one.region, p);
    if (one.region.count && one.share < 1)
        left_keep(l, &one);
    else
        region_fini(&one.region);
}

static bool is_behind(const struct ir *ir, const uint32_t *tangled, uint32_t count, uint32_t rule)
{
    for (uint32_t i = 0; i < count && tangled[i] < rule; i++)
        if (ir_may_meet(ir, &ir->rules[tangled[i]].product, &ir->rules[rule].product)) return true;
    return false;
}

static void try_list(struct leftovers *l, struct chains *chains, uint32_t first, uint32_t count)
{
    const struct ir *ir = l->c->ir;
    uint32_t *tangled = arena_alloc(l->c->arena, ((size_t)count + 1) * sizeof(*tangled));
    struct coverers all = {0};
    const uint32_t tangled_count = list_coverers(chains, first, count, &all, tangled);
    for (uint32_t i = first; i < first + count && l->pairs <= PAIRS_MAX; i++)
        if (ir->rules[i].state == IR_LIVE && (count < LONG_LIST || ir->rules[i].met) &&
            !is_behind(ir, tangled, tangled_count, i))
            try_rule(l, &all, i);
    free(all.v);
}

static void print_left(struct compile *c, const struct left *one, struct figures *f)
{
    const struct region_text text = region_text_of(c);
    const struct region *r = &one->region;
    const uint8_t every_way = 1u << PBC_DIR_ANY | 1u << PBC_DIR_IN | 1u << PBC_DIR_OUT | 1u << PBC_DIR_FORWARD;
    figures_item_begin(f);
    figures_say(f, "  rule ");
    print_rule_name(c, one->rule, figures_words(f, "rule"));
    figures_words_end(f);
    figures_number(f, "share", one->share, 6);
    /* for people; below a thousandth, the rule is nearly covered */
    if (one->share < .001)
        figures_say(f, ", under 0.1 %%: ");
    else if (one->share < .9995)
        figures_say(f, ", %.1f %%: ", one->share * 100);
    else
        figures_say(f, ", nearly all: ");
    FILE *out = figures_words(f, "left");
    for (uint32_t i = 0; i < r->count && i < PARTS_TOLD; i++) {
        if (i) fputs("; ", out);
        region_text_print(&text, &r->p[i], every_way, out);
    }
    if (r->count > PARTS_TOLD) fprintf(out, "; and %u more", r->count - PARTS_TOLD);
    figures_words_end(f);
    figures_say(f, "\n");
    figures_item_end(f);
}

void stats_print_left(const struct compile *c, struct figures *f)
{
    struct compile copy = *c;
    struct leftovers l = {.c = &copy};
    struct chains chains;
    chains_init(&chains, &copy);
    for (uint32_t i = 0; i < c->image->firewalls_count; i++)
        try_list(&l, &chains, c->image->firewalls[i].rules, c->image->firewalls[i].rule_count);
    for (uint32_t i = 0; i < c->image->chains_count; i++)
        try_list(&l, &chains, c->image->chains[i].rules, c->image->chains[i].rule_count);
    chains_fini(&chains);
    if (!l.count) return;
    figures_section(f, "what is left of rules that others partly cover");
    figures_list_begin(f, "rules");
    for (uint32_t i = l.count; i--;) {
        print_left(&copy, &l.told[i], f);
        region_fini(&l.told[i].region);
    }
    figures_list_end(f);
    if (!l.more) return;
    figures_say(f, "  and of %u more rule%s\n", l.more, text_plural(l.more));
    figures_number(f, "more", l.more, 0);
}
