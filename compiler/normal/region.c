/* Subtraction of a product from a region. Each product of the region falls into parts, one for each field that the
 * subtracted product narrows: the part of that field outside it. The remainder is the part that the two share, and
 * is dropped.
 *
 * A condition on a field that a frame lacks is false, so the fields that determine what a frame has come first. When
 * ports are subtracted, all that is left has ports, and "not 80" is a set of ports. */
#include "compiler/normal/region.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/normal/normal.h"
#include "lang/heap.h"

void region_init(struct region *r) { *r = (struct region){0}; }

void region_fini(struct region *r)
{
    free(r->p);
    *r = (struct region){0};
}

void region_add(struct region *r, const struct ir_product *p)
{
    if (ir_is_empty(p)) return;
    if (r->count == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 8;
        r->p = heap_resized(r->p, r->cap, sizeof(*r->p));
    }
    r->p[r->count++] = *p;
}

/* Count the ranges, and MACs, that subtracting b from a looks at: none if both are equal, or b is everything. */
static uint64_t ranges_in(const struct ir *ir, const struct ir_product *a, const struct ir_product *b)
{
    uint64_t n = 1;
    for (enum ir_field f = IR_SRC_MAC; f <= IR_DST_MAC; f++)
        if (a->field[f] != b->field[f] && b->field[f] != IR_ALL)
            n += (uint64_t)ir_macs(ir, a->field[f])->count + ir_macs(ir, b->field[f])->count;
    for (enum ir_field f = IR_SRC; f <= IR_INNER; f++) {
        const uint32_t x = a->field[f], y = b->field[f];
        if (x == y || y == IR_ALL) continue;
        if (f <= IR_DST_SELF)
            n += (uint64_t)ir_addrs(ir, x)->count4 + ir_addrs(ir, x)->count6 + ir_addrs(ir, y)->count4 +
                 ir_addrs(ir, y)->count6;
        else
            n += (x == IR_ALL ? 1 : ir_ranges(ir, x).count) + (uint64_t)ir_ranges(ir, y).count;
    }
    return n;
}

void region_spend(struct region_budget *budget, uint64_t work)
{
    budget->spent = budget->spent || budget->work < work;
    budget->work -= budget->spent ? budget->work : work;
}

/* One product being split: `rest` may still be in b; parts outside b go to `out`. */
struct split {
    struct ir *ir;
    const struct ir_product *b;
    struct ir_product rest;
    struct region *out;
};

static void split_keep(struct split *s, const struct ir_product *part)
{
    struct ir_product settled = *part;
    if (product_settle(s->ir, &settled)) region_add(s->out, &settled);
}

static uint32_t ranges_minus(struct ir *ir, enum ir_field f, uint32_t a, uint32_t b)
{
    return ir_ranges_and(ir, a, ir_ranges_not(ir, b, ir_fields[f].most), ir_fields[f].most);
}

static void split_field(struct split *s, enum ir_field f)
{
    const bool macs = ir_fields[f].sort == IR_SORT_MACS;
    const uint32_t a = s->rest.field[f], b = s->b->field[f];
    struct ir_product part = s->rest;
    bool loose = false;
    if (b == IR_ALL || a == b) return;
    part.field[f] = macs ? macs_minus(s->ir, a, b) : ranges_minus(s->ir, f, a, b);
    if (part.field[f] != IR_EMPTY) split_keep(s, &part);
    s->rest.field[f] = field_and(s->ir, f, a, b, &loose);
}

static uint32_t addrs_minus(struct ir *ir, uint32_t a, uint32_t b)
{
    if (a == b || b == IR_ALL) return IR_EMPTY;
    return ir_addrs_and(ir, a, ir_addrs_not(ir, b));
}

/* Split by a side's two sets, which are one field: an address is this machine's own or not. */
static void split_side(struct split *s, enum ir_field f)
{
    struct ir_product part = s->rest;
    if (s->b->field[f] == IR_ALL && s->b->field[f + 1] == IR_ALL) return;
    for (enum ir_field k = f; k <= f + 1; k++) {
        part.field[k] = addrs_minus(s->ir, s->rest.field[k], s->b->field[k]);
        s->rest.field[k] = ir_addrs_and(s->ir, s->rest.field[k], s->b->field[k]);
    }
    split_keep(s, &part);
}

