/* A region of frames on its way down the rule list (rule_walk.h). Frames that no rule has decided yet are in two
 * parts: certain frames, and frames that an earlier rule may have taken by a condition that isn't a set of values.
 * Such a rule leaves the frames that it could take in the second part; everything decided later from that part is
 * reported as uncertain. */
#include "compiler/analysis/rule_walk.h"

#include "compiler/analysis/directions.h"
#include "compiler/compiler.h"
#include "compiler/normal/flows_over.h"

struct parts {
    struct region sure, maybe;
    uint32_t before; /* the condition by which a rule may have taken the frames of `maybe` */
};

struct walk {
    struct compile *c;
    const struct given *given;
    struct region_budget *budget;
    judged_fn *fn;
    void *arg;
    enum pbc_direction direction;
    uint32_t firewall;
    bool ended; /* fn ended the walk */
};

/* Frames that a rule takes, as far as a walk can compute them */
struct taker {
    struct ir_product exact; /* frames that it matches, by a product; part of `plain` */
    struct ir_product plain; /* all frames that it may match */
    bool open;               /* the rule matches some of them, and others not */
    uint32_t asks;
};

static void parts_init(struct parts *p)
{
    region_init(&p->sure);
    region_init(&p->maybe);
    p->before = PBC_NONE;
}

static void parts_fini(struct parts *p)
{
    region_fini(&p->sure);
    region_fini(&p->maybe);
}

static void add_all(struct region *to, const struct region *from)
{
    for (uint32_t i = 0; i < from->count; i++) region_add(to, &from->p[i]);
}

static void parts_add(struct parts *to, const struct parts *from)
{
    add_all(&to->sure, &from->sure);
    add_all(&to->maybe, &from->maybe);
    if (from->maybe.count) to->before = from->before;
}

static bool walk_is_over(struct walk *w)
{
    if (w->c->ir->too_large) w->budget->spent = true;
    return w->ended || w->budget->spent;
}

enum answer { ANSWER_NO, ANSWER_OPEN, ANSWER_YES };

static enum answer least_answer(enum answer a, enum answer b) { return a < b ? a : b; }

static bool has_small_burst(const struct pbc_meter *m) { return m->unit == PBC_METER_BYTES && m->burst < 65535; }

static enum answer meters_say(const struct walk *w, const struct ir_product *p)
{
    const struct ir_patterns asked = ir_patterns(w->c->ir, p->field[IR_METERS]);
    enum answer a = ANSWER_YES;
    if (p->field[IR_METERS] == IR_ALL) return ANSWER_YES;
    for (uint32_t i = 0; i < asked.count; i++) {
        const uint8_t is = w->given->meters[asked.pattern[i] / 2];
        const uint8_t wanted = asked.pattern[i] & 1 ? GIVEN_WITHIN : GIVEN_OVER;
        const bool some =
            is == wanted || (is == GIVEN_WITHIN && has_small_burst(&w->c->image->meters[asked.pattern[i] / 2]));
        a = least_answer(a, is == GIVEN_OPEN ? ANSWER_OPEN : some ? ANSWER_YES : ANSWER_NO);
    }
    return a;
}

static enum answer flows_say(const struct walk *w, const struct ir_product *p)
{
    struct flows_demand d[PBC_GRAINS_MAX];
    const uint32_t n = flows_demands(w->c->ir, p->field[IR_FLOWS], d);
    for (uint32_t i = 0; i < n; i++)
        if (d[i].over) return ANSWER_NO;
    return ANSWER_YES;
}

/* Narrow the lengths by meters: a packet larger than the burst is always over. If a meter is not exceeded, `over`
 * holds only for such packets. */
