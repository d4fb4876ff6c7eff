/* Addresses of sets, range by range: what a pool's `source` or a nat translates to. */
#pragma once

#include "vm/program/program.h"

/* Both ends as in struct key. */
struct address_range {
    uint32_t lo[4], hi[4];
    uint8_t family; /* 4 or 6 */
};

/* Where one has come to: the ranges of SETS set..end, in their order; of each those of IPv4 first. */
struct address_walk {
    const struct program *p;
    uint32_t set, end, at;
    uint8_t family;
};
/* family: 4, 6, or 0 for both. */
static inline struct address_walk address_walk(const struct program *p, uint32_t sets, uint32_t count, uint8_t family)
{
    return (struct address_walk){.p = p, .set = sets, .end = sets + count, .family = family};
}
/* False: there are no more. */
bool address_next(struct address_walk *w, struct address_range *r);

/* The prefix of `len` bits that begins there; a longer one than the family has: the address alone. */
struct address_range address_prefix(const uint32_t lo[4], unsigned len, uint8_t family);

static inline struct pbc_range address_range4(const struct address_range *r)
{
    return (struct pbc_range){r->lo[0], r->hi[0]};
}
static inline struct pbc_range6 address_range6(const struct address_range *r)
{
    return (struct pbc_range6){.lo_hi = (uint64_t)r->lo[0] << 32 | r->lo[1],
                               .lo_lo = (uint64_t)r->lo[2] << 32 | r->lo[3],
                               .hi_hi = (uint64_t)r->hi[0] << 32 | r->hi[1],
                               .hi_lo = (uint64_t)r->hi[2] << 32 | r->hi[3]};
}

/* Are the first `len` bits of both the same? */
static inline bool address_in_prefix(const uint32_t prefix[4], unsigned len, const uint32_t addr[4])
{
    for (unsigned w = 0; w < 4 && len; w++) {
        const unsigned here = len < 32 ? len : 32;
        if ((prefix[w] ^ addr[w]) >> (32 - here)) return false;
        len -= here;
    }
    return true;
}

/* How many addresses the range has, UINT64_MAX: that many or more. */
uint64_t address_range_size(const struct address_range *r);
/* The address `n` behind lo: within the range. */
void address_range_at(const struct address_range *r, uint64_t n, uint32_t addr[4]);
/* How many there are in all, at most `most` + 1; those that stand in two of the sets count twice. */
uint64_t address_count(const struct program *p, uint32_t sets, uint32_t count, uint8_t family, uint64_t most);
