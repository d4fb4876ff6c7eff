/* Ranges of IPv6 addresses as numbers of 128 bits, which make walks as simple as those of IPv4 */
#pragma once

#include <stdbool.h>

#include "vm/pbc.h"

typedef unsigned __int128 u128;

struct addr_span {
    u128 lo, hi;
};
static inline struct addr_span span6(const struct pbc_range6 *r)
{
    return (struct addr_span){(u128)r->lo_hi << 64 | r->lo_lo, (u128)r->hi_hi << 64 | r->hi_lo};
}
static inline struct pbc_range6 range6(u128 lo, u128 hi)
{
    return (struct pbc_range6){(uint64_t)(lo >> 64), (uint64_t)lo, (uint64_t)(hi >> 64), (uint64_t)hi};
}
/* Return an address as a number: all words of an IPv6 address, or the first word of an IPv4 address. */
static inline u128 words_number(const uint32_t w[4], bool v6)
{
    return v6 ? (u128)w[0] << 96 | (u128)w[1] << 64 | (u128)w[2] << 32 | w[3] : w[0];
}
