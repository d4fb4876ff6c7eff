/* Family, protocol and fragment as bits of key.kind: one instruction tests any number of bits, so the question "is this
 * one of the frames that the product means" is turned into as few masks as tell exactly those apart. The answer is
 * found by trial: there are only a few dozen combinations of bits that a well-formed frame can have. */
#include <string.h>

#include "compiler/code/gen_priv.h"
#include "vm/key.h"

struct kind_frame {
    uint32_t kind;
    bool wanted;
};
enum { FRAMES_MAX = 64 };

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

/* Protocols whose name is a bit. A value of IR_WHAT each. */
static const struct {
    uint32_t what, bits, header;
} named[] = {
    {6, KIND_TCP, KIND_PORTS | KIND_TCP_FLAGS},
    {17, KIND_UDP, KIND_PORTS},
    {132, KIND_SCTP, KIND_PORTS},
    {1, KIND_ICMP, KIND_ICMP_HEADER},
    {WHAT_IP6 + 6, KIND_TCP, KIND_PORTS | KIND_TCP_FLAGS},
    {WHAT_IP6 + 17, KIND_UDP, KIND_PORTS},
    {WHAT_IP6 + 132, KIND_SCTP, KIND_PORTS},
    {WHAT_IP6 + 58, KIND_ICMP6, KIND_ICMP_HEADER},
};
enum { NAMED = sizeof(named) / sizeof(named[0]) };

static bool is_named(uint32_t what)
{
    for (unsigned i = 0; i < NAMED; i++)
        if (named[i].what == what) return true;
    return false;
}

/* Do some, and do all, of the family's protocols without a bit of their own belong to the set? */
static void nameless(const struct ir *ir, uint32_t set, uint32_t first, bool *some, bool *others)
{
    *some = *others = false;
    for (uint32_t v = first; v < first + 256; v++)
        if (!is_named(v)) {
            if (ir_ranges_have(ir, set, v))
                *some = true;
            else
                *others = true;
        }
}

struct universe {
    const struct ir *ir;
    uint32_t fragment;
    unsigned states; /* frames that can have none of these are told apart by a test of their own */
    struct kind_frame frames[FRAMES_MAX];
    unsigned count;
    uint32_t families; /* of wanted protocols, where numbers decide */
};

/* A kind of IP packet, whole, as a first and as a later fragment. `states`: which it can have but for the last. */
static void add_ip(struct universe *u, uint32_t bits, uint32_t header, unsigned states, bool wanted)
{
    static const uint32_t fragments[] = {KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER};

    for (uint32_t f = FRAGMENT_NO; f <= FRAGMENT_LATER; f++)
        if (u->states & (f == FRAGMENT_LATER ? 1u << STATE_IS_ABSENT : states))
            u->frames[u->count++] = (struct kind_frame){bits | fragments[f] | (f == FRAGMENT_LATER ? 0 : header),
                                                        wanted && ir_ranges_have(u->ir, u->fragment, f)};
}

/* All frames but ARP that the masks must tell apart. Protocols of which only the number tells: `numbers` is set. */
static void build_universe(struct universe *u, const struct ir *ir, uint32_t what, uint32_t fragment, unsigned states,
                           bool *numbers)
{
    *u = (struct universe){.ir = ir, .fragment = fragment, .states = states};
    *numbers = false;
    for (unsigned i = 0; i < NAMED; i++)
        add_ip(u, (named[i].what < WHAT_IP6 ? KIND_IP4 : KIND_IP6) | KIND_PROTO | named[i].bits, named[i].header,
               states_of_protocol(named[i].what), ir_ranges_have(ir, what, named[i].what));
    for (unsigned six = 0; six < 2; six++) {
        bool some, others;

        nameless(ir, what, six ? WHAT_IP6 : WHAT_IP4, &some, &others);
        *numbers |= some && others;
        add_ip(u, (six ? KIND_IP6 : KIND_IP4) | KIND_PROTO, 0, states_of_protocol(WHAT_IP4), some);
    }
    add_ip(u, KIND_IP6, 0, states_of_protocol(WHAT_IP6_UNKNOWN), ir_ranges_have(ir, what, WHAT_IP6_UNKNOWN));
    if (states & 1u << STATE_IS_ABSENT)
        u->frames[u->count++] = (struct kind_frame){0, ir_ranges_have(ir, what, WHAT_OTHER)};
}

