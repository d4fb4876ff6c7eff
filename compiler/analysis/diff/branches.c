/* Find packets that a service newly sends to a pool that it had before, or no longer sends there, because a `when`
 * became wider or narrower, or moved. A branch takes packets that meet its conditions and not those of an earlier
 * branch. If a condition has no complement (byte patterns, first bytes of a stream), no packets are reported, and
 * only the changed statement is shown. The same for connections in the wire that go on to their original
 * destination. For these, a service is also reported if all of them newly may go on, or none may any longer. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"
#include "vm/judge/decide.h"

static const char ORIGINAL[] = "";
enum { PRODUCTS_SHOWN = 3, ENDPOINTS_SHOWN = 3, PARTS_MOST = 1 << 12, WORK_MOST = 1 << 20 };

/* Packets that one side sends to a pool, or on to the original destination */
struct part {
    const char *name; /* name of the pool, or ORIGINAL, which no pool has as its name */
    uint32_t pool;    /* number of the pool in the side's program; PBC_NONE: the original destination */
    struct region packets;
};
struct parts {
    struct part *p;
    uint32_t count, cap;
};

static struct part *pool_part(struct parts *to, const struct program *p, uint32_t pool)
{
    const char *name = pool == PBC_NONE ? ORIGINAL : program_str(p, p->pools[pool].name);
    for (uint32_t i = 0; i < to->count; i++)
        if (strcmp(to->p[i].name, name) == 0) return &to->p[i];
    to->p = heap_grown(to->p, (size_t)to->count + 1, sizeof(*to->p), &to->cap);
    to->p[to->count] = (struct part){.name = name, .pool = pool};
    return &to->p[to->count++];
}

static void parts_fini(struct parts *p)
{
    for (uint32_t i = 0; i < p->count; i++) region_fini(&p->p[i].packets);
    free(p->p);
}

/* Add the packets in both `rest` and `when` to the branch's pools, or to the original destination. */
static void branch_take(struct diff *d, const struct side *s, const struct pbc_branch *b, const struct region *rest,
                        const struct ir_product *when, struct parts *to)
{
    const struct program *p = s->program;
    for (uint32_t i = 0; i < rest->count; i++) {
        struct ir_product both;
        bool loose = false;
        if (!product_and(d->c.ir, &rest->p[i], when, &both, &loose)) continue;
        for (uint32_t k = b->shares; k < b->shares + branch_shares(b); k++)
            if (p->shares[k].percent) region_add(&pool_part(to, p, p->shares[k].pool)->packets, &both);
        if (branch_goes_on(b)) region_add(&pool_part(to, p, PBC_NONE)->packets, &both);
    }
}

/* Gather the packets of each pool. False: not expressible, or too much work. */
static bool parts_gather(struct diff *d, unsigned side, uint32_t service, struct region_budget *budget,
                         struct parts *to)
{
    const struct side *s = &d->side[side];
    const struct program *p = s->program;
    const struct pbc_service *v = &p->services[service];
    struct region rest = {0};
    struct ir_product when;
    bool known = true;
    normal_when(&d->c, 0, 0, &when);
    region_add(&rest, &when);
    for (uint32_t i = v->branches; i < v->branches + v->branch_count && known; i++) {
        const struct pbc_branch *b = &p->branches[i];
        known = !v->proxy || stream_keyed(p->conds + b->conds, b->cond_count) == b->cond_count;
        if (!known) break;
        normal_when(&d->c, s->conds + b->conds, b->cond_count, &when);
        if (ir_is_empty(&when)) continue;
        known = product_is_plain(d->c.ir, &when);
        if (!known) break;
        region_spend(budget, (uint64_t)rest.count * (branch_shares(b) + 1u));
        if (!budget->spent) branch_take(d, s, b, &rest, &when, to);
        if (!budget->spent) region_minus(d->c.ir, &rest, &when, budget);
        known = !budget->spent && !d->c.ir->too_large;
    }
    region_fini(&rest);
    return known;
}

static char *text_of_packets(struct diff *d, unsigned side, uint32_t service, const struct region *r)
{
    const struct program *p = d->side[side].program;
    const struct pbc_service *v = &p->services[service];
    struct words w;
    FILE *out = words_begin(&w);
    for (uint32_t i = 0; i < v->endpoint_count && i < ENDPOINTS_SHOWN; i++) {
        if (i) fputs(", ", out);
        put_endpoint(p, &p->endpoints[v->endpoints + i], out);
    }
    if (v->endpoint_count > ENDPOINTS_SHOWN) fprintf(out, " and %u more", v->endpoint_count - ENDPOINTS_SHOWN);
    for (uint32_t i = 0; i < r->count && i < PRODUCTS_SHOWN; i++) {
        fputs(i ? " or " : " when ", out);
        region_text_print(&d->text, &r->p[i], 1u << PBC_DIR_IN | 1u << PBC_DIR_FORWARD, out);
    }
    if (r->count > PRODUCTS_SHOWN) fprintf(out, " or %u more", r->count - PRODUCTS_SHOWN);
    return words_kept(d, &w);
}

