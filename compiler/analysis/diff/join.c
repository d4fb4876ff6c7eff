/* Express a region as a person would. The lists cut it into parts at the edge of some rule ("no SYN"; "a SYN without
 * ACK"); together they are often one product, their hull field by field, if the hull holds no other packets. */
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"

enum {
    JOIN_MAX = 64,       /* most parts of a region that is joined */
    JOIN_WORK = 1 << 18, /* most work for one region */
    JOIN_PARTS = 1 << 10,
};

static uint32_t ranges_or(struct ir *ir, uint32_t a, uint32_t b, uint32_t most)
{
    return ir_ranges_not(ir, ir_ranges_and(ir, ir_ranges_not(ir, a, most), ir_ranges_not(ir, b, most), most), most);
}

/* Return the field's addresses. If the product has one family only, addresses of the other family are left out. */
static uint32_t addrs_of(struct ir *ir, const struct ir_product *p, enum ir_field f)
{
    static const struct pbc_range all4 = {0, UINT32_MAX};
    static const struct pbc_range6 all6 = {0, 0, UINT64_MAX, UINT64_MAX};
    const unsigned families = ir_families(ir, p);
    if (families == (IR_V4 | IR_V6) || !families) return p->field[f];
    return ir_addrs_and(
        ir, p->field[f],
        ir_intern_addrs(ir, &(struct ir_addrs){
                                .r4 = &all4, .r6 = &all6, .count4 = families == IR_V4, .count6 = families == IR_V6}));
}

/* Return the least product that holds both; false if it is not expressible. */
static bool hull(struct ir *ir, const struct ir_product *a, const struct ir_product *b, struct ir_product *out)
{
    for (enum ir_field f = 0; f < IR_FIELDS; f++) {
        const uint32_t x = a->field[f], y = b->field[f];
        out->field[f] = x;
        if (x == y && (ir_fields[f].sort != IR_SORT_ADDRS || x == IR_ALL)) continue;
        switch ((enum ir_sort)ir_fields[f].sort) {
        case IR_SORT_RANGES:
            out->field[f] = x == IR_ALL || y == IR_ALL ? IR_ALL : ranges_or(ir, x, y, ir_fields[f].most);
            break;
        case IR_SORT_ADDRS: out->field[f] = ir_addrs_or(ir, addrs_of(ir, a, f), addrs_of(ir, b, f)); break;
        case IR_SORT_MASK: out->field[f] = x & y; break;
        case IR_SORT_ANY: out->field[f] = x && y ? x | y : 0; break;
        case IR_SORT_MACS:
        case IR_SORT_PATTERNS:
        case IR_SORT_METERS:
        case IR_SORT_FLOWS:
        case IR_SORTS: return false;
        }
    }
    return product_settle(ir, out);
}

/* True if the product holds packets of the region only. */
static bool holds_only(struct ir *ir, const struct ir_product *p, const struct region *r, struct region_budget *budget)
{
    struct region left = {0};
    struct ir_product plain, part;
    bool all;
    product_plain_part(ir, p, &plain);
    region_add(&left, &plain);
    for (uint32_t i = 0; i < r->count && left.count && !budget->spent; i++)
        if (product_plain_beside(ir, &r->p[i], p, &part)) region_minus(ir, &left, &part, budget);
    all = left.count == 0 && !budget->spent;
    region_fini(&left);
    return all;
}

/* Join all parts into one, if their hull is exact. */
static bool join_all(struct ir *ir, struct region *r, struct region_budget *budget)
{
    struct ir_product all = r->p[0], wider;
    for (uint32_t i = 1; i < r->count; i++) {
        if (!hull(ir, &all, &r->p[i], &wider)) return false;
        all = wider;
    }
    if (!holds_only(ir, &all, r, budget)) return false;
    r->p[0] = all;
    r->count = 1;
    return true;
}

/* Drop parts within part i. */
static void drop_held(struct ir *ir, struct region *r, uint32_t i)
{
    uint64_t work = 0;
    for (uint32_t k = r->count; k-- > 0;)
        if (k != i && ir_within(ir, &r->p[k], &r->p[i], &work)) {
            memmove(r->p + k, r->p + k + 1, (r->count - k - 1) * sizeof(*r->p));
            r->count--;
            if (k < i) i--;
        }
}

void join_parts(struct diff *d, struct region *r)
{
    struct ir *ir = d->c.ir;
    struct region_budget budget = {.work = JOIN_WORK, .parts = JOIN_PARTS};
    bool joined = r->count > 1 && r->count <= JOIN_MAX && !ir->too_large;
    if (!joined || join_all(ir, r, &budget)) return;
    budget.spent = false;
    while (joined && !budget.spent && !ir->too_large) {
        joined = false;
        for (uint32_t i = 0; i < r->count && !joined; i++)
            for (uint32_t k = i + 1; k < r->count && !joined; k++) {
                struct ir_product both;
                if (!hull(ir, &r->p[i], &r->p[k], &both) || !holds_only(ir, &both, r, &budget)) continue;
                r->p[i] = both;
                drop_held(ir, r, i);
                joined = true;
            }
    }
}
