/* Find the changes made by rules without a twin. Each such rule is a seed: its packets go down both lists at once, item
 * by item, in an order that suits both. A part that twins decide on both sides is dropped on the way; a part left at
 * the end met different rules, or defaults.
 *
 * If a rule asks for something that isn't a set of values, packets may match it or not. Twins give both sides the
 * same answer; for other rules both answers are followed, and the change is reported as one that may be. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "compiler/analysis/directions.h"
#include "compiler/progress.h"
#include "lang/heap.h"

enum {
    PARTS_MAX = 1 << 16,  /* parts of a seed at once */
    WORK_OF_PART = 64,    /* cost of making a part, in products looked at */
    HULLS_AT_ONCE = 16,   /* hulls compared for the price of a product */
    WORK_LEAST = 1 << 18, /* least work for each seed, while work is left */
};

/* Bounds of items, to find quickly those that a seed's packets may meet: the least ranges of addresses and ports around
 * each. Most rules of a long list are about other hosts. */
struct hull {
    uint32_t src_lo, src_hi, dst_lo, dst_hi;
    uint16_t port_lo, port_hi;
    uint8_t kinds;
};

enum { OTHER_FRAMES = 4 }; /* beside IR_V4 and IR_V6 */

/* Return bounds of the addresses' upper 32 bits, in one family. */
static void addr_hull(const struct ir *ir, uint32_t others, uint32_t own, unsigned families, uint32_t *lo, uint32_t *hi)
{
    const struct ir_addrs *const sets[] = {ir_addrs(ir, others), ir_addrs(ir, own)};
    *lo = UINT32_MAX;
    *hi = 0;
    for (unsigned i = 0; i < 2; i++) {
        const struct ir_addrs *a = sets[i];
        const bool v4 = families == IR_V4, some = v4 ? a->count4 : a->count6;
        if (!some) continue;
        const uint32_t first = v4 ? a->r4[0].lo : (uint32_t)(a->r6[0].lo_hi >> 32);
        const uint32_t last = v4 ? a->r4[a->count4 - 1].hi : (uint32_t)(a->r6[a->count6 - 1].hi_hi >> 32);
        if (first < *lo) *lo = first;
        if (last > *hi) *hi = last;
    }
}

static struct hull hull_of(const struct ir *ir, const struct ir_product *p)
{
    const uint32_t what = p->field[IR_WHAT], ports = p->field[IR_DPORT];
    const unsigned families = ir_families(ir, p);
    struct hull h = {.src_hi = UINT32_MAX, .dst_hi = UINT32_MAX, .port_hi = 65535, .kinds = (uint8_t)families};
    if (ir_ranges_have(ir, what, WHAT_ARP) || ir_ranges_have(ir, what, WHAT_OTHER)) h.kinds |= OTHER_FRAMES;
    if (h.kinds == IR_V4 || h.kinds == IR_V6) {
        addr_hull(ir, p->field[IR_SRC], p->field[IR_SRC_SELF], families, &h.src_lo, &h.src_hi);
        addr_hull(ir, p->field[IR_DST], p->field[IR_DST_SELF], families, &h.dst_lo, &h.dst_hi);
    }
    if (ports != IR_ALL && ports != IR_EMPTY) {
        const struct ir_ranges r = ir_ranges(ir, ports);
        h.port_lo = (uint16_t)r.r[0].lo;
        h.port_hi = (uint16_t)r.r[r.count - 1].hi;
    }
    return h;
}

/* False if the hulls certainly share no packet. */
static bool hulls_meet(const struct hull *a, const struct hull *b)
{
    return (a->kinds & b->kinds) && a->dst_lo <= b->dst_hi && b->dst_lo <= a->dst_hi && a->src_lo <= b->src_hi &&
           b->src_lo <= a->src_hi && a->port_lo <= b->port_hi && b->port_lo <= a->port_hi;
}

/* Packets with the same history so far */
struct part {
    struct ir_product p;
    uint32_t from[SIDES]; /* the next item that they can meet, at the earliest */
    uint32_t rule[SIDES]; /* rule that decided, in the image of both; PBC_NONE: none yet */
    bool maybe, behind;   /* as in struct change */
};
struct parts {
    struct part *v;
    uint32_t count, cap;
};

/* Items of both lists in one order: twins together, other items before the twins that follow them */
struct meeting {
    uint32_t at[SIDES]; /* items; PBC_NONE: none on that side */
    struct hull hull;
};

struct comparison {
    struct diff *d;
    const struct judges *judges;
    struct items lists[SIDES];
    struct meeting *meetings;
    uint32_t meeting_count;
    struct parts now, next;
    struct region_budget budget;
};

