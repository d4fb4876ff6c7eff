/* Tests of addresses as instructions: few prefixes are compared one by one, larger sets looked up in the image's. */
#include <string.h>

#include "compiler/code/gen_priv.h"
#include "compiler/normal/prefix.h"
#include "vm/packet/key.h"

enum {
    KIND_SLOT = KEY_SLOT(kind),
    ADDRESS_CHAIN_MAX = 6, /* most instructions that compare prefixes; otherwise a set is searched */
    COPY_MAX = 1024,       /* most ranges of a union of sets that is stored as a separate set */
};

/* Test of one family's part of an address set. */
struct part {
    enum { PART_NOT_ASKED, PART_NONE, PART_ALL, PART_PREFIXES, PART_SET } how;
    bool outside; /* true if the prefixes are those of addresses outside the set */
    unsigned instructions;
    struct prefixes prefixes;
};

static unsigned prefix_instructions(const struct prefixes *p, unsigned family)
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->count; i++) n += family == IR_V4 ? 1 : (p->p[i].len + 31u) / 32 + (i + 1 < p->count);
    return n;
}

static void plan_part(const struct ir_addrs *a, unsigned full, unsigned family, unsigned families, struct part *part)
{
    struct prefixes outside;
    part->outside = false;
    part->instructions = 0;
    part->how = PART_NOT_ASKED;
    if (!(families & family)) return;
    if (a->split) {
        part->how = PART_SET;
        return;
    }
    part->how = full & family ? PART_ALL : PART_NONE;
    if (full & family || !(family == IR_V4 ? a->count4 : a->count6)) return;
    bool inside = prefixes_of(a, family, false, &part->prefixes);
    if (prefixes_of(a, family, true, &outside) &&
        (!inside || prefix_instructions(&outside, family) < prefix_instructions(&part->prefixes, family))) {
        part->prefixes = outside;
        part->outside = inside = true;
    }
    part->how = inside ? PART_PREFIXES : PART_SET;
    part->instructions = inside ? prefix_instructions(&part->prefixes, family) : 0;
}

struct parts {
    struct part v4, v6;
    bool by_set;
};

static void plan_parts(struct gen *g, uint32_t addrs, unsigned families, struct parts *p)
{
    const struct ir_addrs *a = ir_addrs(g->ir, addrs);
    const unsigned full = ir_addrs_full(g->ir, addrs);
    plan_part(a, full, IR_V4, families, &p->v4);
    plan_part(a, full, IR_V6, families, &p->v6);
    p->by_set =
        p->v4.how == PART_SET || p->v6.how == PART_SET || p->v4.instructions + p->v6.instructions > ADDRESS_CHAIN_MAX;
}

static double part_chance(const struct part *p, unsigned family)
{
    double chance = 0;
    if (p->how == PART_ALL) return 1;
    if (p->how != PART_PREFIXES) return p->how == PART_SET ? .1 : 0;
    for (unsigned i = 0; i < p->prefixes.count; i++)
        chance += 1 / (double)(1u << p->prefixes.p[i].len / (family == IR_V4 ? 4 : 16));
    return p->outside ? 1 - chance : chance;
}

struct address_cost address_cost(struct gen *g, uint32_t addrs, unsigned families)
{
    const struct ir_addrs *a = ir_addrs(g->ir, addrs);
    struct parts p;
    struct address_cost cost = {1, 0};
    plan_parts(g, addrs, families, &p);
    cost.chance = .8 * part_chance(&p.v4, IR_V4) + .2 * part_chance(&p.v6, IR_V6);
    if (!p.by_set) /* the first instruction settles most packets */
        cost.instructions = .5 + .5 * (p.v4.instructions + p.v6.instructions);
    else
        for (uint32_t n = a->count4 + a->count6; n; n /= 2) cost.instructions += .7;
    return cost;
}

/* Write one to four instructions that jump to `hit` if the v6 prefix matches. */
static void emit_prefix6(struct gen *g, unsigned side, const struct prefix *p, struct label *hit)
{
    struct label miss = {0};
    const unsigned words = (p->len + 31u) / 32;
    for (unsigned i = 0; i < words; i++) {
        const unsigned slot = side * 4 + i, bits = p->len - 32 * i;
        const bool last = i + 1 == words, whole = bits >= 32;
        const uint8_t op = whole ? (last ? OP_JEQ : OP_JNE) : OP_JPFX;
        asm_jump(&g->as, op, (uint8_t)(whole ? slot : slot << 5 | (32 - bits)), p->word[i], last ? hit : &miss);
    }
    asm_bind(&g->as, &miss);
}