static void narrow_by_bursts(const struct walk *w, struct ir_product *p)
{
    const struct ir_patterns asked = ir_patterns(w->c->ir, p->field[IR_METERS]);
    for (uint32_t i = 0; i < asked.count; i++) {
        const struct pbc_meter *m = &w->c->image->meters[asked.pattern[i] / 2];
        const bool within = asked.pattern[i] & 1;
        const uint32_t burst = m->burst < 65535 ? (uint32_t)m->burst : 65535;
        const struct pbc_range r = within ? (struct pbc_range){0, burst} : (struct pbc_range){burst + 1, 65535};
        if (has_small_burst(m) && w->given->meters[asked.pattern[i] / 2] == GIVEN_WITHIN)
            p->field[IR_LENGTH] =
                ir_ranges_and(w->c->ir, p->field[IR_LENGTH], ir_intern_ranges(w->c->ir, &r, 1, 65535), 65535);
    }
}

/* Return YES if the rule applies while the given schedules are active, else NO. */
static enum answer schedules_say(const struct walk *w, const struct ir_product *p)
{
    const uint32_t during = p->field[IR_DURING], outside = p->field[IR_NOT_DURING];
    if (during && !(during & w->given->schedules)) return ANSWER_NO;
    return outside & w->given->schedules ? ANSWER_NO : ANSWER_YES;
}

static bool is_open(const struct walk *w, const struct ir_product *p, uint8_t kind)
{
    switch ((enum cond_kind)kind) {
    case COND_BYTES: return p->field[IR_BYTES] != IR_ALL;
    case COND_OVER:
    case COND_WITHIN: return meters_say(w, p) == ANSWER_OPEN;
    case COND_FLOWS_OVER: return flows_say(w, p) == ANSWER_OPEN;
    default: return false;
    }
}

/* Return the first condition that a walk can't compute. */
static uint32_t open_cond(const struct walk *w, uint32_t rule)
{
    const struct pbc_rule *r = &w->c->image->rules[rule];
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++)
        if (is_open(w, &w->c->ir->rules[rule].product, w->c->image->conds[i].kind)) return i;
    return PBC_NONE;
}

/* Compute the frames that the rule takes. False: none. */
static bool taker_of(const struct walk *w, uint32_t rule, struct taker *t)
{
    const struct ir *ir = w->c->ir;
    struct ir_product *p = &t->exact;
    *p = ir->rules[rule].product;
    if (!product_in_direction(w->c->ir, p, w->direction)) return false;
    const enum answer meters = meters_say(w, p), flows = flows_say(w, p), schedules = schedules_say(w, p);
    if (meters == ANSWER_NO || flows == ANSWER_NO || schedules == ANSWER_NO) return false;
    if (meters == ANSWER_YES && p->field[IR_METERS] != IR_ALL) {
        narrow_by_bursts(w, p);
        p->field[IR_METERS] = IR_ALL;
        if (p->field[IR_LENGTH] == IR_EMPTY) return false;
    }
    if (flows == ANSWER_YES) p->field[IR_FLOWS] = IR_ALL;
    if (schedules == ANSWER_YES) p->field[IR_DURING] = p->field[IR_NOT_DURING] = 0;
    t->open = !product_is_plain(ir, p);
    t->plain = *p;
    if (t->open) product_plain_part(ir, p, &t->plain);
    t->asks = t->open ? open_cond(w, rule) : PBC_NONE;
    return true;
}

/* Move the region's frames that are in the product to `hits`. */
static void product_take(struct walk *w, struct region *from, const struct ir_product *p, struct region *hits)
{
    const uint32_t before = hits->count;
    struct ir_product both;
    bool loose = false;
    for (uint32_t i = 0; i < from->count && !w->budget->spent; i++) {
        region_spend(w->budget, 1);
        if (!ir_may_meet(w->c->ir, &from->p[i], p) || !product_and(w->c->ir, &from->p[i], p, &both, &loose)) continue;
        region_add(hits, &both);
    }
    if (hits->count > before) region_minus(w->c->ir, from, p, w->budget);
}

