/* Choices for family, protocol and fragment of a product: bits of key.kind, and numbers in key.proto if the bits do
 * not distinguish protocols. The choices are few, and together hold those frames and no others. They are found by
 * trial over the kinds of frames that exist (normal/kinds.h). Each begins as one wanted frame and grows, bit by bit,
 * while it holds no unwanted frame. */
#include <string.h>

#include "compiler/classify/boxes/choices.h"
#include "compiler/normal/kinds.h"
#include "compiler/normal/prefix.h"

struct kind_entry {
    uint32_t what, fragment;
    unsigned states, family;
    struct choices choices;
    struct kind_entry *next;
};
enum { CACHE_SLOTS = 256 };
struct kind_cache {
    struct kind_entry *slots[CACHE_SLOTS];
};

/* True if only wanted frames have these bits. */
static bool only_wanted(const struct kind_universe *u, const struct choice *c)
{
    for (unsigned i = 0; i < u->count; i++)
        if (!u->frames[i].wanted && (u->frames[i].kind & c->kind_mask) == c->kind_value) return false;
    return true;
}

static void choice_drop(const struct kind_universe *u, struct choice *c, uint32_t bit)
{
    const struct choice less = {.kind_mask = c->kind_mask & ~bit, .kind_value = c->kind_value & ~bit, .port = c->port};
    if (only_wanted(u, &less)) *c = less;
}

/* Orders in which bits are dropped. The first begins with bits that others imply, so that names, families and
 * KIND_PORTS stay if they suffice. The second begins with names, because a family may be enough. */
enum { ORDER = 15, ORDERS = 2 };
static const uint32_t orders[ORDERS][ORDER] = {
    {KIND_AH, KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER, KIND_TCP_FLAGS, KIND_PROTO, KIND_IP4, KIND_IP6, KIND_TCP,
     KIND_UDP, KIND_SCTP, KIND_ICMP, KIND_ICMP6, KIND_PORTS, KIND_ICMP_HEADER},
    {KIND_TCP, KIND_UDP, KIND_SCTP, KIND_ICMP, KIND_ICMP6, KIND_TCP_FLAGS, KIND_FRAG_NO, KIND_FRAG_FIRST,
     KIND_FRAG_LATER, KIND_PORTS, KIND_ICMP_HEADER, KIND_PROTO, KIND_IP4, KIND_IP6, KIND_AH},
};
#define FRAGMENT_BITS ((uint32_t)(KIND_FRAG_NO | KIND_FRAGMENT))

/* Grow a choice from a wanted frame: drop bits while it holds only wanted frames. way: the order, and whether clear
 * bits are dropped before set bits; the best way differs. */
static struct choice choice_grow(const struct kind_universe *u, uint32_t kind, unsigned way)
{
    struct choice c = {.kind_mask = KIND_CORE, .kind_value = kind, .port = {0, UINT16_MAX}};
    const uint32_t *const order = orders[way / 2];
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < ORDER; i++)
            if (((kind & order[i]) != 0) == (pass != (way & 1))) choice_drop(u, &c, order[i]);
    return c;
}

/* Return the number of wanted frames that this choice holds and no earlier choice does. */
static unsigned gains(const struct kind_universe *u, uint64_t held, const struct choice *c, uint64_t *holds)
{
    *holds = 0;
    for (unsigned i = 0; i < u->count; i++)
        if (u->frames[i].wanted && (u->frames[i].kind & c->kind_mask) == c->kind_value) *holds |= 1ull << i;
    return (unsigned)__builtin_popcountll(*holds & ~held);
}

/* Cover the wanted frames greedily, by the choice that gains most. */
static void cover(const struct kind_universe *u, struct choices *out)
{
    for (uint64_t held = 0;;) {
        uint64_t best_holds = 0;
        struct choice best;
        unsigned most = 0;
        for (unsigned way = 0; way < 2 * ORDERS; way++)
            for (unsigned i = 0; i < u->count; i++) {
                uint64_t holds;
                if (!u->frames[i].wanted || held >> i & 1) continue;
                const struct choice c = choice_grow(u, u->frames[i].kind, way);
                const unsigned n = gains(u, held, &c, &holds);
                if (n <= most) continue;
                most = n;
                best = c;
                best_holds = holds;
            }
        if (!most) return;
        held |= best_holds;
        out->c[out->count++] = best;
    }
}

/* Keep only the family's frames. */
static void keep_family(struct kind_universe *u, unsigned family)
{
    const uint32_t bit = family == IR_V4 ? KIND_IP4 : KIND_IP6;
    for (unsigned i = 0; i < u->count && family; i++) u->frames[i].wanted &= (u->frames[i].kind & bit) != 0;
}