static void part_keep(struct parts *to, const struct part *like, const struct ir_product *p)
{
    to->v = heap_grown(to->v, (size_t)to->count + 1, sizeof(*to->v), &to->cap);
    to->v[to->count] = *like;
    to->v[to->count++].p = *p;
}

static void spend(struct comparison *c, uint64_t work)
{
    c->budget.spent = c->budget.spent || c->d->c.ir->too_large;
    region_spend(&c->budget, work);
}

/* Return the sides, as bits, on which the part meets an item at `at` (PBC_NONE: no item). */
static unsigned sides_that_meet(const struct part *part, const uint32_t at[SIDES])
{
    unsigned sides = 0;
    for (unsigned s = 0; s < SIDES; s++)
        if (at[s] != PBC_NONE && part->rule[s] == PBC_NONE && part->from[s] <= at[s]) sides |= 1u << s;
    return sides;
}

/* Keep packets of `p` as having matched the item on these sides. */
static void matched(struct comparison *c, const struct part *part, const struct ir_product *p, unsigned sides,
                    const uint32_t at[SIDES], bool maybe)
{
    struct part then = *part;
    for (unsigned s = 0; s < SIDES; s++) {
        if (!(sides >> s & 1)) continue;
        const struct item *it = &c->lists[s].item[at[s]];
        if (it->skip)
            then.from[s] = it->skip;
        else
            then.rule[s] = it->rule;
    }
    then.maybe |= maybe;
    if (sides == 3 && then.rule[OLD] != PBC_NONE) return; /* twins: both sides treat it alike */
    part_keep(&c->next, &then, p);
}

/* Keep, unchanged, the packets of the part that are outside of `b`. */
static void keep_outside(struct comparison *c, const struct part *part, const struct ir_product *b)
{
    struct region rest = {0};
    region_add(&rest, &part->p);
    region_minus(c->d->c.ir, &rest, b, &c->budget);
    for (uint32_t i = 0; i < rest.count && !c->budget.spent; i++) part_keep(&c->next, part, &rest.p[i]);
    region_fini(&rest);
}

static void meet(struct comparison *c, const struct part *part, const struct item *it, unsigned sides,
                 const uint32_t at[SIDES])
{
    struct ir *ir = c->d->c.ir;
    struct ir_product both, plain, in;
    bool loose = it->loose;
    if (!product_and(ir, &part->p, it->product, &both, &loose)) {
        part_keep(&c->next, part, &part->p);
        return;
    }
    spend(c, WORK_OF_PART);
    if (!loose && product_plain_beside(ir, it->product, &part->p, &plain)) {
        matched(c, part, &both, sides, at, false);
        keep_outside(c, part, &plain);
        return;
    }
    product_plain_part(ir, it->product, &plain);
    struct part negated = *part;
    negated.maybe |= sides != 3;
    negated.behind = true;
    matched(c, part, &both, sides, at, sides != 3);
    bool in_loose = false;
    if (product_and(ir, &part->p, &plain, &in, &in_loose)) part_keep(&c->next, &negated, &in);
    keep_outside(c, part, &plain);
}

static const struct item *item_at(const struct comparison *c, const uint32_t at[SIDES])
{
    return at[OLD] != PBC_NONE ? &c->lists[OLD].item[at[OLD]] : &c->lists[NEW].item[at[NEW]];
}

/* Let all parts meet one item, or twins. */
static void both_step(struct comparison *c, const uint32_t at[SIDES])
{
    const struct item *it = item_at(c, at);
    struct parts *now = &c->now;
    uint32_t i = 0;
    spend(c, now->count);
    for (; i < now->count; i++)
        if (sides_that_meet(&now->v[i], at) && ir_may_meet(c->d->c.ir, &now->v[i].p, it->product)) break;
    if (i == now->count) return;
    c->next.count = 0;
    for (uint32_t k = 0; k < now->count && !c->budget.spent; k++) {
        const unsigned sides = sides_that_meet(&now->v[k], at);
        if (k < i || !sides)
            part_keep(&c->next, &now->v[k], &now->v[k].p);
        else
            meet(c, &now->v[k], it, sides, at);
    }
    c->budget.spent = c->budget.spent || c->next.count > c->budget.parts;
    const struct parts done = *now;
    *now = c->next;
    c->next = done;
}

static bool next_items(const struct comparison *c, uint32_t done[SIDES], uint32_t at[SIDES])
{
    at[OLD] = at[NEW] = PBC_NONE;
    for (unsigned s = 0; s < SIDES; s++)
        if (done[s] < c->lists[s].count && c->lists[s].item[done[s]].twin == PBC_NONE) {
            at[s] = done[s]++;
            return true;
        }
    if (done[OLD] == c->lists[OLD].count) return false;
    at[OLD] = done[OLD]++;
    at[NEW] = done[NEW]++;
    return true;
}

