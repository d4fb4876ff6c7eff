/* Masks for family, protocol and fragment in key.kind. One instruction tests any number of bits, so "does the
 * product mean this frame" becomes as few masks as distinguish exactly those frames. They are found by trial over
 * the kinds of frames that exist (normal/kinds.h). */
#include <string.h>

#include "compiler/code/gen_priv.h"
#include "compiler/normal/kinds.h"

struct mask_entry {
    uint32_t what, fragment;
    unsigned states;
    struct kind_masks masks;
    struct mask_entry *next;
};
enum { CACHE_SLOTS = 256 };
struct mask_cache {
    struct mask_entry *slots[VARIANTS][CACHE_SLOTS];
};

static bool passes(const struct kind_masks *m, uint32_t kind)
{
    if ((kind & m->all) != m->all || kind & m->none) return false;
    for (unsigned i = 0; i < 3; i++)
        if (m->any[i] && !(kind & m->any[i])) return false;
    return true;
}

static bool exact(const struct kind_universe *u, const struct kind_masks *m)
{
    for (unsigned i = 0; i < u->count; i++)
        if (passes(m, u->frames[i].kind) != u->frames[i].wanted) return false;
    return true;
}

/* Drop bits that others imply; bits that a reader expects stay longest. */
static void reduce(const struct kind_universe *u, struct kind_masks *m)
{
    static const uint32_t order[] = {KIND_AH,  KIND_TCP_FLAGS, KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER,
                                     KIND_IP4, KIND_IP6,       KIND_PROTO,   KIND_PORTS,      KIND_ICMP_HEADER};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        struct kind_masks less = *m;
        less.all &= ~order[i];
        if (exact(u, &less)) *m = less;
        less = *m;
        less.none &= ~order[i];
        if (exact(u, &less)) *m = less;
    }
    for (unsigned i = 0; i < UPPERS; i++) {
        struct kind_masks less = *m;
        less.none &= ~uppers[i].kind;
        if (exact(u, &less)) *m = less;
    }
}

/* Find masks, trying the cheapest first: bits that all wanted frames have; then groups of which each frame has one;
 * then bits that none has. The last sixteen tries have another first group: names of frames without AH, and AH. */
static bool find_masks(const struct kind_universe *u, struct kind_masks *m)
{
    static const uint32_t groups[3] = {KIND_UPPER, KIND_IP, KIND_FRAG_NO | KIND_FRAG_FIRST | KIND_FRAG_LATER};
    uint32_t all = UINT32_MAX, some = 0, some_plain = 0, any[3] = {0};
    bool each[3] = {true, true, true};
    for (unsigned i = 0; i < u->count; i++)
        if (u->frames[i].wanted) {
            all &= u->frames[i].kind;
            some |= u->frames[i].kind;
            some_plain |= u->frames[i].kind & KIND_AH ? KIND_AH : u->frames[i].kind;
            for (unsigned g = 0; g < 3; g++) each[g] &= (u->frames[i].kind & groups[g]) != 0;
        }
    for (unsigned g = 0; g < 3; g++) any[g] = each[g] ? some & groups[g] : 0;
    const uint32_t none = ~some & (KIND_IP | groups[0] | groups[2] | KIND_AH | KIND_PROTO | KIND_PORTS |
                                   KIND_TCP_FLAGS | KIND_ICMP_HEADER);
    for (unsigned try = 0; try < 32; try++) {
        const uint32_t names = try & 16 ? some_plain & (KIND_UPPER | KIND_AH) : any[0];
        *m = (struct kind_masks){.all = all,
                                 .none = try & 8 ? none : 0,
                                 .any = {try & 1 ? names : 0, try & 2 ? any[1] : 0, try & 4 ? any[2] : 0}};
        if (exact(u, m)) {
            reduce(u, m);
            return true;
        }
    }
    return false;
}

/* Keep only wanted protocols if numbers decide: the masks may be wrong about others. Return the frames' families. */
static uint32_t keep_wanted_protocols(struct kind_universe *u, const struct ir *ir, uint32_t what, unsigned states)
{
    struct kind_universe all_fragments;
    uint32_t families = 0;
    unsigned n = 0;
    kind_universe(&all_fragments, ir, what, IR_ALL, states);
    for (unsigned i = 0; i < u->count; i++)
        if (all_fragments.frames[i].wanted) {
            families |= u->frames[i].kind & KIND_IP;
            u->frames[n++] = u->frames[i];
        }
    u->count = n;
    return families;
}

static struct kind_masks compute(const struct ir *ir, uint32_t what, uint32_t fragment, unsigned states)
{
    struct kind_universe u;
    struct kind_masks m = {0};
    kind_universe(&u, ir, what, fragment, states);
    if (!u.numbers && find_masks(&u, &m)) return m;
    const uint32_t families = keep_wanted_protocols(&u, ir, what, states);
    find_masks(&u, &m);
    if (!ir_ranges_have(ir, what, WHAT_AH6_UNKNOWN))
        m.all |= KIND_PROTO; /* an unknown number is not among the wanted numbers */
    if (families != KIND_IP) m.all |= families;
    m.numbers = true;
    return m;
}

const struct kind_masks *kind_masks(struct gen *g, const struct ir_product *p, enum variant v)
{
    const uint32_t what = p->field[IR_WHAT], fragment = p->field[IR_FRAGMENT];
    const unsigned states = asks_state(g->ir, p) ? states_asked(g->ir, p) : ~0u;
    if (!g->masks) g->masks = arena_alloc(g->c->arena, sizeof(*g->masks));
    struct mask_entry **slot = &g->masks->slots[v][(what * 31 + fragment * 7 + states) % CACHE_SLOTS];
    for (struct mask_entry *e = *slot; e; e = e->next)
        if (e->what == what && e->fragment == fragment && e->states == states) return &e->masks;
    struct mask_entry *e = arena_alloc(g->c->arena, sizeof(*e));
    *e = (struct mask_entry){.what = what, .fragment = fragment, .states = states, .next = *slot};
    if (v == FRAMES) e->masks = compute(g->ir, what, fragment, states);
    *slot = e;
    return &e->masks;
}
