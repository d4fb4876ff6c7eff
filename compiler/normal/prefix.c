/* Split ranges into prefixes: from the low end, always the largest aligned block that still fits. */
#include "compiler/normal/prefix.h"

typedef unsigned __int128 u128;

static unsigned trailing_zeros(u128 v, unsigned bits)
{
    const uint64_t low = (uint64_t)v, high = (uint64_t)(v >> 64);
    const int n = low ? __builtin_ctzll(low) : high ? 64 + __builtin_ctzll(high) : 128;
    return (unsigned)n < bits ? (unsigned)n : bits;
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
        const u128 left = hi - lo; /* one less than the remaining number, so that the full range does not overflow */
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

bool prefixes_of(const struct ir_addrs *a, unsigned family, bool outside, struct prefixes *out)
{
    const unsigned bits = family == IR_V4 ? 32 : 128;
    const u128 most = family == IR_V4 ? UINT32_MAX : ~(u128)0;
    const uint32_t count = addr_count(a, family);
    u128 next = 0;
    out->count = 0;
    if (count > PREFIXES_MAX + 1) return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct addr_span x = addr_span(a, family, i);
        if (!outside && !split(out, x.lo, x.hi, bits)) return false;
        if (outside && x.lo > next && !split(out, next, x.lo - 1, bits)) return false;
        if (x.hi == most) return true;
        next = x.hi + 1;
    }
    return !outside || split(out, next, most, bits);
}