static void make_meetings(struct comparison *c)
{
    uint32_t done[SIDES] = {0}, cap = 0, at[SIDES];
    while (next_items(c, done, at)) {
        c->meetings = heap_grown(c->meetings, (size_t)c->meeting_count + 1, sizeof(*c->meetings), &cap);
        c->meetings[c->meeting_count++] =
            (struct meeting){{at[OLD], at[NEW]}, hull_of(c->d->c.ir, item_at(c, at)->product)};
    }
}

/* Kinds of frames that have separate defaults, in the order of changes */
static const enum frame_kind default_kinds[] = {FRAMES_IP, FRAMES_ARP, FRAMES_OTHER};
enum { DEFAULT_KINDS = sizeof(default_kinds) / sizeof(default_kinds[0]) };

static struct outcome default_outcome(const struct diff *d, uint32_t firewall, const struct ir_product *p)
{
    const struct pbc_firewall *f = firewall == PBC_NONE ? NULL : &d->c.image->firewalls[firewall];
    struct outcome o = {.verdict = f ? f->default_verdict : (uint8_t)PBC_V_ACCEPT};
    if (ir_ranges_have(d->c.ir, p->field[IR_WHAT], WHAT_ARP)) o.verdict = OUT_PASS;
    if (f && f->other != PBC_OTHER_DEFAULT && ir_ranges_have(d->c.ir, p->field[IR_WHAT], WHAT_OTHER))
        o.verdict = f->other == PBC_OTHER_PASS ? OUT_PASS : PBC_V_DROP;
    return o;
}

static struct decider decider_of(const struct comparison *c, const struct part *part, unsigned s,
                                 const struct ir_product *p)
{
    const uint32_t rule = part->rule[s], firewall = c->judges->firewall[s];
    if (rule != PBC_NONE) return (struct decider){rule, firewall, outcome_of(c->d, rule, p)};
    return (struct decider){firewall == PBC_NONE ? RULE_NONE : RULE_DEFAULT, firewall,
                            default_outcome(c->d, firewall, p)};
}

/* Record a part at the end of both lists. */
static void part_finish(struct comparison *c, const struct part *part)
{
    uint32_t active;
    if (!time_of(c->d, &part->p, &active)) return;
    for (unsigned k = 0; k < DEFAULT_KINDS; k++) {
        struct ir *ir = c->d->c.ir;
        const uint32_t what = frames_of_kind(ir, default_kinds[k]).field[IR_WHAT];
        struct ir_product p = part->p;
        p.field[IR_WHAT] = ir_ranges_and(ir, p.field[IR_WHAT], what, WHAT_MOST);
        if (p.field[IR_WHAT] == IR_EMPTY) continue;
        const struct decider by[SIDES] = {decider_of(c, part, OLD, &p), decider_of(c, part, NEW, &p)};
        change_add(c->d, by, &p, c->judges->dirs, part->maybe, part->behind);
    }
}

/* Send the seed's packets, all of them in `product`, down both lists. False: too many parts, or too much work. */
static bool send(struct comparison *c, const struct ir_product *product, const struct region *seed, uint64_t work)
{
    const struct hull hull = hull_of(c->d->c.ir, product);
    c->budget = (struct region_budget){.work = work, .parts = PARTS_MAX};
    c->now.count = 0;
    for (uint32_t i = 0; i < seed->count; i++) {
        const struct part part = {.rule = {PBC_NONE, PBC_NONE}};
        part_keep(&c->now, &part, &seed->p[i]);
    }
    spend(c, c->meeting_count / HULLS_AT_ONCE);
    for (uint32_t i = 0; i < c->meeting_count && c->now.count && !c->budget.spent; i++)
        if (hulls_meet(&hull, &c->meetings[i].hull)) both_step(c, c->meetings[i].at);
    for (uint32_t i = 0; i < c->now.count && !c->budget.spent; i++) part_finish(c, &c->now.v[i]);
    return !c->budget.spent;
}

/* Packets of earlier seeds, so that none is sent twice */
struct sent {
    struct sent_seed {
        struct ir_product p;
        struct hull hull;
    } * v;
    uint32_t count, cap;
};

