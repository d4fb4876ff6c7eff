/* A rule's boxes: the choices of its fields, multiplied out (rule_boxes.h). If there are too many, the field with most
 * choices is widened until there are not. */
#include "compiler/classify/boxes/rule_boxes.h"

#include <string.h>

#include "compiler/classify/boxes/choices.h"
#include "vm/packet/key.h"

enum { DIMS_MAX = 24 };

struct rule_boxes {
    struct ir *ir;
    struct kind_cache *kinds;
    struct choices dims[DIMS_MAX];
    unsigned count;
};

struct rule_boxes *rule_boxes_new(struct ir *ir)
{
    struct rule_boxes *r = arena_alloc(ir->arena, sizeof(*r));
    r->ir = ir;
    return r;
}

/* True if each box must belong to one family. Own addresses are asked of key.kind. */
static bool asks_addresses(const struct ir_product *p)
{
    static const enum ir_field fields[] = {IR_SRC, IR_SRC_SELF, IR_DST, IR_DST_SELF};
    for (unsigned i = 0; i < 4; i++)
        if (p->field[fields[i]] != IR_ALL && p->field[fields[i]] != IR_EMPTY) return true;
    return false;
}

static void boxes_collect(struct rule_boxes *r, const struct ir_product *p, enum variant v, unsigned family)
{
    static const enum ir_field fields[] = {
        IR_SRC,     IR_DST, IR_SPORT, IR_DPORT, IR_IFACE,   IR_VLAN,   IR_INNER,      IR_STATE, IR_TYPE, IR_CODE,
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, ...) IR_##ident,
#include "vm/cond.def"
        IR_OPTIONS, IR_HAS, IR_ETHER, IR_ND,    IR_SRC_MAC, IR_DURING, IR_NOT_DURING,
    };
    r->count = 0;
    if (v == FRAMES) kind_choices(&r->kinds, r->ir, p, family, &r->dims[r->count++]);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (field_choices(r->ir, p, fields[i], family, &r->dims[r->count])) r->count++;
}

static uint64_t product(const struct rule_boxes *r)
{
    uint64_t n = 1;
    for (unsigned i = 0; i < r->count; i++) n = n * r->dims[i].count > 1u << 30 ? 1u << 30 : n * r->dims[i].count;
    return n;
}

/* Widen until the boxes are few enough, or nothing can be widened. */
static void widen(struct rule_boxes *r, uint32_t most)
{
    uint32_t resist = 0; /* bits: dims that cannot be widened */
    while (product(r) > most) {
        unsigned largest = r->count;
        for (unsigned i = 0; i < r->count; i++)
            if (!(resist >> i & 1) && (largest == r->count || r->dims[i].count > r->dims[largest].count)) largest = i;
        if (largest == r->count) return;
        if (!choices_halve(&r->dims[largest])) resist |= 1u << largest;
    }
}

/* Questions of one box in the making; choices may contradict each other in key.kind or key.marks. */
struct sum {
    uint32_t value[16], mask[16];
    struct port_range port[2];
};

static bool sum_ask(struct sum *s, unsigned slot, uint32_t value, uint32_t mask)
{
    if ((s->value[slot] ^ value) & s->mask[slot] & mask) return false;
    s->value[slot] |= value;
    s->mask[slot] |= mask;
    return true;
}

static bool add_choice(struct sum *s, const struct choices *d, const struct choice *c)
{
    if (!sum_ask(s, KEY_SLOT(kind), c->kind_value, c->kind_mask)) return false;
    if (d->how != CHOICE_BITS) {
        s->port[d->how == CHOICE_DPORT] = c->port;
        return true;
    }
    for (unsigned i = 0; i < d->slots; i++)
        if (!sum_ask(s, d->slot + i, c->value[i], c->mask[i])) return false;
    return true;
}

static bool add_box(const struct sum *s, struct boxes *out, uint32_t entry)
{
    const uint32_t box = boxes_add(out, entry);
    if (box == UINT32_MAX) return false;
    for (unsigned i = 0; i < 16; i++)
        if (s->mask[i] && !boxes_ask(out, box, i, s->value[i], s->mask[i])) return false;
    out->sport[box] = s->port[0];
    out->dport[box] = s->port[1];
    return true;
}

/* Make a box of each combination of choices without contradiction. */
static bool multiply(const struct rule_boxes *r, struct boxes *out, uint32_t entry)
{
    uint32_t at[DIMS_MAX] = {0};
    for (unsigned i = 0; i < r->count; i++)
        if (!r->dims[i].count) return true;
    for (;;) {
        struct sum s = {.port = {{0, UINT16_MAX}, {0, UINT16_MAX}}};
        bool possible = true;
        unsigned i = 0;
        for (unsigned d = 0; d < r->count && possible; d++)
            possible = add_choice(&s, &r->dims[d], &r->dims[d].c[at[d]]);
        if (possible && !add_box(&s, out, entry)) return false;
        while (i < r->count && ++at[i] == r->dims[i].count) at[i++] = 0;
        if (i == r->count) return true;
    }
}

/* True if members of live sets decide: boxes express all that these may hold. */
static bool is_live(const struct ir *ir, const struct ir_product *p, enum ir_field side)
{
    return ir_addrs(ir, p->field[side])->split || ir_addrs(ir, p->field[side + 1])->split;
}

/* Return the fields that boxes never express. */
static uint32_t never_said(const struct ir *ir, const struct ir_product *p)
{
    static const enum ir_field fields[] = {IR_SRC_MAC, IR_DST_MAC, IR_BYTES, IR_FLOWS, IR_METERS};
    uint32_t left = 0;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (p->field[fields[i]] != IR_ALL) left |= 1u << fields[i];
    if (is_live(ir, p, IR_SRC)) left |= 1u << IR_SRC;
    if (is_live(ir, p, IR_DST)) left |= 1u << IR_DST;
    for (enum ir_field f = 0; f < IR_FIELDS; f++)
        if (ir_beside_key(f) && p->field[f] != IR_ALL) left |= 1u << f;
    return left;
}

uint32_t rule_boxes_add(struct rule_boxes *r, const struct ir_product *p, enum variant v, uint32_t most,
                        struct boxes *out, uint32_t entry)
{
    const bool apart = v == FRAMES && asks_addresses(p);
    const unsigned families = apart ? ir_families(r->ir, p) : 1;
    uint32_t left = never_said(r->ir, p);
    for (unsigned family = 1; family <= IR_V6; family <<= 1) {
        if (!(families & family)) continue;
        boxes_collect(r, p, v, apart ? family : 0);
        widen(r, families == (IR_V4 | IR_V6) && most > 1 ? most / 2 : most);
        for (unsigned i = 0; i < r->count; i++)
            if (r->dims[i].widened) left |= 1u << r->dims[i].field;
        if (!multiply(r, out, entry)) return UINT32_MAX;
    }
    return left;
}
