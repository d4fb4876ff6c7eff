/* Tests as instructions. Small lists are compared one by one, larger lists looked up: numbers in a map of bits,
 * addresses in a set (emit_addresses.c). Behind a test's code, control continues if the packet passes. */
#include <string.h>

#include "compiler/code/gen_priv.h"
#include "compiler/normal/what.h"
#include "vm/packet/key.h"

enum {
    KIND_SLOT = KEY_SLOT(kind),
    MARKS_SLOT = KEY_SLOT(marks),
    NUMBER_CHAIN_MAX = 6,           /* most ranges tested in turn; more become a map */
    NUMBER_CHAIN_LONG = 64,         /* the same if the image has many maps */
    MAPS_PLENTY = 256,              /* number of maps, of 8 KiB each, that is many */
    NUMBER_CHAIN_LAST_RESORT = 300, /* the same once the image holds no more maps */
};

static uint32_t code_add_map(struct gen *g, const struct pbc_range *r, uint32_t count)
{
    static struct pbc_map map; /* static: 8 KiB are too much for every stack, and a compile is one thread */
    memset(&map, 0, sizeof(map));
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t v = r[i].lo; v <= r[i].hi && v <= 65535; v++) map.bits[v / 32] |= 1u << v % 32;
    return image_share(g->img, PBC_MAPS, &map, 1);
}

static void emit_number_chain(struct gen *g, uint8_t half, const struct pbc_range *r, uint32_t count,
                              struct label *fail)
{
    struct label pass = {0};
    for (uint32_t i = 0; i < count; i++) {
        const bool last = i + 1 == count;
        asm_jump(&g->as, last ? OP_JNIN : OP_JIN, half, r[i].lo << 16 | r[i].hi, last ? fail : &pass);
    }
    asm_bind(&g->as, &pass);
}

/* Test that a number, at most `most`, is in the ranges. */
static void emit_numbers(struct gen *g, uint8_t half, uint32_t most, const struct pbc_range *r, uint32_t count,
                         struct label *fail)
{
    if (count == 2 && r[0].lo == 0 && r[1].hi >= most) {
        asm_jump(&g->as, OP_JIN, half, (r[0].hi + 1) << 16 | (r[1].lo - 1), fail);
        return;
    }
    if (count <= NUMBER_CHAIN_MAX || (count <= NUMBER_CHAIN_LONG && g->img->maps_count >= MAPS_PLENTY)) {
        emit_number_chain(g, half, r, count, fail);
        return;
    }
    const uint32_t map = code_add_map(g, r, count);
    if (map != PBC_NONE)
        asm_jump(&g->as, OP_JNMAP, half, map, fail);
    else if (count <= NUMBER_CHAIN_LAST_RESORT)
        emit_number_chain(g, half, r, count, fail);
    else
        g->out_of_maps = true;
}

static void emit_half(struct gen *g, const struct test *t, struct label *fail)
{
    const enum ir_field f = (enum ir_field)t->a;
    struct ir_ranges r = ir_ranges(g->ir, t->b);
    struct pbc_range *copy = arena_alloc(g->c->arena, r.count * sizeof(*copy));
    struct label pass = {0};
    const uint32_t bit = ir_there(f), absent = ir_fields[f].most;
    memcpy(copy, r.r, r.count * sizeof(*copy));
    if (bit && ir_ranges_have(g->ir, t->b, absent)) {
        asm_jump(&g->as, OP_JNALL, KIND_SLOT, bit, &pass);
        if (copy[r.count - 1].lo == absent)
            r.count--;
        else
            copy[r.count - 1].hi = absent - 1;
    }
    emit_numbers(g, ir_numbers[f].half, bit ? absent - 1 : ir_fields[f].most, copy, r.count, fail);
    asm_bind(&g->as, &pass);
}

static void emit_header_range(struct gen *g, uint8_t op, uint8_t cond, struct pbc_range r, struct label *to)
{
    const uint32_t range = image_share(g->img, PBC_RANGES, &r, 1);
    if (range == PBC_NONE) g->out_of_ranges = true;
    asm_jump(&g->as, op, cond, range, to);
}

