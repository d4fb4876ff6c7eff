/* Choose a packet's addresses from a product: addresses for examples before private ones before others, for the
 * packet's direction (sample.h). */
#include <string.h>

#include "compiler/analysis/sample/sample_priv.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/read.h"

#define V6(first, rest) ((u128)(first) << 112 | (rest))
static const struct addr_span windows4[] = {
    {0xc6336401, 0xc63364fe}, /* 198.51.100.0/24, 203.0.113.0/24, 192.0.2.0/24: for examples (RFC 5737) */
    {0xcb007101, 0xcb0071fe}, {0xc0000201, 0xc00002fe}, {0xc6120001, 0xc613fffe}, /* 198.18.0.0/15 */
    {0x0a000001, 0x0afffffe}, /* 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 */
    {0xac100001, 0xac1ffffe}, {0xc0a80001, 0xc0a8fffe}, {0x01000001, 0x7efffffe},
    {0x80000001, 0xdffffffe}, {0, 0xffffffff},
};
static const struct addr_span windows6[] = {
    {V6(0x2001, (u128)0xdb8 << 96) + 1, V6(0x2001, (u128)0xdb9 << 96) - 1}, /* 2001:db8::/32 (RFC 3849) */
    {V6(0x2000, 1), V6(0x4000, 0) - 1},
    {V6(0xfc00, 1), V6(0xfe00, 0) - 1},
    {V6(0xfe80, 1), V6(0xfec0, 0) - 1},
    {1, V6(0xff00, 0) - 1},
    {0, ~(u128)0},
};
enum { WINDOWS4 = sizeof(windows4) / sizeof(windows4[0]), WINDOWS6 = sizeof(windows6) / sizeof(windows6[0]) };

static unsigned sample_family(const struct sampler *s) { return s->family == 4 ? IR_V4 : IR_V6; }

static void value_words(u128 value, uint8_t family, uint32_t addr[4])
{
    for (unsigned i = 0; i < 4; i++)
        addr[i] = family == 6 ? (uint32_t)(value >> (96 - 32 * i)) : i ? 0 : (uint32_t)value;
}

static bool is_self(const struct sampler *s, const uint32_t a[4])
{
    return sides_of(s->own, s->family, a, a) & KIND_SRC_SELF;
}

/* True for the address of a group or a service: its packets come in, though it is not this machine's. */
static bool is_ours_too(const struct sampler *s, const uint32_t a[4])
{
    const struct image *img = s->c->image;
    for (uint32_t i = 0; i < img->endpoints_count; i++) {
        const struct pbc_endpoint *e = &img->endpoints[i];
        if (e->to == PBC_TO_ADDRESS && !e->wire && e->family == s->family && memcmp(e->addr, a, sizeof(e->addr)) == 0)
            return true;
    }
    return address_is_group(s->family, a);
}

static bool takes_any(const struct sampler *s)
{
    for (uint32_t i = 0; i < s->c->image->endpoints_count; i++)
        if (s->c->image->endpoints[i].to == PBC_TO_ANY && !s->c->image->endpoints[i].wire) return true;
    return false;
}

typedef bool fits_fn(const struct sampler *s, const uint32_t a[4]);

static bool fits_source(const struct sampler *s, const uint32_t a[4]) { return !is_self(s, a); }

static bool fits_destination(const struct sampler *s, const uint32_t a[4])
{
    if (is_self(s, a)) return false;
    if (s->direction == PBC_DIR_OUT) return true;
    return s->direction == PBC_DIR_FORWARD ? !is_ours_too(s, a) : is_ours_too(s, a) || takes_any(s);
}

static bool fits_other(const struct sampler *s, const uint32_t a[4])
{
    return fits_destination(s, a) && memcmp(a, s->out->src, sizeof(s->out->src)) != 0;
}

/* True for a source that differs from the destination already chosen. */
static bool fits_apart(const struct sampler *s, const uint32_t a[4])
{
    return fits_source(s, a) && memcmp(a, s->out->dst, sizeof(s->out->dst)) != 0;
}

static bool fits_new_self(const struct sampler *s, const uint32_t a[4])
{
    return !address_is_group(s->family, a) && words_number(a, s->family == 6) != 0;
}