static bool passes(const struct kind_masks *m, uint32_t kind)
{
    if ((kind & m->all) != m->all || kind & m->none) return false;
    for (unsigned i = 0; i < 3; i++)
        if (m->any[i] && !(kind & m->any[i])) return false;
    return true;
}

static bool exact(const struct universe *u, const struct kind_masks *m)
{
    for (unsigned i = 0; i < u->count; i++)
        if (passes(m, u->frames[i].kind) != u->frames[i].wanted) return false;
    return true;
}

/* Leave out bits that others imply; the ones a reader expects stay longest. */
static void reduce(const struct universe *u, struct kind_masks *m)
{
    static const uint32_t order[] = {KIND_TCP_FLAGS, KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER, KIND_IP4,
                                     KIND_IP6,       KIND_PROTO,   KIND_PORTS,      KIND_ICMP_HEADER};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        struct kind_masks less = *m;

        less.all &= ~order[i];
        if (exact(u, &less)) *m = less;
        less = *m;
        less.none &= ~order[i];
        if (exact(u, &less)) *m = less;
    }
    static const uint32_t names[] = {KIND_TCP, KIND_UDP, KIND_SCTP, KIND_ICMP, KIND_ICMP6};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct kind_masks less = *m;

        less.none &= ~names[i];
        if (exact(u, &less)) *m = less;
    }
}

/* Try masks from the cheapest up: bits that all wanted frames have; also groups of which each has one; also bits that
 * none has. */
static bool find_masks(const struct universe *u, struct kind_masks *m)
{
    static const uint32_t groups[3] = {KIND_WITH_PORTS | KIND_ICMP | KIND_ICMP6, KIND_IP,
                                       KIND_FRAG_NO | KIND_FRAG_FIRST | KIND_FRAG_LATER};
    uint32_t all = UINT32_MAX, some = 0, any[3] = {0};
    bool each[3] = {true, true, true};

    for (unsigned i = 0; i < u->count; i++)
        if (u->frames[i].wanted) {
            all &= u->frames[i].kind;
            some |= u->frames[i].kind;
            for (unsigned g = 0; g < 3; g++) each[g] &= (u->frames[i].kind & groups[g]) != 0;
        }
    for (unsigned g = 0; g < 3; g++) any[g] = each[g] ? some & groups[g] : 0;
    const uint32_t none =
        ~some & (KIND_IP | groups[0] | groups[2] | KIND_PROTO | KIND_PORTS | KIND_TCP_FLAGS | KIND_ICMP_HEADER);
    for (unsigned try = 0; try < 16; try++) {
        *m = (struct kind_masks){.all = all,
                                 .none = try & 8 ? none : 0,
                                 .any = {try & 1 ? any[0] : 0, try & 2 ? any[1] : 0, try & 4 ? any[2] : 0}};
        if (exact(u, m)) {
            reduce(u, m);
            return true;
        }
    }
    return false;
}

/* Where numbers decide, the masks need only be right about frames whose protocol is wanted. */
static void keep_wanted_protocols(struct universe *u, const struct ir *ir, uint32_t what, unsigned states)
{
    struct universe all_fragments;
    bool numbers;
    unsigned n = 0;

    build_universe(&all_fragments, ir, what, IR_ALL, states, &numbers);
    for (unsigned i = 0; i < u->count; i++)
        if (all_fragments.frames[i].wanted) {
            u->families |= u->frames[i].kind & KIND_IP;
            u->frames[n++] = u->frames[i];
        }
    u->count = n;
}

static struct kind_masks compute(const struct ir *ir, uint32_t what, uint32_t fragment, unsigned states)
{
    struct universe u;
    struct kind_masks m = {0};
    bool numbers;

    build_universe(&u, ir, what, fragment, states, &numbers);
    if (!numbers && find_masks(&u, &m)) return m;
    keep_wanted_protocols(&u, ir, what, states);
    find_masks(&u, &m);
    m.all |= KIND_PROTO; /* a number that is not known is not one of those asked for */
    if (u.families != KIND_IP) m.all |= u.families;
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
