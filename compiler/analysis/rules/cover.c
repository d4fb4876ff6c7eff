/* Find rules that decide no frame, because earlier rules of their list, one or several together, decide all of their
 * frames. Exact, or silent and counted.
 *
 * A rule is alive if no earlier rule holds some frame of it, and mostly the first frame drawn shows that: the index
 * (cover_index.c) finds its holders. If there is one, its frames are taken out of the rule's product (region.c), and
 * the next frame is drawn from the rest. This ends when nothing is left, which proves the rule dead and names its
 * covers; when a frame has no holder; or when the budget is spent.
 *
 * A condition that isn't a set of values (meters, byte patterns, numbers of flows) helps to cover only a rule with
 * the same condition. */
#include "compiler/analysis/rules/cover_priv.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/normal/what.h"
#include "compiler/progress.h"
#include "lang/order.h"

enum {
    ROUNDS_MAX = 96,            /* frames drawn for one rule */
    PARTS_MAX = 256,            /* parts of one rule */
    WORK_MAX = 1 << 21,         /* products and ranges looked at for one rule */
    TOTAL_WORK_LEAST = 1 << 23, /* products and ranges for all rules, plus WORK_EACH for each rule */
    WORK_EACH = 1 << 8,
    CANDIDATES_MAX = 1024,      /* earlier rules asked for one frame */
    HELD_MAX = 32,              /* holders of one frame that are compared */
    CANDIDATES_LEAST = 1 << 24, /* earlier rules asked in total, plus CANDIDATES_SURE for each rule */
    CANDIDATES_SURE = 128,
    CANDIDATES_EACH = 4096, /* earlier rules asked for one rule */
    NEEDED_MAX = 24,        /* most covers of a rule that are checked for being needed */
    NEEDED_WORK = 1 << 22,  /* work of these checks, for all rules */
};

struct list {
    struct compile *c;
    struct ir *ir;
    struct chains *chains;
    struct coverers all; /* coverers in the order of their rules */
    struct cover_index *index;
    struct ir_product frames; /* frames that the list judges */
    const uint32_t *tangled;  /* rules with `do` that decide more than is known */
    uint32_t tangled_count;
    uint64_t work, candidates; /* budget left for all rules */
    uint64_t needed_work;      /* work left for checking covers */
};

enum fate { ALIVE, DEAD, UNDECIDED, NEVER };

/* The judgement of one rule */
struct judging {
    struct list *l;
    struct ir_product p;   /* the rule's frames that the list judges */
    uint32_t rule, single; /* single: the earlier rule that covers it by itself, or PBC_NONE */
    uint32_t candidates;
    uint32_t used[ROUNDS_MAX], used_count; /* coverers taken out so far */
    struct region left;
    struct region_budget budget;
};

/* True if the coverer holds frames of the rule for certain, by sets of values; *plain: these frames. */
static bool may_cover(const struct judging *j, uint32_t coverer, struct ir_product *plain)
{
    return product_plain_beside(j->l->ir, &j->l->all.v[coverer].p, &j->p, plain);
}

/* Return the holder to take out, the first that covers some of the rule; PBC_NONE: none. Note in j->single the first
 * earlier rule that covers all of it. */
static uint32_t holder_of(struct judging *j, const struct point *at)
{
    const uint32_t most = j->l->candidates > CANDIDATES_MAX ? CANDIDATES_MAX : CANDIDATES_SURE;
    uint32_t found[HELD_MAX], candidates = most, best = PBC_NONE;
    const uint32_t n = cover_index_find(j->l->index, at, found, HELD_MAX, &candidates);
    struct ir_product plain;
    j->candidates += most - candidates;
    for (uint32_t i = 0; i < n; i++) {
        const struct coverer *e = &j->l->all.v[found[i]];
        uint64_t work = 0;
        if (e->rule < j->single && ir_within(j->l->ir, &j->p, &e->p, &work)) j->single = e->rule;
        if (found[i] < best && may_cover(j, found[i], &plain)) best = found[i];
    }
    j->budget.spent = j->budget.spent || (best == PBC_NONE && (candidates == 0 || n == HELD_MAX));
    return best;
}

/* Draw a frame of the product and find its holder. */
static enum fate try_frame(struct judging *j, const struct ir_product *p, uint64_t seed, uint32_t *holder)
{
    struct point at;
    if (!point_of(j->l->ir, p, seed, &at)) return UNDECIDED;
    *holder = holder_of(j, &at);
    if (j->budget.spent) return UNDECIDED;
    return *holder == PBC_NONE ? ALIVE : DEAD;
}