/* Test that a number outside the key is in the ranges: few are tried in turn, more by halves. */
static void emit_header(struct gen *g, uint8_t cond, const struct pbc_range *r, uint32_t count, struct label *fail)
{
    const bool always = cond_info[cond].half == HALF_NONE; /* packets with the header always have the number */
    const uint32_t left = count / 2;
    struct label pass = {0}, right = {0};
    if (count > NUMBER_CHAIN_MAX) {
        emit_header_range(g, OP_JNHDR, cond, (struct pbc_range){0, r[left - 1].hi}, &right);
        emit_header(g, cond, r, left, fail);
        asm_jump(&g->as, OP_JUMP, 0, 0, &pass);
        asm_bind(&g->as, &right);
        emit_header(g, cond, r + left, count - left, fail);
    } else if (always && count == 2 && r[0].lo == 0 && r[1].hi == cond_info[cond].most) {
        emit_header_range(g, OP_JHDR, cond, (struct pbc_range){r[0].hi + 1, r[1].lo - 1}, fail);
    } else {
        for (uint32_t i = 0; i + 1 < count; i++) emit_header_range(g, OP_JHDR, cond, r[i], &pass);
        emit_header_range(g, OP_JNHDR, cond, r[count - 1], fail);
    }
    asm_bind(&g->as, &pass);
}

static void emit_header_number(struct gen *g, const struct test *t, struct label *fail)
{
    const struct ir_ranges r = ir_ranges(g->ir, t->b);
    const uint8_t cond = ir_numbers[t->a].cond;
    if (r.count > HEADER_RANGES_MAX)
        g->longest = cond_info[cond].name;
    else
        emit_header(g, cond, r.r, r.count, fail);
}

/* Test the protocols of both families without AH: one list if both are equal, or only one is possible. */
static void emit_plain_protocols(struct gen *g, uint32_t what, struct label *fail)
{
    const uint8_t half = KEY_HALF(proto);
    struct pbc_range v4[128], v6[128];
    const uint32_t n4 = what_numbers(g->ir, what, WHAT_IP4, v4), n6 = what_numbers(g->ir, what, WHAT_IP6, v6);
    struct label six = {0}, pass = {0};
    if (!n4 || !n6 || (n4 == n6 && memcmp(v4, v6, n4 * sizeof(*v4)) == 0)) {
        emit_numbers(g, half, 255, n4 ? v4 : v6, n4 ? n4 : n6, fail);
        return;
    }
    asm_jump(&g->as, OP_JALL, KIND_SLOT, KIND_IP6, &six);
    emit_numbers(g, half, 255, v4, n4, fail);
    asm_jump(&g->as, OP_JUMP, 0, 0, &pass);
    asm_bind(&g->as, &six);
    emit_numbers(g, half, 255, v6, n6, fail);
    asm_bind(&g->as, &pass);
}

/* Test the protocols of IPv6 with AH, whose protocol may be unknown. */
static void emit_ah_protocols(struct gen *g, uint32_t what, struct label *fail, struct label *pass)
{
    struct pbc_range r[128];
    const uint32_t n = what_numbers(g->ir, what, WHAT_AH6, r);
    if (ir_ranges_have(g->ir, what, WHAT_AH6_UNKNOWN)) asm_jump(&g->as, OP_JNALL, KIND_SLOT, KIND_PROTO, pass);
    emit_numbers(g, KEY_HALF(proto), 255, r, n, fail);
}

/* Test protocols; IPv6 with AH is tested separately if its protocols differ. */
static void emit_protocols(struct gen *g, uint32_t what, struct label *fail)
{
    struct pbc_range r[128];
    const bool unknown = ir_ranges_have(g->ir, what, WHAT_AH6_UNKNOWN);
    const uint32_t with_ah = what_numbers(g->ir, what, WHAT_AH6, r);
    const bool whatever = unknown && with_ah == 1 && r[0].hi - r[0].lo == 255;
    const uint32_t n4 = what_numbers(g->ir, what, WHAT_IP4, r), n6 = what_numbers(g->ir, what, WHAT_IP6, r);
    struct label with = {0}, pass = {0};
    if (!what_asks_ah(g->ir, what)) {
        emit_plain_protocols(g, what, fail);
    } else if (!n4 && !n6) {
        asm_jump(&g->as, OP_JNALL, KIND_SLOT, KIND_IP6 | KIND_AH, fail);
        emit_ah_protocols(g, what, fail, &pass);
    } else {
        asm_jump(&g->as, OP_JALL, KIND_SLOT, KIND_IP6 | KIND_AH, whatever ? &pass : with_ah || unknown ? &with : fail);
        if (unknown) asm_jump(&g->as, OP_JNALL, KIND_SLOT, KIND_PROTO, fail);
        if (!n6) asm_jump(&g->as, OP_JALL, KIND_SLOT, KIND_IP6, fail);
        emit_plain_protocols(g, what, fail);
        if (with.fixups) {
            asm_jump(&g->as, OP_JUMP, 0, 0, &pass);
            asm_bind(&g->as, &with);
            emit_ah_protocols(g, what, fail, &pass);
        }
    }
    asm_bind(&g->as, &pass);
}

