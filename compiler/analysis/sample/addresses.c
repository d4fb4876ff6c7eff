/* The addresses of a packet out of a product: those that are for examples before those of private networks before
 * others, and such that the packet travels in the direction (sample.h). */
#include <string.h>

#include "compiler/analysis/sample/sample_priv.h"

struct window {
    u128 lo, hi;
};
#define V6(first, rest) ((u128)(first) << 112 | (rest))
static const struct window windows4[] = {
    {0xc6336401, 0xc63364fe}, /* 198.51.100.0/24, 203.0.113.0/24, 192.0.2.0/24: for examples (RFC 5737) */
    {0xcb007101, 0xcb0071fe}, {0xc0000201, 0xc00002fe}, {0xc6120001, 0xc613fffe}, /* 198.18.0.0/15 */
    {0x0a000001, 0x0afffffe}, /* 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 */
    {0xac100001, 0xac1ffffe}, {0xc0a80001, 0xc0a8fffe}, {0x01000001, 0x7efffffe},
    {0x80000001, 0xdffffffe}, {0, 0xffffffff},
};
static const struct window windows6[] = {
    {V6(0x2001, (u128)0xdb8 << 96) + 1, V6(0x2001, (u128)0xdb9 << 96) - 1}, /* 2001:db8::/32 (RFC 3849) */
    {V6(0x2000, 1), V6(0x4000, 0) - 1},
    {V6(0xfc00, 1), V6(0xfe00, 0) - 1},
    {V6(0xfe80, 1), V6(0xfec0, 0) - 1},
    {1, V6(0xff00, 0) - 1},
    {0, ~(u128)0},
};
enum { WINDOWS4 = sizeof(windows4) / sizeof(windows4[0]), WINDOWS6 = sizeof(windows6) / sizeof(windows6[0]) };

static struct window range_of(const struct ir_addrs *a, uint8_t family, uint32_t i)
{
    if (family == 4) return (struct window){a->r4[i].lo, a->r4[i].hi};
    return (struct window){(u128)a->r6[i].lo_hi << 64 | a->r6[i].lo_lo, (u128)a->r6[i].hi_hi << 64 | a->r6[i].hi_lo};
}

static uint32_t range_count(const struct ir_addrs *a, uint8_t family) { return family == 4 ? a->count4 : a->count6; }