static enum fate cover_take_out(struct judging *j)
{
    region_add(&j->left, &j->p);
    for (uint32_t round = 0; round < ROUNDS_MAX && j->candidates < CANDIDATES_EACH; round++) {
        uint32_t holder;
        struct ir_product plain;
        const enum fate fate = try_frame(j, &j->left.p[j->left.count - 1], j->rule + (uint64_t)round * 977, &holder);
        if (fate != DEAD) return fate;
        if (j->single != PBC_NONE) return DEAD;
        may_cover(j, holder, &plain);
        j->used[j->used_count++] = holder;
        region_minus(j->l->ir, &j->left, &plain, &j->budget);
        if (j->budget.spent) return UNDECIDED;
        if (j->left.count == 0) return DEAD;
    }
    return UNDECIDED;
}

/* True if the rule stays covered without one of its coverers. */
static bool can_do_without(struct judging *j, uint32_t without)
{
    struct region_budget budget = {.work = j->l->needed_work, .parts = PARTS_MAX};
    struct ir_product plain;
    struct region left;
    region_init(&left);
    region_add(&left, &j->p);
    for (uint32_t i = 0; i < j->used_count && left.count && !budget.spent; i++)
        if (i != without && may_cover(j, j->used[i], &plain)) region_minus(j->l->ir, &left, &plain, &budget);
    j->l->needed_work = budget.work;
    const bool yes = !budget.spent && left.count == 0;
    region_fini(&left);
    return yes;
}

/* Leave out covers that are not needed, later rules first. */
static void leave_out(struct judging *j)
{
    if (j->used_count > NEEDED_MAX) return;
    for (uint32_t tries = j->used_count; tries-- && j->l->needed_work;)
        if (can_do_without(j, tries)) {
            memmove(&j->used[tries], &j->used[tries + 1], (j->used_count - tries - 1) * sizeof(*j->used));
            j->used_count--;
        }
}

static void note_covers(struct judging *j)
{
    struct ir_rule *r = &j->l->ir->rules[j->rule];
    uint32_t *rules = arena_alloc(j->l->ir->arena, ((size_t)j->used_count + 1) * sizeof(*rules)), n = 0;
    qsort(j->used, j->used_count, sizeof(*j->used), order_u32);
    if (j->single == PBC_NONE) leave_out(j);
    for (uint32_t i = 0; i < j->used_count && j->single == PBC_NONE; i++) {
        const uint32_t rule = j->l->all.v[j->used[i]].rule;
        if (n == 0 || rules[n - 1] != rule) rules[n++] = rule;
    }
    if (j->single != PBC_NONE) rules[n++] = j->single;
    r->state = IR_SHADOWED;
    r->cover = rules[0];
    r->covers = rules;
    r->cover_count = n;
}

/* True if an earlier `do` that is not completely known may decide some of the product. */
static bool meets_tangled(const struct list *l, const struct ir_product *p)
{
    for (uint32_t i = 0; i < l->tangled_count; i++)
        if (ir_may_meet(l->ir, &l->ir->rules[l->tangled[i]].product, p)) return true;
    return false;
}

/* True if conditions on these fields may imply others that only computed products settle. */
static bool is_unsettled(const struct ir *ir, const struct ir_product *p)
{
    static const uint8_t fields[] = {IR_ETHER, IR_ND, IR_LENGTH, IR_SRC_MAC, IR_DST_MAC, IR_DURING};
    const struct ir_ranges what = ir_ranges(ir, p->field[IR_WHAT]);
    for (size_t i = 0; i < sizeof(fields); i++)
        if (p->field[fields[i]] != IR_ALL) return true;
    for (uint32_t i = 0; i < what.count; i++)
        if (what.r[i].lo < WHAT_IP6 || what.r[i].lo != what.r[i].hi || what_without_ah(what.r[i].lo) == WHAT_IP6 + 6)
            return false;
    return what.count <= 2;
}

