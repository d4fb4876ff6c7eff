/* Bits of a piece, one a byte (pieces.h) */
#pragma once

#include <stdbool.h>
#include <stdint.h>

static inline bool bit(const uint64_t *bits, uint32_t i) { return bits[i / 64] >> (i % 64) & 1; }
static inline void put_bit(uint64_t *bits, uint32_t i) { bits[i / 64] |= UINT64_C(1) << (i % 64); }
static inline void take_bit(uint64_t *bits, uint32_t i) { bits[i / 64] &= ~(UINT64_C(1) << (i % 64)); }

/* Return the first bit set, or clear if `!set`, in [from, to); `to`: none. */
static inline uint32_t seek(const uint64_t *bits, bool set, uint32_t from, uint32_t to)
{
    const uint64_t flip = set ? 0 : UINT64_MAX;
    if (from >= to) return to;
    uint32_t i = from / 64;
    uint64_t found = (bits[i] ^ flip) & UINT64_MAX << from % 64;
    while (!found && i < (to - 1) / 64) found = bits[++i] ^ flip;
    const uint32_t at = found ? 64 * i + (uint32_t)__builtin_ctzll(found) : to;
    return at < to ? at : to;
}

/* Return the number of bits set in [from, to). */
static inline uint32_t count_bits(const uint64_t *bits, uint32_t from, uint32_t to)
{
    uint32_t count = 0;
    for (uint32_t at = from; at < to; at = (at / 64 + 1) * 64) {
        const uint64_t above = bits[at / 64] >> at % 64, left = to - at;
        count += (uint32_t)__builtin_popcountll(left < 64 ? above & ((UINT64_C(1) << left) - 1) : above);
    }
    return count;
}
