/* One field's values as bits of the header key: addresses and numbers as prefixes, flags and states as their own bits.
 * A list of more than RULE_BOXES_MAX prefixes is taken in parts, which include the gaps between their members. */
#include <string.h>

#include "compiler/classify/boxes/choices.h"
#include "compiler/normal/prefix.h"
#include "vm/packet/key.h"

void choices_begin(struct choices *c, enum ir_field f, unsigned slot, unsigned slots)
{
    c->field = f;
    c->how = CHOICE_BITS;
    c->slot = (uint8_t)slot;
    c->slots = (uint8_t)slots;
    c->widened = false;
    c->count = 0;
}

static struct choice both(const struct choices *c, const struct choice *a, const struct choice *b)
{
    struct choice sum = *a;
    for (unsigned i = 0; i < c->slots; i++) {
        sum.mask[i] = a->mask[i] & b->mask[i] & ~(a->value[i] ^ b->value[i]);
        sum.value[i] = a->value[i] & sum.mask[i];
    }
    sum.port.lo = a->port.lo < b->port.lo ? a->port.lo : b->port.lo;
    sum.port.hi = a->port.hi > b->port.hi ? a->port.hi : b->port.hi;
    return sum;
}

bool choices_halve(struct choices *c)
{
    uint32_t n = 0;
    bool some = false;
    for (uint32_t i = 0; i < c->count; n++) {
        const struct choice *x = &c->c[i], *y = x + 1;
        /* the bits that they ask of key.kind are never widened */
        if (i + 1 < c->count && x->kind_mask == y->kind_mask && x->kind_value == y->kind_value) {
            c->c[n] = both(c, x, y);
            i += 2;
            some = true;
        } else {
            c->c[n] = c->c[i++];
        }
    }
    c->count = n;
    c->widened |= some;
    return some;
}

/* A list of ranges of either family, or of numbers. */
struct list {
    const struct pbc_range *r;
    const struct pbc_range6 *r6; /* used instead of r for IPv6 */
    uint32_t count;
    unsigned bits;
};

static u128 lo_of(const struct list *l, uint32_t i) { return l->r6 ? span6(&l->r6[i]).lo : l->r[i].lo; }

static u128 hi_of(const struct list *l, uint32_t i) { return l->r6 ? span6(&l->r6[i]).hi : l->r[i].hi; }

/* Make a choice of the prefix, `shift` bits up in the first slot. */
static struct choice of_prefix(const struct prefix *p, unsigned bits, unsigned shift)
{
    struct choice c = {.port = {0, UINT16_MAX}};
    for (unsigned i = 0; i < (bits + 31) / 32; i++) {
        const unsigned width = bits < 32 ? bits : 32, len = p->len > 32 * i ? p->len - 32 * i : 0;
        const uint32_t field = UINT32_MAX >> (32 - width);
        c.mask[i] = (len >= width ? field : field & ~(field >> len)) << shift;
        c.value[i] = p->word[i] << shift & c.mask[i];
    }
    return c;
}

/* Return the prefix that holds both ends and all between them. */
static struct prefix enclosing(u128 lo, u128 hi, unsigned bits)
{
    struct prefix p = {.len = (uint8_t)bits};
    for (u128 differ = lo ^ hi; differ; differ >>= 1) p.len--;
    for (unsigned i = 0; i < (bits + 31) / 32; i++) p.word[i] = (uint32_t)(lo >> (bits < 32 ? 0 : bits - 32 - 32 * i));
    return p;
}

/* Enclose the list in a few parts of equally many ranges. */
static uint32_t enclose(const struct list *l, struct prefix *p)
{
    const uint32_t n = l->count < RULE_BOXES_WIDE ? l->count : RULE_BOXES_WIDE;
    for (uint32_t i = 0; i < n; i++)
        p[i] = enclosing(lo_of(l, (uint32_t)((uint64_t)l->count * i / n)),
                         hi_of(l, (uint32_t)((uint64_t)l->count * (i + 1) / n - 1)), l->bits);
    return n;
}