static enum fate cover_judge(struct list *l, uint32_t rule)
{
    struct ir_rule *r = &l->ir->rules[rule];
    const uint64_t work = l->work < WORK_MAX ? l->work : WORK_MAX;
    struct judging j = {.l = l, .p = r->product, .rule = rule, .single = PBC_NONE};
    bool loose = false;
    j.budget = (struct region_budget){.work = work, .parts = PARTS_MAX};
    if (l->frames.field[IR_IFACE] != IR_ALL || is_unsettled(l->ir, &j.p)) {
        struct ir_product some;
        if (!product_and(l->ir, &r->product, &l->frames, &some, &loose)) return NEVER;
        if (!loose) j.p = some;
    }
    enum fate fate = cover_take_out(&j);
    l->work -= work - j.budget.work;
    l->candidates -= l->candidates < j.candidates ? l->candidates : j.candidates;
    if (fate == ALIVE && l->tangled_count && meets_tangled(l, &j.p)) fate = UNDECIDED;
    if (fate == DEAD) note_covers(&j);
    r->met = fate != DEAD && j.used_count;
    region_fini(&j.left);
    return fate;
}

/* Note a rule whose conditions no frame of the list meets, whatever is before it. */
static void note_never(const struct list *l, uint32_t rule)
{
    struct ir_rule *r = &l->ir->rules[rule];
    struct ir_product settled = r->product;
    r->elsewhere = product_settle(l->ir, &settled);
    r->state = IR_IMPOSSIBLE;
    for (enum ir_field f = 0; f < IR_FIELDS; f++) r->product.field[f] = IR_EMPTY;
}

uint32_t list_coverers(struct chains *s, uint32_t first, uint32_t count, struct coverers *all, uint32_t *tangled)
{
    uint32_t n = 0;
    all->count = 0;
    for (uint32_t i = first; i < first + count; i++) {
        const struct pbc_rule *r = &s->c->image->rules[i];
        if (s->c->ir->rules[i].state != IR_LIVE) continue;
        if (pbc_decides(r->verdict) || r->verdict == PBC_V_RETURN)
            coverers_add(all, &s->c->ir->rules[i].product, i);
        else if (r->verdict == PBC_V_DO && !chains_add(s, i, all))
            tangled[n++] = i;
    }
    return n;
}

static void judge_list(struct list *l, uint32_t first, uint32_t count, uint32_t *tangled)
{
    const uint32_t tangled_in_all = list_coverers(l->chains, first, count, &l->all, tangled);
    uint32_t next = 0;
    l->tangled = tangled;
    l->tangled_count = 0;
    l->index = cover_index_new(l->ir, &l->all);
    for (uint32_t i = first; i < first + count; i++) {
        if (l->ir->rules[i].state != IR_LIVE) continue;
        const enum fate fate = cover_judge(l, i);
        progress_done(i, l->c->image->rules_count);
        l->ir->undecided += fate == UNDECIDED;
        if (fate == NEVER) note_never(l, i);
        for (; next < l->all.count && l->all.v[next].rule == i; next++)
            if (fate == ALIVE || fate == UNDECIDED) cover_index_add(l->index, next);
        if (l->tangled_count < tangled_in_all && tangled[l->tangled_count] == i) l->tangled_count++;
    }
    cover_index_free(l->index);
}

/* Set the frames of the list: a firewall `on` an interface judges only frames of that interface. */
static void frames_of(struct list *l, const struct pbc_firewall *f)
{
    const struct image *img = l->c->image;
    struct pbc_range *on = arena_alloc(l->c->arena, (img->ifaces_count + 1) * sizeof(*on));
    product_all(&l->frames);
    if (!f || f->iface == PBC_NONE) return;
    const uint32_t count = image_ifaces_within(img, &f->iface, 1, on);
    l->frames.field[IR_IFACE] = ir_intern_ranges(l->ir, on, count, IFACE_ABSENT);
}

void find_covers(struct compile *c)
{
    const struct image *img = c->image;
    uint32_t *tangled = arena_alloc(c->arena, ((size_t)img->rules_count + 1) * sizeof(*tangled));
    struct chains chains;
    struct list l = {.c = c, .ir = c->ir, .chains = &chains, .needed_work = NEEDED_WORK};
    l.work = TOTAL_WORK_LEAST + (uint64_t)WORK_EACH * img->rules_count;
    l.candidates = CANDIDATES_LEAST + (uint64_t)CANDIDATES_SURE * img->rules_count;
    chains_init(&chains, c);
    for (uint32_t i = 0; i < img->chains_count; i++) {
        frames_of(&l, NULL);
        judge_list(&l, img->chains[i].rules, img->chains[i].rule_count, tangled);
    }
    for (uint32_t i = 0; i < img->firewalls_count; i++) {
        frames_of(&l, &img->firewalls[i]);
        judge_list(&l, img->firewalls[i].rules, img->firewalls[i].rule_count, tangled);
    }
    free(l.all.v);
    chains_fini(&chains);
}