/* Choose an address of one window, in order, skipping *n that fit. */
static bool choose_in(const struct sampler *s, const struct ir_addrs *set, struct addr_span w, fits_fn *fits,
                      unsigned *n, uint32_t out[4])
{
    enum { TRIES = 300, EACH = 6 };
    const unsigned family = sample_family(s);
    unsigned tries = 0;
    for (uint32_t i = addr_find(set, family, w.lo); i < addr_count(set, family) && tries < TRIES; i++) {
        struct addr_span r = addr_span(set, family, i);
        if (r.lo > w.hi) break;
        if (r.lo < w.lo) r.lo = w.lo;
        if (r.hi > w.hi) r.hi = w.hi;
        /* an address that ends in 0 may be a network's, not a host's */
        if (r.hi - r.lo > 1 && (r.lo & 0xff) == 0) r.lo++;
        for (unsigned k = 0; k < EACH + *n && r.lo + k <= r.hi; k++, tries++) {
            value_words(r.lo + k, s->family, out);
            if (fits(s, out) && (*n)-- == 0) return true;
            if (r.lo + k == r.hi) break;
        }
    }
    return false;
}

/* Choose an address of a part of a field. first: the window to begin with. */
static bool part_choose(const struct sampler *s, uint32_t part, unsigned first, fits_fn *fits, uint32_t out[4])
{
    const struct ir_addrs *set = ir_addrs(s->ir, part);
    const bool v4 = s->family == 4;
    const unsigned count = v4 ? WINDOWS4 : WINDOWS6, turn = v4 ? 3 : 1;
    for (unsigned tries = 0, n = s->avoid; tries < 2; tries++, n = 0)
        for (unsigned i = 0; i < count; i++) {
            const unsigned at = i < turn ? (i + first) % turn : i;
            if (choose_in(s, set, v4 ? windows4[at] : windows6[at], fits, &n, out)) return true;
        }
    return false;
}

/* Choose an address, and live sets that have it: none, if possible. */
static bool address_choose(const struct sampler *s, enum ir_field f, unsigned first, fits_fn *fits, uint32_t out[4])
{
    live_bits *const live = &s->out->live[f >= IR_DST];
    uint32_t part;
    for (uint32_t i = 0; (part = ir_addrs_part(s->ir, s->p->field[f], i, live)) != PBC_NONE; i++)
        if (part_choose(s, part, first, fits, out)) return true;
    return false;
}

/* Return the nth address of this machine: first that of `self`, then all. */
static bool nth_own(const struct sampler *s, unsigned n, uint32_t out[4])
{
    if (n == 0) return own_address(s->own, s->family, out);
    if (s->family == 4)
        value_words(s->own->self4[n - 1], 4, out);
    else
        value_words(span6(&s->own->self6[n - 1]).lo, 6, out);
    return true;
}

/* Choose an address of this machine that the field holds. */
static bool choose_self(const struct sampler *s, enum ir_field f, uint32_t out[4])
{
    const unsigned count = s->family == 4 ? s->own->self4_count : s->own->self6_count;
    live_bits *const live = &s->out->live[f >= IR_DST];
    uint32_t part;
    for (uint32_t k = 0; (part = ir_addrs_part(s->ir, s->p->field[f], k, live)) != PBC_NONE; k++)
        for (unsigned i = 0; i <= count; i++)
            if (nth_own(s, i, out) &&
                addr_held(ir_addrs(s->ir, part), sample_family(s), words_number(out, s->family == 6)))
                return true;
    return false;
}

static bool choose_both(const struct sampler *s)
{
    struct frame_spec *p = s->out;
    const bool out = s->direction == PBC_DIR_OUT;
    uint32_t apart[4];
    if (out ? !choose_self(s, IR_SRC_SELF, p->src) : !address_choose(s, IR_SRC, 0, fits_source, p->src)) return false;
    if (s->direction == PBC_DIR_IN && choose_self(s, IR_DST_SELF, p->dst)) return true;
    if (address_choose(s, IR_DST, 1, fits_other, p->dst)) return true;
    if (!address_choose(s, IR_DST, 1, fits_destination, p->dst)) return out && choose_self(s, IR_DST_SELF, p->dst);
    if (out) return true;
    const live_bits before = p->live[0];
    if (address_choose(s, IR_SRC, 0, fits_apart, apart))
        memcpy(p->src, apart, sizeof(apart));
    else
        p->live[0] = before;
    return true;
}

