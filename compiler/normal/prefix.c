/* Splitting ranges into prefixes: from the low end, always the largest aligned block that still fits. */
#include "compiler/normal/prefix.h"

typedef unsigned __int128 u128;

static unsigned trailing_zeros(u128 v, unsigned bits)
{
    unsigned n = 0;

    while (n < bits && !(v >> n & 1)) n++;
    return n;
}

static struct prefix prefix_at(u128 base, unsigned host_bits, unsigned bits)
{
    struct prefix p = {.len = (uint8_t)(bits - host_bits)};

    for (unsigned i = 0; i < (bits + 31) / 32; i++)
        p.word[i] = (uint32_t)(base >> (bits < 32 ? 0 : bits - 32 - 32 * i));
    return p;
}

uint32_t prefixes_between(u128 lo, u128 hi, unsigned bits, struct prefix *out, uint32_t room)
{
    for (uint32_t n = 0;;) {
        unsigned host = trailing_zeros(lo, bits);
        const u128 left = hi - lo; /* one less than what is left, so that everything does not overflow */

        while (host && (((u128)1 << (host - 1) << 1) - 1) > left) host--;
        if (n == room) return room + 1;
        out[n++] = prefix_at(lo, host, bits);
        const u128 last = lo + (((u128)1 << (host ? host - 1 : 0) << (host ? 1 : 0)) - 1);
        if (last >= hi) return n;
        lo = last + 1;
    }
}

static bool split(struct prefixes *out, u128 lo, u128 hi, unsigned bits)
{
    const uint32_t room = PREFIXES_MAX - out->count, n = prefixes_between(lo, hi, bits, out->p + out->count, room);

    if (n > room) return false;
    out->count += n;
    return true;
}

static u128 lo_of(const struct ir_addrs *a, unsigned family, uint32_t i)
{
    return family == IR_V4 ? a->r4[i].lo : (u128)a->r6[i].lo_hi << 64 | a->r6[i].lo_lo;
}

static u128 hi_of(const struct ir_addrs *a, unsigned family, uint32_t i)
{
    return family == IR_V4 ? a->r4[i].hi : (u128)a->r6[i].hi_hi << 64 | a->r6[i].hi_lo;
}

bool prefixes_of(const struct ir_addrs *a, unsigned family, bool outside, struct prefixes *out)
{
    const unsigned bits = family == IR_V4 ? 32 : 128;
    const u128 most = family == IR_V4 ? UINT32_MAX : ~(u128)0;
    const uint32_t count = family == IR_V4 ? a->count4 : a->count6;
    u128 next = 0;

    out->count = 0;
    if (count > PREFIXES_MAX + 1) return false;
    for (uint32_t i = 0; i < count; i++) {
        const u128 lo = lo_of(a, family, i), hi = hi_of(a, family, i);

        if (!outside && !split(out, lo, hi, bits)) return false;
        if (outside && lo > next && !split(out, next, lo - 1, bits)) return false;
        if (hi == most) return true;
        next = hi + 1;
    }
    return !outside || split(out, next, most, bits);
}