static bool exact_prefixes(const struct list *l, struct prefix *p, uint32_t room, uint32_t *n)
{
    *n = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        const uint32_t more = *n > room ? 0 : prefixes_between(lo_of(l, i), hi_of(l, i), l->bits, p + *n, room - *n);
        *n += more;
        if (*n > room) return false;
    }
    return true;
}

/* Add the ranges for frames with these bits of key.kind, as at most half of the possible choices. */
static void add_ranges(struct choices *out, const struct list *l, unsigned shift, uint32_t kind_value,
                       uint32_t kind_mask)
{
    struct prefix p[RULE_BOXES_MAX / 2 + 1];
    uint32_t n;
    if (!exact_prefixes(l, p, RULE_BOXES_MAX / 2, &n)) {
        n = enclose(l, p);
        out->widened = true;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct choice *c = &out->c[out->count++];
        *c = of_prefix(&p[i], l->bits, shift);
        c->kind_value = kind_value;
        c->kind_mask = kind_mask;
    }
}

static void add_any(struct choices *out, uint32_t kind_value, uint32_t kind_mask)
{
    out->c[out->count++] = (struct choice){.kind_value = kind_value, .kind_mask = kind_mask, .port = {0, UINT16_MAX}};
}

static void add_addresses(struct choices *out, const struct ir *ir, uint32_t id, unsigned family, uint32_t kind_value,
                          uint32_t kind_mask)
{
    const struct ir_addrs *a = ir_addrs(ir, id);
    const struct list l = {a->r4, family == IR_V6 ? a->r6 : NULL, family == IR_V6 ? a->count6 : a->count4,
                           family == IR_V6 ? 128 : 32};
    if (id == IR_ALL || (family && ir_addrs_full(ir, id) & family))
        add_any(out, kind_value, kind_mask);
    else if (family)
        add_ranges(out, &l, 0, kind_value, kind_mask);
}

static bool address_choices(const struct ir *ir, const struct ir_product *p, enum ir_field f, unsigned family,
                            struct choices *out)
{
    const uint32_t other = p->field[f], own = p->field[f + 1];
    const uint32_t self = f == IR_SRC ? KIND_SRC_SELF : KIND_DST_SELF;
    if (other == IR_ALL && own == IR_ALL) return false;
    choices_begin(out, f, f == IR_SRC ? KEY_SLOT(src) : KEY_SLOT(dst), family == IR_V4 ? 1 : 4);
    if (other == own) {
        add_addresses(out, ir, other, family, 0, 0);
        return true;
    }
    add_addresses(out, ir, own, family, self, self);
    add_addresses(out, ir, other, family, 0, self);
    return true;
}

/* Take the value for "none" off the list; false: the list is then empty. */
static bool without_absent(struct list *l, struct pbc_range *last, uint32_t absent)
{
    *last = l->r[l->count - 1];
    if (last->lo == absent) l->count--;
    if (last->hi == absent) last->hi--;
    return l->count > 0;
}

static void present_numbers(enum ir_field f, const struct list *l, struct choices *out)
{
    const uint32_t there = ir_there(f);
    if (l->count == 1 && l->r[0].lo == 0 && l->r[0].hi >= (1u << l->bits) - 1)
        add_any(out, there, there);
    else
        add_ranges(out, l, ir_numbers[f].half % 2 * 16u, there, there);
}

static bool number_choices(const struct ir *ir, const struct ir_product *p, enum ir_field f, struct choices *out)
{
    const struct ir_ranges r = ir_ranges(ir, p->field[f]);
    struct list l = {r.r, NULL, r.count, (uint8_t)(32 - __builtin_clz(ir_numbers[f].last))};
    choices_begin(out, f, ir_numbers[f].half / 2, 1);
    if (ir_there(f) && ir_ranges_have(ir, p->field[f], ir_fields[f].most)) {
        struct pbc_range *const copy = arena_alloc(ir->arena, r.count * sizeof(*copy));
        struct pbc_range last;
        add_any(out, 0, ir_there(f));
        if (!without_absent(&l, &last, ir_fields[f].most)) return true;
        memcpy(copy, r.r, l.count * sizeof(*copy));
        if (l.count == r.count) copy[l.count - 1] = last;
        l.r = copy;
        present_numbers(f, &l, out);
        return true;
    }
    present_numbers(f, &l, out);
    return true;
}