/* Write instructions that jump to `fail` unless the v6 prefix matches. */
static void emit_only_prefix6(struct gen *g, unsigned side, const struct prefix *p, struct label *fail)
{
    for (unsigned i = 0; 32 * i < p->len; i++) {
        const unsigned slot = side * 4 + i, bits = p->len - 32 * i;
        asm_jump(&g->as, bits >= 32 ? OP_JNE : OP_JNPFX, (uint8_t)(bits >= 32 ? slot : slot << 5 | (32 - bits)),
                 p->word[i], fail);
    }
}

static void emit_prefix4(struct gen *g, unsigned side, const struct prefix *p, bool if_match, struct label *to)
{
    const unsigned slot = side * 4, shift = 32u - p->len;
    if (shift)
        asm_jump(&g->as, if_match ? OP_JPFX : OP_JNPFX, (uint8_t)(slot << 5 | shift), p->word[0], to);
    else
        asm_jump(&g->as, if_match ? OP_JEQ : OP_JNE, (uint8_t)slot, p->word[0], to);
}

static void emit_part(struct gen *g, unsigned side, unsigned family, const struct part *p, struct label *fail)
{
    struct label pass = {0}, *hit = p->outside ? fail : &pass;
    if (p->how == PART_NONE) asm_jump(&g->as, OP_JUMP, 0, 0, fail);
    if (p->how != PART_PREFIXES) return;
    for (unsigned i = 0; i < p->prefixes.count; i++) {
        const struct prefix *x = &p->prefixes.p[i];
        const bool settles = !p->outside && i + 1 == p->prefixes.count;
        if (family == IR_V4)
            emit_prefix4(g, side, x, !settles, settles ? fail : hit);
        else if (settles)
            emit_only_prefix6(g, side, x, fail);
        else
            emit_prefix6(g, side, x, hit);
    }
    asm_bind(&g->as, &pass);
}

static bool has_set(const struct ir_addrs *a, unsigned families)
{
    return a->set != PBC_NONE && (a->set_in & families) == families;
}

static uint32_t add_set(struct gen *g, uint32_t addrs);

/* Return the set in the image with these addresses. */
static uint32_t set_with(struct gen *g, uint32_t addrs)
{
    const struct ir_addrs *a = ir_addrs(g->ir, addrs);
    return has_set(a, IR_V4 | IR_V6) ? a->set : add_set(g, addrs);
}

/* Return 1 + the image's node of a split set; 0: the image is full. Addresses that can't be members of the live set
 * are not looked up. */
static uint32_t add_node(struct gen *g, const struct ir_addrs *a)
{
    const uint32_t in = set_with(g, a->in_free == IR_ALL ? IR_ALL : a->in), out = set_with(g, a->out);
    const struct pbc_live_node node = {.live = a->split - 1, .in = in, .out = out};
    const uint32_t at = in == PBC_NONE || out == PBC_NONE ? PBC_NONE : image_share(g->img, PBC_LIVE_NODES, &node, 1);
    return at == PBC_NONE ? 0 : at + 1;
}

/* Add a set with these addresses to the image, and return it. PBC_NONE: the image is full. */
static uint32_t add_set(struct gen *g, uint32_t addrs)
{
    const struct ir_addrs *a = ir_addrs(g->ir, addrs);
    const uint32_t live = a->split ? add_node(g, a) : 0;
    if (a->split && !live) {
        g->out_of_sets = true;
        return PBC_NONE;
    }
    const uint32_t first4 = image_share(g->img, PBC_SET4, a->r4, a->count4);
    const uint32_t first6 = image_share(g->img, PBC_SET6, a->r6, a->count6);
    struct pbc_set *s = first4 == PBC_NONE || first6 == PBC_NONE ? NULL : image_add_sets(g->img);
    if (!s) {
        g->out_of_sets = true;
        return PBC_NONE;
    }
    *s = (struct pbc_set){.first4 = first4, .count4 = a->count4, .first6 = first6, .count6 = a->count6, .live = live};
    ir_addrs_note_set(g->ir, addrs, g->img->sets_count - 1, IR_V4 | IR_V6);
    return g->img->sets_count - 1;
}

/* True for a union that would be long as a set and whose sets all are in the image: these are asked in turn. */
static bool asks_parts(const struct gen *g, const struct ir_addrs *a, unsigned families)
{
    if (a->count4 + a->count6 < COPY_MAX) return false;
    while (a->parts[0] != PBC_NONE && (a->parts_in & families) == families) {
        if (!has_set(ir_addrs(g->ir, a->parts[1]), families)) return false;
        a = ir_addrs(g->ir, a->parts[0]);
        if (has_set(a, families)) return true;
    }
    return false;
}

