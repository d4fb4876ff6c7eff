/* Compute the frames that a chain decides, as products: those of its deciding rules, without frames that an earlier
 * `return` took, and those decided by chains that it calls. Long or tangled chains get only a part of them. */
#include <stdlib.h>

#include "compiler/analysis/rules/cover_priv.h"
#include "lang/heap.h"

enum {
    PARTS_MAX = 32,       /* parts of one rule, cut by `return`s */
    RETURNS_MAX = 64,     /* rules that return, compared with one rule */
    WORK_MAX = 1 << 20,   /* products and ranges looked at, all chains together */
    ROOM_LEAST = 1 << 14, /* products for all chains, plus a share by the number of rules */
};

void coverers_add(struct coverers *all, const struct ir_product *p, uint32_t rule)
{
    if (all->count == all->cap) {
        all->cap = all->cap ? all->cap * 2 : 2; /* small at first, because there may be a million chains */
        all->v = heap_resized(all->v, all->cap, sizeof(*all->v));
    }
    all->v[all->count++] = (struct coverer){*p, rule};
}

void chains_init(struct chains *s, struct compile *c)
{
    *s = (struct chains){.c = c, .room = ROOM_LEAST + 2 * (uint64_t)c->ir->rule_count};
    s->of = heap_zeroed(c->image->chains_count, sizeof(*s->of));
    s->budget = (struct region_budget){.work = WORK_MAX, .parts = PARTS_MAX};
}

void chains_fini(struct chains *s)
{
    for (uint32_t i = 0; i < s->c->image->chains_count; i++) free(s->of[i].decides.v);
    free(s->of);
}

/* The chain being computed */
struct entered {
    struct chains *s;
    struct chain_decides *d;
    struct region returns; /* may overlap; plain parts, so that they hold every frame that may return */
};

/* Add the product without frames that a `return` took. */
static void add_left(struct entered *e, const struct ir_product *p, uint32_t rule)
{
    struct region left;
    region_init(&left);
    region_add(&left, p);
    for (uint32_t i = 0; i < e->returns.count && left.count; i++)
        region_minus(e->s->c->ir, &left, &e->returns.p[i], &e->s->budget);
    e->d->partial |= e->s->budget.spent || left.count > e->s->room;
    for (uint32_t i = 0; i < left.count && !e->d->partial; i++, e->s->room--)
        coverers_add(&e->d->decides, &left.p[i], rule);
    region_fini(&left);
}

static void work_out(struct chains *s, uint32_t chain);

static void add_called(struct entered *e, uint32_t rule)
{
    const uint32_t chain = e->s->c->image->rules[rule].chain;
    const struct chain_decides *called = &e->s->of[chain];
    work_out(e->s, chain);
    e->d->partial |= called->partial;
    for (uint32_t i = 0; i < called->decides.count && !e->s->budget.spent && e->s->room; i++) {
        struct ir_product both;
        bool loose = false;
        if (!product_and(e->s->c->ir, &called->decides.v[i].p, &e->s->c->ir->rules[rule].product, &both, &loose))
            continue;
        if (!loose) add_left(e, &both, rule);
        e->d->partial |= loose;
    }
    e->d->partial |= e->s->budget.spent || !e->s->room;
}

static void work_out(struct chains *s, uint32_t chain)
{
    const struct pbc_chain *c = &s->c->image->chains[chain];
    struct entered e = {.s = s, .d = &s->of[chain]};
    struct ir_product plain;
    if (e.d->known) return;
    e.d->known = true;
    region_init(&e.returns);
    for (uint32_t i = c->rules; i < c->rules + c->rule_count && e.returns.count <= RETURNS_MAX; i++) {
        const struct ir_product *p = &s->c->ir->rules[i].product;
        const uint8_t verdict = s->c->image->rules[i].verdict;
        if (s->c->ir->rules[i].state != IR_LIVE) continue;
        if (verdict == PBC_V_DO) {
            add_called(&e, i);
        } else if (verdict == PBC_V_RETURN) {
            product_plain_part(s->c->ir, p, &plain);
            region_add(&e.returns, &plain);
        } else if (pbc_decides(verdict)) {
            add_left(&e, p, i);
        }
    }
    e.d->partial |= e.returns.count > RETURNS_MAX;
    region_fini(&e.returns);
}

bool chains_add(struct chains *s, uint32_t rule, struct coverers *out)
{
    const uint32_t chain = s->c->image->rules[rule].chain;
    const struct chain_decides *called = &s->of[chain];
    const struct ir_product *p = &s->c->ir->rules[rule].product;
    bool whole = true;
    work_out(s, chain);
    for (uint32_t i = 0; i < called->decides.count && s->room; i++) {
        struct ir_product both;
        bool loose = false;
        if (!product_and(s->c->ir, &called->decides.v[i].p, p, &both, &loose)) continue;
        whole = whole && !loose;
        if (loose) continue;
        coverers_add(out, &both, rule);
        s->room--;
    }
    return whole && !called->partial && s->room;
}