/* The first range that does not end before the address. */
static uint32_t first_range(const struct ir_addrs *a, uint8_t family, u128 at)
{
    uint32_t from = 0, count = range_count(a, family);

    while (count) {
        const uint32_t half = count / 2;

        if (range_of(a, family, from + half).hi < at) {
            from += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return from;
}

static struct addr addr_of(u128 value, uint8_t family)
{
    struct addr a = {.family = family};
    const unsigned bytes = family == 4 ? 4 : 16;

    for (unsigned i = 0; i < bytes; i++) a.bytes[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return a;
}

static u128 value_of_addr(const struct addr *a) { return a->family == 4 ? addr_v4(a) : addr_v6(a); }

static bool is_self(const struct test_self *self, const struct addr *a)
{
    if (a->family == 4) {
        for (unsigned i = 0; i < self->count4; i++)
            if (self->v4[i] == addr_v4(a)) return true;
        return false;
    }
    for (unsigned i = 0; i < self->count6; i++)
        if (((u128)self->v6[i].lo_hi << 64 | self->v6[i].lo_lo) == addr_v6(a)) return true;
    return false;
}

static bool is_group(const struct addr *a)
{
    if (a->family == 6) return a->bytes[0] == 0xff;
    return a->bytes[0] >> 4 == 0xe || addr_v4(a) == UINT32_MAX;
}

static bool is_endpoint(const struct pbc_endpoint *e, const struct addr *a)
{
    if (e->to != PBC_TO_ADDRESS || e->family != a->family) return false;
    if (a->family == 4) return e->addr[0] == addr_v4(a);
    return ((u128)e->addr[0] << 96 | (u128)e->addr[1] << 64 | (u128)e->addr[2] << 32 | e->addr[3]) == addr_v6(a);
}

/* A group's or a service's: what goes there comes in, though it is not to an address of this machine. */
static bool is_ours_too(const struct sampler *s, const struct addr *a)
{
    const struct image *img = s->c->image;

    for (uint32_t i = 0; i < img->endpoints_count; i++)
        if (is_endpoint(&img->endpoints[i], a)) return true;
    return is_group(a);
}

static bool takes_any(const struct sampler *s)
{
    for (uint32_t i = 0; i < s->c->image->endpoints_count; i++)
        if (s->c->image->endpoints[i].to == PBC_TO_ANY) return true;
    return false;
}

typedef bool fits_fn(const struct sampler *s, const struct addr *a);

static bool fits_source(const struct sampler *s, const struct addr *a) { return !is_self(s->self, a); }

static bool differs(const struct sampler *s, const struct addr *a)
{
    return memcmp(a->bytes, s->out->src.bytes, sizeof(a->bytes)) != 0;
}

static bool fits_destination(const struct sampler *s, const struct addr *a)
{
    if (is_self(s->self, a)) return false;
    if (s->direction == PBC_DIR_OUT) return true;
    return s->direction == PBC_DIR_FORWARD ? !is_ours_too(s, a) : is_ours_too(s, a) || takes_any(s);
}

static bool fits_other(const struct sampler *s, const struct addr *a)
{
    return fits_destination(s, a) && differs(s, a);
}

/* Of a source, where there is but one destination. */
static bool fits_apart(const struct sampler *s, const struct addr *a)
{
    return fits_source(s, a) && memcmp(a->bytes, s->out->dst.bytes, sizeof(a->bytes)) != 0;
}

static bool fits_new_self(const struct sampler *s, const struct addr *a)
{
    (void)s;
    return !is_group(a) && value_of_addr(a) != 0;
}

/* Addresses of one window, in order; *n more that fit are passed over. */
static bool choose_in(const struct sampler *s, const struct ir_addrs *set, uint8_t family, struct window w,
                      fits_fn *fits, unsigned *n, struct addr *out)
{
    enum { TRIES = 300, EACH = 6 };
    unsigned tries = 0;

    for (uint32_t i = first_range(set, family, w.lo); i < range_count(set, family) && tries < TRIES; i++) {
        struct window r = range_of(set, family, i);

        if (r.lo > w.hi) break;
        if (r.lo < w.lo) r.lo = w.lo;
        if (r.hi > w.hi) r.hi = w.hi;
        /* A network's own address is no host's. */
        if (r.hi - r.lo > 1 && (r.lo & 0xff) == 0) r.lo++;
        for (unsigned k = 0; k < EACH + *n && r.lo + k <= r.hi; k++, tries++) {
            *out = addr_of(r.lo + k, family);
            if (fits(s, out) && (*n)-- == 0) return true;
            if (r.lo + k == r.hi) break;
        }
    }
    return false;
}

/* first: the window to begin with. */
static bool choose(const struct sampler *s, enum ir_field f, uint8_t family, unsigned first, fits_fn *fits,
                   struct addr *out)
{
    const struct ir_addrs *set = ir_addrs(s->ir, s->p->field[f]);
    const unsigned count = family == 4 ? WINDOWS4 : WINDOWS6, turn = family == 4 ? 3 : 1;

    for (unsigned tries = 0, n = s->avoid; tries < 2; tries++, n = 0)
        for (unsigned i = 0; i < count; i++) {
            const unsigned at = i < turn ? (i + first) % turn : i;
            if (choose_in(s, set, family, family == 4 ? windows4[at] : windows6[at], fits, &n, out)) return true;
        }
    return false;
}

/* An address of this machine that the field holds. */
static bool choose_self(const struct sampler *s, enum ir_field f, uint8_t family, struct addr *out)
{
    const struct ir_addrs *set = ir_addrs(s->ir, s->p->field[f]);
    const unsigned count = family == 4 ? s->self->count4 : s->self->count6;
    const struct addr *first = &s->self->first[family == 6];

    for (unsigned i = 0; i <= count; i++) {
        if (i == 0 && first->family != family) continue;
        *out = i == 0        ? *first
               : family == 4 ? addr_of(s->self->v4[i - 1], 4)
                             : addr_of((u128)s->self->v6[i - 1].lo_hi << 64 | s->self->v6[i - 1].lo_lo, 6);
        const u128 value = value_of_addr(out);
        const uint32_t r = first_range(set, family, value);
        if (r < range_count(set, family) && range_of(set, family, r).lo <= value) return true;
    }
    return false;
}

/* The address that the word `self` stands for. */
static bool is_word_self(const struct sampler *s, const struct addr *a)
{
    const struct addr *first = &s->self->first[a->family == 6];

    return first->family == a->family && memcmp(first->bytes, a->bytes, a->family == 4 ? 4 : 16) == 0;
}

static bool choose_both(const struct sampler *s, uint8_t family)
{
    struct test_packet *p = s->out;
    const bool out = s->direction == PBC_DIR_OUT;

    if (out ? !choose_self(s, IR_SRC_SELF, family, &p->src) : !choose(s, IR_SRC, family, 0, fits_source, &p->src))
        return false;
    if (s->direction == PBC_DIR_IN && choose_self(s, IR_DST_SELF, family, &p->dst)) return true;
    if (choose(s, IR_DST, family, 1, fits_other, &p->dst)) return true;
    if (choose(s, IR_DST, family, 1, fits_destination, &p->dst)) {
        struct addr apart;

        if (!out && choose(s, IR_SRC, family, 0, fits_apart, &apart)) p->src = apart;
        return true;
    }
    return out && choose_self(s, IR_DST_SELF, family, &p->dst);
}

bool sample_addresses(const struct sampler *s, uint8_t family)
{
    if (!choose_both(s, family)) return false;
    s->out->src_is_self = is_word_self(s, &s->out->src);
    s->out->dst_is_self = is_word_self(s, &s->out->dst);
    return true;
}

/* Own addresses ---------------------------------------------------------------------------------------------------- */

static int compare_addr(const struct addr *a, uint32_t v4, const struct pbc_range6 *v6)
{
    const u128 x = value_of_addr(a), y = v6 ? (u128)v6->lo_hi << 64 | v6->lo_lo : v4;

    return x < y ? -1 : x > y;
}

/* Both lists stay in order. */
static const struct test_self *self_with(struct compile *c, const struct test_self *given, const struct addr *a)
{
    struct test_self *self = arena_alloc(c->arena, sizeof(*self));
    unsigned at = 0;

    *self = *given;
    if (!self->first[a->family == 6].family) self->first[a->family == 6] = *a;
    self->v4 = arena_alloc(c->arena, (given->count4 + 1) * sizeof(*self->v4));
    self->v6 = arena_alloc(c->arena, (given->count6 + 1) * sizeof(*self->v6));
    if (given->count4) memcpy(self->v4, given->v4, given->count4 * sizeof(*self->v4));
    if (given->count6) memcpy(self->v6, given->v6, given->count6 * sizeof(*self->v6));
    if (a->family == 4) {
        while (at < self->count4 && compare_addr(a, self->v4[at], NULL) > 0) at++;
        memmove(self->v4 + at + 1, self->v4 + at, (self->count4++ - at) * sizeof(*self->v4));
        self->v4[at] = addr_v4(a);
    } else {
        const u128 v = addr_v6(a);

        while (at < self->count6 && compare_addr(a, 0, &self->v6[at]) > 0) at++;
        memmove(self->v6 + at + 1, self->v6 + at, (self->count6++ - at) * sizeof(*self->v6));
        self->v6[at] = (struct pbc_range6){(uint64_t)(v >> 64), (uint64_t)v, (uint64_t)(v >> 64), (uint64_t)v};
    }
    return self;
}

/* NULL: the field holds no address of the family that can be this machine's; or, without `more`, it has none yet. */
static const struct test_self *self_having(struct sampler *s, enum ir_field f, uint8_t family, bool more)
{
    struct addr a;

    if (!s->self || choose_self(s, f, family, &a)) return s->self;
    return more && choose(s, f, family, 2, fits_new_self, &a) ? self_with(s->c, s->self, &a) : NULL;
}

const struct test_self *sample_self(struct compile *c, const struct ir_product *p, enum pbc_direction direction,
                                    const struct test_self *given)
{
    struct sampler s = {.c = c, .ir = c->ir, .p = p, .direction = direction};
    const unsigned families = ir_families(c->ir, p);

    if (direction == PBC_DIR_FORWARD || ir_is_empty(p)) return given;
    for (unsigned more = 0; more < 2; more++)
        for (uint8_t family = 4; family <= 6; family = (uint8_t)(family + 2)) {
            if (!(families & (family == 4 ? IR_V4 : IR_V6))) continue;
            s.self = given;
            if (direction == PBC_DIR_OUT) s.self = self_having(&s, IR_SRC_SELF, family, more);
            if (p->field[IR_DST] == IR_EMPTY) s.self = self_having(&s, IR_DST_SELF, family, more);
            if (s.self) return s.self;
        }
    return NULL;
}