/* Split by flags that b demands set or clear: bit by bit, the frames with the opposite. */
static void split_flags(struct split *s, enum ir_field demanded, enum ir_field opposite)
{
    const uint32_t bits = s->b->field[demanded] & ~s->rest.field[demanded];
    for (uint32_t bit = 1; bit <= bits; bit <<= 1) {
        struct ir_product part = s->rest;
        if (!(bits & bit)) continue;
        part.field[opposite] |= bit;
        split_keep(s, &part);
        s->rest.field[demanded] |= bit;
    }
}

/* Split by b's demand that none of its schedules is active: frames with an active one. False: two demands for "one of
 * these" that have no product. */
static bool split_inactive(struct split *s)
{
    const uint32_t asked = s->rest.field[IR_DURING], bits = s->b->field[IR_NOT_DURING] & ~s->rest.field[IR_NOT_DURING];
    struct ir_product part = s->rest;
    bool loose = false;
    if (!bits) return true;
    part.field[IR_DURING] = field_and(s->ir, IR_DURING, asked, bits, &loose);
    if (loose) return false;
    split_keep(s, &part);
    s->rest.field[IR_NOT_DURING] |= bits;
    return true;
}

static void split_active(struct split *s)
{
    if (!s->b->field[IR_DURING]) return;
    if (s->ir->moments) {
        /* Moments exclude each other: only frames of the others are left. */
        const uint32_t asked = s->rest.field[IR_DURING], b = s->b->field[IR_DURING];
        struct ir_product part = s->rest;
        part.field[IR_DURING] = (asked ? asked : (1u << s->ir->moments) - 1) & ~b;
        if (part.field[IR_DURING]) split_keep(s, &part);
        return;
    }
    s->rest.field[IR_NOT_DURING] |= s->b->field[IR_DURING];
    split_keep(s, &s->rest);
}

/* Split by all fields. False: the remainder has no exact parts. */
static bool split_product(struct split *s)
{
    static const enum ir_field early[] = {IR_WHAT, IR_FRAGMENT, IR_IFACE, IR_OUT, IR_URPF, IR_VLAN, IR_INNER, IR_ETHER};
    static const enum ir_field late[] = {
        IR_TYPE,    IR_CODE,    IR_OPTIONS, IR_SPORT, IR_DPORT, IR_ND,
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, ...) IR_##ident,
#include "vm/cond.def"
        IR_SRC_MAC, IR_DST_MAC,
    };
    for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++) split_field(s, early[i]);
    split_side(s, IR_SRC);
    split_side(s, IR_DST);
    for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) split_field(s, late[i]);
    split_flags(s, IR_HAS, IR_LACKS);
    split_flags(s, IR_LACKS, IR_HAS);
    if (asks_state(s->ir, s->b)) split_field(s, IR_STATE);
    if (!split_inactive(s)) return false;
    split_active(s);
    return true;
}

void region_minus(struct ir *ir, struct region *r, const struct ir_product *b, struct region_budget *budget)
{
    struct region out;
    if (ir_is_empty(b)) return;
    region_init(&out);
    for (uint32_t i = 0; i < r->count && !budget->spent; i++) {
        struct split s = {.ir = ir, .b = b, .rest = r->p[i], .out = &out};
        const uint64_t work = ranges_in(ir, &r->p[i], b);
        struct ir_product common;
        bool loose = false;
        region_spend(budget, work);
        if (budget->spent) break;
        /* The new sets must still fit: past IR_BYTES_MAX all sets interned are empty. */
        budget->spent = ir->held + work * 6 * sizeof(struct pbc_range6) >= IR_BYTES_MAX;
        if (!budget->spent && !product_and(ir, &r->p[i], b, &common, &loose))
            region_add(&out, &r->p[i]);
        else if (!budget->spent)
            budget->spent = !split_product(&s);
        budget->spent = budget->spent || out.count > budget->parts;
    }
    region_fini(r);
    *r = out;
}

void region_add_both(struct ir *ir, const struct ir_product *a, const struct ir_product *b, struct region *out)
{
    struct ir_product both;
    bool loose = false;
    if (product_and(ir, a, b, &both, &loose)) region_add(out, loose ? a : &both);
}