static void tell_region(struct walk *w, const struct region *r, const struct taker *t, struct judged j)
{
    bool loose;
    for (uint32_t i = 0; i < r->count; i++) {
        loose = false;
        if (!t->open)
            j.product = r->p[i];
        else if (!product_and(w->c->ir, &r->p[i], &t->exact, &j.product, &loose))
            continue;
        if (!walk_is_over(w) && !w->fn(w->arg, &j)) w->ended = true;
    }
}

/* Report frames that the rule decides. through: condition of a `do` on the way that may have failed, or PBC_NONE. */
static void tell_rule(struct walk *w, uint32_t rule, const struct taker *t, const struct parts *hits, uint32_t through)
{
    struct judged j = {.firewall = w->firewall,
                       .rule = rule,
                       .action = action_said(w->c->image->rules[rule].verdict),
                       .maybe = t->open || through != PBC_NONE,
                       .asks = t->open ? t->asks : through,
                       .before = PBC_NONE};
    tell_region(w, &hits->sure, t, j);
    j.behind_maybe = true;
    j.before = hits->before;
    tell_region(w, &hits->maybe, t, j);
}

/* Places for frames that a rule took and did not decide */
struct way {
    struct parts *left, *returned;
    uint32_t through;
};

static void walk_rules(struct walk *w, uint32_t first, uint32_t count, const struct way *way);

/* Keep as `maybe` the frames that the rule may or may not have taken. */
static void leave_open(struct parts *left, const struct taker *t, const struct parts *hits)
{
    add_all(&left->maybe, &hits->sure);
    add_all(&left->maybe, &hits->maybe);
    left->before = t->asks;
}

static void walk_into_chain(struct walk *w, uint32_t chain, const struct taker *t, const struct parts *hits,
                            const struct way *way)
{
    const struct pbc_chain *c = &w->c->image->chains[chain];
    struct parts inside, returned;
    const struct way down = {&inside, &returned, t->open ? t->asks : way->through};
    parts_init(&inside);
    parts_init(&returned);
    inside.before = hits->before;
    parts_add(&inside, hits);
    walk_rules(w, c->rules, c->rule_count, &down);
    if (t->open) {
        leave_open(way->left, t, hits); /* including frames that the chain did not decide */
    } else {
        parts_add(way->left, &inside);
        parts_add(way->left, &returned);
    }
    parts_fini(&returned);
    parts_fini(&inside);
}

static void walk_rule(struct walk *w, uint32_t rule, const struct way *way)
{
    const struct pbc_rule *r = &w->c->image->rules[rule];
    struct taker t;
    struct parts hits;
    if (!taker_of(w, rule, &t)) return;
    parts_init(&hits);
    hits.before = way->left->before;
    product_take(w, &way->left->sure, &t.plain, &hits.sure);
    product_take(w, &way->left->maybe, &t.plain, &hits.maybe);
    if (walk_is_over(w) || hits.sure.count + hits.maybe.count == 0) {
        parts_fini(&hits);
        return;
    }
    if (r->verdict == PBC_V_DO) {
        walk_into_chain(w, r->chain, &t, &hits, way);
    } else {
        if (r->verdict == PBC_V_RETURN && t.open)
            leave_open(way->returned, &t, &hits);
        else if (r->verdict == PBC_V_RETURN)
            parts_add(way->returned, &hits);
        else
            tell_rule(w, rule, &t, &hits, way->through);
        if (t.open) leave_open(way->left, &t, &hits);
    }
    parts_fini(&hits);
}

static bool passes_on(uint8_t verdict)
{
    return verdict == PBC_V_COUNT || verdict == PBC_V_LOG || verdict == PBC_V_MIRROR || verdict == PBC_V_ADD;
}

static void walk_rules(struct walk *w, uint32_t first, uint32_t count, const struct way *way)
{
    for (uint32_t i = first; i < first + count && !walk_is_over(w); i++) {
        if (way->left->sure.count + way->left->maybe.count == 0) return;
        region_spend(w->budget, 1);
        if (w->c->ir->rules[i].state == IR_LIVE && !passes_on(w->c->image->rules[i].verdict)) walk_rule(w, i, way);
    }
}