/* Fill `out` with the seed's packets that no earlier seed had; false if the budget is spent. */
static bool seed_region(struct comparison *c, const struct ir_product *seed, const struct sent *sent, uint64_t work,
                        struct region *out)
{
    const struct region *frames = &c->judges->frames;
    const struct hull hull = hull_of(c->d->c.ir, seed);
    bool loose = false;
    c->budget = (struct region_budget){.work = work, .parts = PARTS_MAX};
    for (uint32_t i = 0; i < frames->count; i++) {
        struct ir_product p;
        if (product_and(c->d->c.ir, &frames->p[i], seed, &p, &loose)) region_add(out, &p);
    }
    spend(c, sent->count / HULLS_AT_ONCE);
    for (uint32_t i = 0; i < sent->count && out->count && !c->budget.spent; i++) {
        const struct sent_seed *before = &sent->v[i];
        bool meets = false;
        if (!hulls_meet(&hull, &before->hull)) continue;
        spend(c, out->count);
        for (uint32_t k = 0; k < out->count && !meets; k++) meets = ir_may_meet(c->d->c.ir, &out->p[k], &before->p);
        if (meets) region_minus(c->d->c.ir, out, &before->p, &c->budget);
    }
    return !c->budget.spent;
}

/* Send one seed. The `left` seeds that remain, with this one, share the work. */
static bool sow(struct comparison *c, const struct ir_product *product, struct sent *sent, uint32_t left)
{
    struct diff *d = c->d;
    struct ir_product plain;
    struct region seed = {0};
    const uint64_t share = d->work / left > WORK_LEAST ? d->work / left : d->work < WORK_LEAST ? d->work : WORK_LEAST;
    product_plain_part(d->c.ir, product, &plain);
    bool good = share && seed_region(c, &plain, sent, share, &seed);
    uint64_t after = share ? c->budget.work : 0;
    if (good && seed.count) {
        good = send(c, &plain, &seed, after);
        after = c->budget.work;
    }
    region_fini(&seed);
    d->work -= share - after;
    if (!good) return false;
    sent->v = heap_grown(sent->v, (size_t)sent->count + 1, sizeof(*sent->v), &sent->cap);
    sent->v[sent->count++] = (struct sent_seed){plain, hull_of(d->c.ir, &plain)};
    return true;
}

/* True if the defaults differ for this kind of frames; *p: its packets, which become a seed. */
static bool defaults_differ(struct comparison *c, unsigned kind, struct ir_product *p)
{
    *p = frames_of_kind(c->d->c.ir, default_kinds[kind]);
    const struct outcome was = default_outcome(c->d, c->judges->firewall[OLD], p);
    const struct outcome now = default_outcome(c->d, c->judges->firewall[NEW], p);
    return was.verdict != now.verdict;
}

static uint32_t count_seeds(struct comparison *c)
{
    struct ir_product p;
    uint32_t n = 1;
    for (unsigned s = 0; s < SIDES; s++)
        for (uint32_t i = 0; i < c->lists[s].count; i++) n += c->lists[s].item[i].twin == PBC_NONE;
    for (unsigned k = 0; k < DEFAULT_KINDS; k++) n += defaults_differ(c, k, &p);
    return n;
}

static void sow_all(struct comparison *c)
{
    const uint32_t all = count_seeds(c);
    uint32_t left = all;
    struct sent sent = {0};
    struct ir_product p;
    for (uint32_t i = 0; i < c->meeting_count; i++) {
        const uint32_t *at = c->meetings[i].at;
        const unsigned s = at[OLD] == PBC_NONE ? NEW : OLD;
        if (at[OLD] != PBC_NONE && at[NEW] != PBC_NONE) continue;
        progress_done(all - left, all);
        const struct item *it = item_at(c, at);
        if (!sow(c, it->product, &sent, left--)) undecided_add(c->d, s, it->rule, c->judges->firewall[s]);
    }
    for (unsigned k = 0; k < DEFAULT_KINDS; k++)
        if (defaults_differ(c, k, &p) && !sow(c, &p, &sent, left--))
            undecided_add(c->d, NEW, RULE_DEFAULT, c->judges->firewall[NEW]);
    free(sent.v);
}

void compare_lists(struct diff *d, const struct judges *j)
{
    struct comparison c = {.d = d, .judges = j};
    for (unsigned s = 0; s < SIDES; s++) flatten(d, j->firewall[s], &c.lists[s]);
    if (c.lists[OLD].too_many || c.lists[NEW].too_many) {
        undecided_add(d, NEW, RULE_NONE, j->firewall[NEW]);
    } else {
        align(d, c.lists);
        make_meetings(&c);
        sow_all(&c);
    }
    for (unsigned s = 0; s < SIDES; s++) free(c.lists[s].item);
    free(c.meetings);
    free(c.now.v);
    free(c.next.v);
}