static char *text_of_pool(struct diff *d, const struct part *part)
{
    struct words w;
    if (part->pool == PBC_NONE)
        fputs("the address that its clients ask for (original)", words_begin(&w));
    else
        fprintf(words_begin(&w), "the pool %s", part->name);
    return words_kept(d, &w);
}

/* Report the part. shown: packets that the report names; r: packets from which an example is drawn */
static void part_tell(struct diff *d, unsigned side, uint32_t service, const struct part *part,
                      const struct region *shown, const struct region *r, struct reaches *to)
{
    const struct program *p = d->side[side].program;
    to->r = heap_grown(to->r, (size_t)to->count + 1, sizeof(*to->r), &to->cap);
    to->r[to->count++] =
        (struct reach){.kind = side == NEW ? DIFF_WIDENED : DIFF_NARROWED,
                       .what = "service",
                       .by = program_str(p, p->services[service].name),
                       .to = text_of_packets(d, side, service, shown),
                       .servers = text_of_pool(d, part),
                       .example = to->count > EXAMPLES_MOST ? NULL : reach_example(d, side, service, part->pool, r),
                       .endpoints = 1};
}

/* Report packets of the part that the other side does not send to the pool. */
static bool tell_alone(struct diff *d, unsigned side, uint32_t service, const struct part *part,
                       const struct part *other, struct region_budget *budget, struct reaches *to)
{
    struct region alone = {0};
    for (uint32_t i = 0; i < part->packets.count; i++) region_add(&alone, &part->packets.p[i]);
    for (uint32_t i = 0; i < other->packets.count && alone.count && !budget->spent; i++)
        region_minus(d->c.ir, &alone, &other->packets.p[i], budget);
    const bool known = !budget->spent && !d->c.ir->too_large;
    if (known && alone.count) {
        join_parts(d, &alone);
        part_tell(d, side, service, part, &alone, &alone, to);
    }
    region_fini(&alone);
    return known;
}

static bool may_go_on(const struct program *p, const struct pbc_service *s)
{
    for (uint32_t i = s->branches; i < s->branches + s->branch_count; i++)
        if (branch_goes_on(&p->branches[i])) return true;
    return false;
}

/* Report a service whose connections newly may go on to the original destination, or no longer may. */
static void compare_originals(struct diff *d, const uint32_t service[SIDES], struct reaches *to)
{
    bool may[SIDES];
    for (unsigned s = 0; s < SIDES; s++) {
        const struct program *p = d->side[s].program;
        const struct pbc_service *v = &p->services[service[s]];
        may[s] = may_go_on(p, v);
        if (!mode_is(v->mode, MODE_INLINE)) return; /* only services in the wire let connections go on */
    }
    if (may[OLD] == may[NEW]) return;
    struct region all = {0};
    const struct region unnamed = {0};
    struct ir_product any;
    normal_when(&d->c, 0, 0, &any);
    region_add(&all, &any);
    const unsigned side = may[NEW] ? NEW : OLD;
    part_tell(d, side, service[side], &(struct part){.name = ORIGINAL, .pool = PBC_NONE}, &unnamed, &all, to);
    region_fini(&all);
}

void compare_branches(struct diff *d, const uint32_t service[SIDES], struct reaches *to)
{
    struct region_budget budget = {.work = d->work < WORK_MOST ? d->work : WORK_MOST, .parts = PARTS_MOST};
    const uint64_t given = budget.work;
    struct parts parts[SIDES] = {0};
    bool known = true;
    for (unsigned s = 0; s < SIDES && known; s++) known = parts_gather(d, s, service[s], &budget, &parts[s]);
    for (unsigned s = 0; s < SIDES && known; s++) {
        const unsigned side = s == 0 ? NEW : OLD;
        for (uint32_t i = 0; i < parts[side].count && known; i++)
            for (uint32_t k = 0; k < parts[!side].count && known; k++)
                if (strcmp(parts[side].p[i].name, parts[!side].p[k].name) == 0)
                    known = tell_alone(d, side, service[side], &parts[side].p[i], &parts[!side].p[k], &budget, to);
    }
    d->work -= given - budget.work;
    for (unsigned s = 0; s < SIDES; s++) parts_fini(&parts[s]);
    compare_originals(d, service, to);
}