/* True unless one address, as source and as destination, is assumed to be in different live sets. */
static bool is_consistent(const struct frame_spec *p)
{
    return p->live[0] == p->live[1] || memcmp(p->src, p->dst, sizeof(p->src)) != 0;
}

bool sample_addresses(const struct sampler *s)
{
    struct frame_spec *p = s->out;
    uint32_t self[4];
    if (!choose_both(s) || !is_consistent(p)) return false;
    if (!own_address(s->own, s->family, self)) return true;
    if (memcmp(p->src, self, sizeof(self)) == 0) p->notes |= NOTE_SRC_SELF;
    if (memcmp(p->dst, self, sizeof(self)) == 0) p->notes |= NOTE_DST_SELF;
    return true;
}

/* Return the facts with one more address, in order. */
static const struct facts *own_with4(struct compile *c, const struct facts *given, uint32_t a)
{
    struct facts *own = memcpy(arena_alloc(c->arena, sizeof(*own)), given, sizeof(*own));
    uint32_t *all = arena_alloc(c->arena, (given->self4_count + 1) * sizeof(*all));
    unsigned n = 0;
    for (unsigned i = 0; i < given->self4_count && given->self4[i] < a; i++) all[n++] = given->self4[i];
    all[n] = a;
    for (unsigned i = n; i < given->self4_count; i++) all[i + 1] = given->self4[i];
    own->self4 = all;
    own->self4_count++;
    if (!own->addr4) own->addr4 = a;
    return own;
}

static bool is_below(const struct pbc_range6 *a, const struct pbc_range6 *b)
{
    return a->lo_hi != b->lo_hi ? a->lo_hi < b->lo_hi : a->lo_lo < b->lo_lo;
}

static const struct facts *own_with6(struct compile *c, const struct facts *given, const uint32_t a[4])
{
    struct facts *own = memcpy(arena_alloc(c->arena, sizeof(*own)), given, sizeof(*own));
    struct pbc_range6 *all = arena_alloc(c->arena, (given->self6_count + 1) * sizeof(*all));
    const uint64_t hi = (uint64_t)a[0] << 32 | a[1], lo = (uint64_t)a[2] << 32 | a[3];
    const struct pbc_range6 one = {hi, lo, hi, lo};
    uint32_t first[4];
    unsigned n = 0;
    for (unsigned i = 0; i < given->self6_count && is_below(&given->self6[i], &one); i++) all[n++] = given->self6[i];
    all[n] = one;
    for (unsigned i = n; i < given->self6_count; i++) all[i + 1] = given->self6[i];
    own->self6 = all;
    own->self6_count++;
    if (!own_address(own, 6, first)) memcpy(own->addr6, a, sizeof(own->addr6));
    return own;
}

/* Return facts that have an address of the field's set. With `more`, an address may be added. NULL if there is no
 * such address. */
static const struct facts *own_having(struct sampler *s, enum ir_field f, bool more)
{
    uint32_t a[4];
    if (!s->own || choose_self(s, f, a)) return s->own;
    if (!more || !address_choose(s, f, 2, fits_new_self, a)) return NULL;
    return s->family == 4 ? own_with4(s->c, s->own, a[0]) : own_with6(s->c, s->own, a);
}

const struct facts *sample_self(struct compile *c, const struct ir_product *p, enum pbc_direction direction,
                                const struct facts *given)
{
    struct frame_spec unused = {0};
    struct sampler s = {.c = c, .ir = c->ir, .p = p, .direction = direction, .out = &unused};
    const unsigned families = ir_families(c->ir, p);
    if (direction == PBC_DIR_FORWARD || ir_is_empty(p)) return given;
    for (unsigned more = 0; more < 2; more++)
        for (s.family = 4; s.family <= 6; s.family = (uint8_t)(s.family + 2)) {
            if (!(families & (s.family == 4 ? IR_V4 : IR_V6))) continue;
            s.own = given;
            if (direction == PBC_DIR_OUT) s.own = own_having(&s, IR_SRC_SELF, more);
            if (p->field[IR_DST] == IR_EMPTY) s.own = own_having(&s, IR_DST_SELF, more);
            if (s.own) return s.own;
        }
    return NULL;
}