static const struct taker certain = {.asks = PBC_NONE};

/* Report frames of the kind that no rule decided. f: the firewall that judges them; NULL: none. */
static void tell_rest(struct walk *w, const struct pbc_firewall *f, const struct parts *left, enum frame_kind kind)
{
    const bool judged = f && kind != FRAMES_ARP;
    struct judged j = {.firewall = judged ? w->firewall : PBC_NONE,
                       .rule = judged ? RULE_DEFAULT : RULE_NONE,
                       .action = default_action(f, kind),
                       .asks = PBC_NONE};
    const struct ir_product of_kind = frames_of_kind(w->c->ir, kind);
    const struct region *regions[] = {&left->sure, &left->maybe};
    for (unsigned i = 0; i < 2; i++) {
        struct region some;
        bool loose = false;
        struct ir_product both;
        region_init(&some);
        for (uint32_t k = 0; k < regions[i]->count; k++)
            if (product_and(w->c->ir, &regions[i]->p[k], &of_kind, &both, &loose)) region_add(&some, &both);
        j.behind_maybe = i == 1;
        j.before = i == 1 ? left->before : PBC_NONE;
        tell_region(w, &some, &certain, j);
        region_fini(&some);
    }
}

static void tell_default(struct walk *w, const struct pbc_firewall *f, const struct parts *left)
{
    tell_rest(w, f, left, FRAMES_IP);
    tell_rest(w, f, left, FRAMES_OTHER);
    tell_rest(w, f, left, FRAMES_ARP);
}

static void walk_firewall(struct walk *w, uint32_t firewall, struct parts *left)
{
    const struct pbc_firewall *f = &w->c->image->firewalls[firewall];
    struct parts returned; /* stays empty: a firewall has no `return` */
    const struct way way = {left, &returned, PBC_NONE};
    parts_init(&returned);
    w->firewall = firewall;
    walk_rules(w, f->rules, f->rule_count, &way);
    if (!walk_is_over(w)) tell_default(w, f, left);
    parts_fini(&returned);
}

/* Walk the first firewall `on` each interface with its frames, then the first firewall without `on` with the rest. */
static void walk_firewalls(struct walk *w, enum pbc_direction d, struct parts *all)
{
    const struct image *img = w->c->image;
    const struct iface_table ifaces = image_ifaces(img);
    const uint32_t general = firewall_find(&ifaces, img->firewalls, img->firewalls_count, d, IFACE_ABSENT);
    for (uint32_t i = 0; i < img->firewalls_count && !walk_is_over(w); i++) {
        const struct pbc_firewall *f = &img->firewalls[i];
        struct parts here;
        if (!firewall_judges(f, d) || f->iface == PBC_NONE) continue;
        const struct ir_product on = frames_on(w->c, i, d);
        parts_init(&here);
        product_take(w, &all->sure, &on, &here.sure);
        if (here.sure.count) walk_firewall(w, i, &here);
        parts_fini(&here);
    }
    if (walk_is_over(w)) return;
    if (general == PBC_NONE)
        tell_default(w, NULL, all);
    else
        walk_firewall(w, general, all);
}

bool walk_region(struct compile *c, const struct ir_product *q, enum pbc_direction direction, const struct given *given,
                 struct region_budget *budget, judged_fn *fn, void *arg)
{
    struct walk w = {
        .c = c, .given = given, .direction = direction, .budget = budget, .fn = fn, .arg = arg, .firewall = PBC_NONE};
    struct parts all;
    parts_init(&all);
    frames_in_direction(c, q, direction, budget, &all.sure);
    if (!walk_is_over(&w)) walk_firewalls(&w, direction, &all);
    parts_fini(&all);
    return w.ended || !budget->spent;
}
