/* Collect differences by the pair of rules or defaults that decide: one change for each pair, whatever its parts */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"

/* Return how much a verdict lets through. Opening a tunnel lets in those of its packets that the rules let in. */
static unsigned openness(uint8_t verdict)
{
    if (verdict == OUT_PASS || verdict_is(verdict, VERDICT_LETS_IN)) return 2;
    return verdict_is(verdict, VERDICT_OPENS);
}

/* True if packets can't distinguish the outcomes. */
static bool alike(const struct outcome *a, const struct outcome *b)
{
    if (openness(a->verdict) == 2) return openness(b->verdict) == 2;
    return a->verdict == b->verdict && a->answer == b->answer && a->port == b->port;
}

/* Hash the key of a change. It contains the directions, since one example stands for all of the change's packets. */
static uint64_t key_hash(const struct decider by[SIDES], uint8_t dirs, bool maybe)
{
    uint64_t h = (uint64_t)dirs << 1 | maybe;
    for (unsigned s = 0; s < SIDES; s++) {
        const uint64_t parts[] = {by[s].rule, by[s].firewall,
                                  (uint64_t)by[s].outcome.verdict << 8 | by[s].outcome.answer};
        for (unsigned i = 0; i < 3; i++) {
            h = (h ^ parts[i]) * 0xff51afd7ed558ccdu;
            h ^= h >> 29;
        }
    }
    return h;
}

static bool same_decider(const struct decider *a, const struct decider *b)
{
    return a->rule == b->rule && a->firewall == b->firewall && a->outcome.verdict == b->outcome.verdict &&
           a->outcome.answer == b->outcome.answer;
}

static void grow_slots(struct diff *d)
{
    const uint32_t size = d->slot_count ? d->slot_count * 2 : 64;
    free(d->slots);
    d->slots = heap_zeroed(size, sizeof(*d->slots));
    d->slot_count = size;
    for (uint32_t i = 0; i < d->change_count; i++) {
        uint64_t at = key_hash(d->changes[i].by, d->changes[i].dirs, d->changes[i].maybe);
        while (d->slots[at & (size - 1)]) at++;
        d->slots[at & (size - 1)] = i + 1;
    }
}

static struct change *change_of(struct diff *d, const struct decider by[SIDES], uint8_t dirs, bool maybe)
{
    d->changes = heap_grown(d->changes, (size_t)d->change_count + 1, sizeof(*d->changes), &d->change_cap);
    if (d->change_count * 2 >= d->slot_count) grow_slots(d);
    for (uint64_t at = key_hash(by, dirs, maybe);; at++) {
        uint32_t *slot = &d->slots[at & (d->slot_count - 1)];
        struct change *c;
        if (!*slot) {
            *slot = d->change_count + 1;
            c = &d->changes[d->change_count++];
            *c = (struct change){.by = {by[OLD], by[NEW]}, .dirs = dirs, .maybe = maybe};
            return c;
        }
        c = &d->changes[*slot - 1];
        if (c->maybe == maybe && c->dirs == dirs && same_decider(&c->by[OLD], &by[OLD]) &&
            same_decider(&c->by[NEW], &by[NEW]))
            return c;
    }
}

void change_add(struct diff *d, const struct decider by[SIDES], const struct ir_product *p, uint8_t dirs, bool maybe,
                bool behind)
{
    const unsigned was = openness(by[OLD].outcome.verdict), now = openness(by[NEW].outcome.verdict);
    if (alike(&by[OLD].outcome, &by[NEW].outcome)) return;
    struct change *c = change_of(d, by, dirs, maybe);
    c->kind = now > was ? DIFF_WIDENED : now < was ? DIFF_NARROWED : DIFF_OTHER;
    c->behind |= behind;
    region_add(&c->region, p);
}

void undecided_add(struct diff *d, unsigned side, uint32_t rule, uint32_t firewall)
{
    d->undecided = heap_grown(d->undecided, (size_t)d->undecided_count + 1, sizeof(*d->undecided), &d->undecided_cap);
    d->undecided[d->undecided_count++] = (struct undecided){rule, firewall, (uint8_t)side};
}

static int by_size(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    for (unsigned s = 0; s < SIDES; s++)
        if (x->by[s].rule != y->by[s].rule) return x->by[s].rule < y->by[s].rule ? -1 : 1;
    return (x->by[NEW].firewall > y->by[NEW].firewall) - (x->by[NEW].firewall < y->by[NEW].firewall);
}

struct sized {
    double size;
    uint32_t at;
};

static int larger_first(const void *a, const void *b)
{
    const struct sized *x = a, *y = b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return (x->at > y->at) - (x->at < y->at);
}

/* Sort the products, largest first; return the size of all. */
static double sort_products(const struct ir *ir, struct region *r)
{
    struct sized *order = heap_resized(NULL, r->count, sizeof(*order));
    struct ir_product *sorted = heap_resized(NULL, r->count, sizeof(*sorted));
    double size = -INFINITY;
    for (uint32_t i = 0; i < r->count; i++) {
        order[i] = (struct sized){product_size(ir, &r->p[i]), i};
        const double most = size > order[i].size ? size : order[i].size;
        size = isinf(most) ? most : most + log2(exp2(size - most) + exp2(order[i].size - most));
    }
    qsort(order, r->count, sizeof(*order), larger_first);
    for (uint32_t i = 0; i < r->count; i++) sorted[i] = r->p[order[i].at];
    if (r->count) memcpy(r->p, sorted, r->count * sizeof(*sorted));
    free(order);
    free(sorted);
    return size;
}

void changes_settle(struct diff *d)
{
    for (uint32_t i = 0; i < d->change_count; i++) {
        d->changes[i].size = sort_products(d->c.ir, &d->changes[i].region);
        join_parts(d, &d->changes[i].region);
        sort_products(d->c.ir, &d->changes[i].region);
    }
    if (d->change_count > 1) qsort(d->changes, d->change_count, sizeof(*d->changes), by_size);
}