/* Ask for fragments of IP packets, as bits. */
static void ask_fragment(const struct ir *ir, uint32_t fragment, struct choice *c)
{
    static const uint32_t bits[] = {KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER};
    unsigned wanted = 0;
    uint32_t out_of = 0;
    for (unsigned f = FRAGMENT_NO; f <= FRAGMENT_LATER; f++)
        if (ir_ranges_have(ir, fragment, f)) {
            wanted++;
            if (wanted == 1) c->kind_value |= bits[f], c->kind_mask |= bits[f];
        } else {
            out_of |= bits[f];
        }
    if (wanted == 1) return;
    c->kind_value &= ~FRAGMENT_BITS;
    c->kind_mask = (c->kind_mask & ~FRAGMENT_BITS) | out_of;
}

/* Add packets of one family, or both, with a known protocol in the ranges. */
static void add_numbers(struct choices *out, const struct choice *kind, const struct pbc_range *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct prefix p[16];
        const uint32_t n = prefixes_between(r[i].lo, r[i].hi, 8, p, 16);
        for (uint32_t k = 0; k < n; k++) {
            if (out->count == RULE_BOXES_MAX) choices_halve(out);
            struct choice *c = &out->c[out->count++];
            *c = *kind;
            c->mask[0] = 0xffu & ~(0xffu >> p[k].len);
            c->value[0] = p[k].word[0] & c->mask[0];
        }
    }
}

static void add_kind(struct choices *out, uint32_t mask, uint32_t value, const struct ir *ir, uint32_t fragment)
{
    struct choice c = {.kind_value = value, .kind_mask = mask, .port = {0, UINT16_MAX}};
    ask_fragment(ir, fragment, &c);
    out->c[out->count++] = c;
}

static void number_kinds(const struct ir *ir, uint32_t what, uint32_t fragment, unsigned family, struct choices *out)
{
    static const struct {
        uint32_t mask, value;
    } bases[WHAT_BASES] = {{KIND_IP4, KIND_IP4}, {KIND_IP6, KIND_IP6}, {KIND_IP6 | KIND_AH, KIND_IP6 | KIND_AH}};
    const bool asks_ah = what_asks_ah(ir, what);
    struct pbc_range r[WHAT_BASES][128];
    struct choice known = {.kind_value = KIND_PROTO, .kind_mask = KIND_PROTO, .port = {0, UINT16_MAX}};
    uint32_t n[WHAT_BASES];
    for (unsigned b = 0; b < WHAT_BASES; b++) n[b] = what_numbers(ir, what, what_bases[b], r[b]);
    /* the other frames: IPv6 with unknown protocol, and frames that are neither IP nor ARP. */
    const bool plain = ir_ranges_have(ir, what, WHAT_IP6_UNKNOWN), ah = ir_ranges_have(ir, what, WHAT_AH6_UNKNOWN);
    const uint32_t tells = plain == ah ? 0 : KIND_AH;
    if (family != IR_V4 && (plain || ah))
        add_kind(out, KIND_IP6 | KIND_PROTO | tells, KIND_IP6 | (ah ? tells : 0), ir, fragment);
    if (!family && ir_ranges_have(ir, what, WHAT_OTHER) && fragment == IR_ALL)
        out->c[out->count++] = (struct choice){.kind_mask = KIND_IP, .port = {0, UINT16_MAX}};
    ask_fragment(ir, fragment, &known);
    if (!asks_ah && !family && n[0] == n[1] && memcmp(r[0], r[1], n[0] * sizeof(r[0][0])) == 0) {
        add_numbers(out, &known, r[0], n[0]);
        return;
    }
    for (unsigned b = 0; b < (asks_ah ? WHAT_BASES : 2u); b++) {
        struct choice c = known;
        if (family == (b ? IR_V4 : IR_V6)) continue;
        c.kind_value |= bases[b].value;
        c.kind_mask |= bases[b].mask | (b && asks_ah ? KIND_AH : 0);
        add_numbers(out, &c, r[b], n[b]);
    }
}

void kind_choices(struct kind_cache **cache, const struct ir *ir, const struct ir_product *p, unsigned family,
                  struct choices *out)
{
    const uint32_t what = p->field[IR_WHAT], fragment = p->field[IR_FRAGMENT];
    const unsigned states = asks_state(ir, p) ? states_asked(ir, p) : ~0u;
    if (!*cache) *cache = arena_alloc(ir->arena, sizeof(**cache));
    struct kind_entry **slot = &(*cache)->slots[(what * 31 + fragment * 7 + states + family * 3) % CACHE_SLOTS];
    struct kind_entry *e = *slot;
    while (e && (e->what != what || e->fragment != fragment || e->states != states || e->family != family)) e = e->next;
    if (!e) {
        e = arena_alloc(ir->arena, sizeof(*e));
        *e = (struct kind_entry){.what = what, .fragment = fragment, .states = states, .family = family, .next = *slot};
        struct kind_universe u;
        choices_begin(&e->choices, IR_WHAT, KEY_HALF(proto) / 2, 1);
        kind_universe(&u, ir, e->what, e->fragment, e->states);
        keep_family(&u, e->family);
        if (u.numbers)
            number_kinds(ir, e->what, e->fragment, e->family, &e->choices);
        else
            cover(&u, &e->choices);
        *slot = e;
    }
    memcpy(out, &e->choices, offsetof(struct choices, c) + e->choices.count * sizeof(e->choices.c[0]));
}