static void emit_parts(struct gen *g, unsigned side, const struct ir_addrs *a, unsigned families, struct label *hit)
{
    for (; !has_set(a, families); a = ir_addrs(g->ir, a->parts[0])) {
        asm_relay(&g->as);
        asm_jump(&g->as, OP_JSET, (uint8_t)side, ir_addrs(g->ir, a->parts[1])->set, hit);
    }
    asm_jump(&g->as, OP_JSET, (uint8_t)side, a->set, hit);
}

static void emit_set(struct gen *g, unsigned side, uint32_t addrs, unsigned families, struct label *fail)
{
    const struct ir_addrs *a = ir_addrs(g->ir, addrs);
    const struct ir_addrs *m =
        a->mirror == PBC_NONE || (a->mirror_in & families) != families ? NULL : ir_addrs(g->ir, a->mirror);
    struct label pass = {0};
    if (has_set(a, families)) {
        asm_jump(&g->as, OP_JNSET, (uint8_t)side, a->set, fail);
    } else if (m && has_set(m, families)) {
        asm_jump(&g->as, OP_JSET, (uint8_t)side, m->set, fail);
    } else if (asks_parts(g, a, families)) {
        emit_parts(g, side, a, families, &pass);
        asm_jump(&g->as, OP_JUMP, 0, 0, fail);
        asm_bind(&g->as, &pass);
    } else if (m && asks_parts(g, m, families)) {
        emit_parts(g, side, m, families, fail);
    } else {
        asm_jump(&g->as, OP_JNSET, (uint8_t)side, add_set(g, addrs), fail);
    }
}

/* Write the test that the address is in the set. The possible families are known; a rare one needs a single test. */
static void emit_addrs(struct gen *g, unsigned side, uint32_t addrs, unsigned families, struct label *fail)
{
    struct label six = {0}, pass = {0};
    struct parts p;
    plan_parts(g, addrs, families, &p);
    if (p.by_set) {
        emit_set(g, side, addrs, families, fail);
        return;
    }
    if (families != (IR_V4 | IR_V6)) {
        emit_part(g, side, families, families == IR_V4 ? &p.v4 : &p.v6, fail);
        return;
    }
    if (p.v4.how == PART_ALL || p.v4.how == PART_NONE) {
        asm_jump(&g->as, OP_JALL, KIND_SLOT, KIND_IP4, p.v4.how == PART_ALL ? &pass : fail);
        emit_part(g, side, IR_V6, &p.v6, fail);
    } else if (p.v6.how == PART_ALL || p.v6.how == PART_NONE) {
        asm_jump(&g->as, OP_JALL, KIND_SLOT, KIND_IP6, p.v6.how == PART_ALL ? &pass : fail);
        emit_part(g, side, IR_V4, &p.v4, fail);
    } else {
        asm_jump(&g->as, OP_JALL, KIND_SLOT, KIND_IP6, &six);
        emit_part(g, side, IR_V4, &p.v4, fail);
        asm_jump(&g->as, OP_JUMP, 0, 0, &pass);
        asm_bind(&g->as, &six);
        emit_part(g, side, IR_V6, &p.v6, fail);
    }
    asm_bind(&g->as, &pass);
}

void emit_address(struct gen *g, const struct test *t, struct label *fail)
{
    const unsigned side = t->type == TEST_DST;
    const uint32_t self = side ? KIND_DST_SELF : KIND_SRC_SELF;
    struct label own = {0}, pass = {0};
    if (t->a == t->b || t->b == IR_EMPTY) {
        emit_addrs(g, side, t->a, t->families, fail);
    } else if (t->a == IR_EMPTY) {
        emit_addrs(g, side, t->b, t->families, fail);
    } else if (t->b == IR_ALL) {
        asm_jump(&g->as, OP_JALL, KIND_SLOT, self, &pass);
        emit_addrs(g, side, t->a, t->families, fail);
    } else if (t->a == IR_ALL) {
        asm_jump(&g->as, OP_JNALL, KIND_SLOT, self, &pass);
        emit_addrs(g, side, t->b, t->families, fail);
    } else {
        asm_jump(&g->as, OP_JALL, KIND_SLOT, self, &own);
        emit_addrs(g, side, t->a, t->families, fail);
        asm_jump(&g->as, OP_JUMP, 0, 0, &pass);
        asm_bind(&g->as, &own);
        emit_addrs(g, side, t->b, t->families, fail);
    }
    asm_bind(&g->as, &pass);
}