/* Return a MAC set in the image with these members; PBC_NONE: the image is full. */
static uint32_t mac_set(struct gen *g, const struct ir_macs *m)
{
    if (m->set != PBC_NONE) return m->set;
    const uint32_t first = image_share(g->img, PBC_MACS, m->macs, m->count);
    const struct pbc_set set = {.first4 = first, .count4 = m->count};
    const uint32_t id = first == PBC_NONE ? PBC_NONE : image_share(g->img, PBC_MACSETS, &set, 1);
    if (id == PBC_NONE) g->out_of_sets = true;
    return id;
}

static void emit_mac(struct gen *g, const struct test *t, struct label *fail)
{
    const struct ir_macs *m = ir_macs(g->ir, t->a);
    const uint8_t side = t->type == TEST_DST_MAC;
    struct label pass = {0};
    if (m->count && (m->negated || m->kinds))
        asm_jump(&g->as, OP_JMAC, side, mac_set(g, m), m->negated ? fail : &pass);
    else if (m->count)
        asm_jump(&g->as, OP_JNMAC, side, mac_set(g, m), fail);
    if (m->kinds) asm_jump(&g->as, m->negated ? OP_JMACK : OP_JNMACK, side, m->kinds, fail);
    asm_bind(&g->as, &pass);
}

void emit_test(struct gen *g, const struct test *t, struct label *fail)
{
    switch ((enum test_type)t->type) {
    case TEST_DST:
    case TEST_SRC: emit_address(g, t, fail); return;
    case TEST_HALF: emit_half(g, t, fail); return;
    case TEST_HEADER: emit_header_number(g, t, fail); return;
    case TEST_NUMBERS: emit_protocols(g, t->a, fail); return;
    case TEST_ALL: asm_jump(&g->as, OP_JNALL, KIND_SLOT, t->a, fail); return;
    case TEST_NONE: asm_jump(&g->as, OP_JANY, KIND_SLOT, t->a, fail); return;
    case TEST_ANY: asm_jump(&g->as, OP_JNONE, KIND_SLOT, t->a, fail); return;
    case TEST_FLAGS_SET: asm_jump(&g->as, OP_JNALL, MARKS_SLOT, t->a, fail); return;
    case TEST_FLAGS_CLEAR: asm_jump(&g->as, OP_JANY, MARKS_SLOT, t->a, fail); return;
    case TEST_STATE: asm_jump(&g->as, OP_JNONE, MARKS_SLOT, t->a, fail); return;
    case TEST_SRC_MAC:
    case TEST_DST_MAC: emit_mac(g, t, fail); return;
    case TEST_PATTERN: asm_jump(&g->as, OP_JNPAT, 0, t->a, fail); return;
    case TEST_DURING: asm_jump(&g->as, OP_JNONE, MARKS_SLOT, t->a << MARK_SCHEDULES, fail); return;
    case TEST_NOT_DURING: asm_jump(&g->as, OP_JANY, MARKS_SLOT, t->a << MARK_SCHEDULES, fail); return;
    case TEST_FLOWS: asm_jump(&g->as, OP_JNFLOWS, (uint8_t)t->b, t->a, fail); return;
    case TEST_OVER: asm_jump(&g->as, OP_JNOVER, 0, t->a, fail); return;
    case TEST_WITHIN: asm_jump(&g->as, OP_JNWITHIN, 0, t->a, fail); return;
    }
}