static bool port_choices(const struct ir *ir, const struct ir_product *p, enum ir_field f, struct choices *out)
{
    const struct ir_ranges r = ir_ranges(ir, p->field[f]);
    const uint32_t n = r.count <= RULE_BOXES_MAX ? r.count : RULE_BOXES_WIDE;
    choices_begin(out, f, 0, 0);
    out->how = f == IR_SPORT ? CHOICE_SPORT : CHOICE_DPORT;
    out->widened = n < r.count;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t first = r.count * i / n, last = r.count * (i + 1) / n - 1;
        add_any(out, KIND_PORTS, KIND_PORTS);
        out->c[i].port = (struct port_range){(uint16_t)r.r[first].lo, (uint16_t)r.r[last].hi};
    }
    return true;
}

static void add_marks(struct choices *out, uint32_t value, uint32_t mask)
{
    add_any(out, 0, 0);
    out->c[out->count - 1].value[0] = value;
    out->c[out->count - 1].mask[0] = mask;
}

/* Add one choice for each of the bits. */
static void add_each(struct choices *out, uint32_t bits)
{
    for (; bits; bits &= bits - 1) add_marks(out, bits & -bits, bits & -bits);
}

/* Find choices of fields in key.marks. */
static bool marks_choices(const struct ir *ir, const struct ir_product *p, enum ir_field f, struct choices *out)
{
    choices_begin(out, f, KEY_SLOT(marks), 1);
    switch (f) {
    case IR_STATE:
        if (!asks_state(ir, p)) return false;
        add_each(out, states_asked(ir, p) * MARK_NEW);
        return true;
    case IR_HAS: add_marks(out, p->field[IR_HAS], p->field[IR_HAS] | p->field[IR_LACKS]); return true;
    case IR_DURING: add_each(out, p->field[f] << MARK_SCHEDULES); return true;
    default: add_marks(out, 0, p->field[IR_NOT_DURING] << MARK_SCHEDULES); return true;
    }
}

/* Find choices of a field that is a bit of key.kind. */
static bool bit_choices(const struct ir *ir, const struct ir_product *p, enum ir_field f, uint32_t bit,
                        struct choices *out)
{
    choices_begin(out, f, 0, 0);
    add_any(out, ir_ranges_have(ir, p->field[f], 1) ? bit : 0, bit);
    return true;
}

bool field_choices(const struct ir *ir, const struct ir_product *p, enum ir_field f, unsigned family,
                   struct choices *out)
{
    if (f == IR_SRC || f == IR_DST) return address_choices(ir, p, f, family, out);
    if (f == IR_SRC_MAC) { /* the frame must have a MAC */
        if (p->field[IR_SRC_MAC] == IR_ALL && p->field[IR_DST_MAC] == IR_ALL) return false;
        choices_begin(out, f, 0, 0);
        add_any(out, KIND_ETHER, KIND_ETHER);
        return true;
    }
    if (ir_beside_key(f)) return false; /* code behind a hit reads this field */
    if (p->field[f] == IR_ALL && (f != IR_HAS || !p->field[IR_LACKS])) return false;
    switch (f) {
    case IR_SPORT:
    case IR_DPORT: return port_choices(ir, p, f, out);
    case IR_STATE:
    case IR_HAS:
    case IR_DURING:
    case IR_NOT_DURING: return marks_choices(ir, p, f, out);
    case IR_OPTIONS: return bit_choices(ir, p, f, KIND_OPTIONS, out);
    case IR_ND: return bit_choices(ir, p, f, KIND_ND, out);
    default: return number_choices(ir, p, f, out);
    }
}
