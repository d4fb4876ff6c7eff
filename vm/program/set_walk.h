/* The walk through the tables of set_index.h: from a set and an address to the few ranges that may hold it. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/loop.h"
#include "vm/program/set_index.h"

/* A place in the ranges, or in the words of the tables, and the value there. The kernel uses indices, and defines
 * them before it includes this file; natively indices would add 1 to 5 ns to the 7 to 12 of a search. */
#ifndef SET_PLACES
typedef const struct pbc_range *set4_at;
typedef const struct pbc_range6 *set6_at;
typedef const uint32_t *lookup_at;
typedef const uint64_t *macs_at;
#define SET4(at)       (at)
#define SET6(at)       (at)
#define LOOKUP(at)     (*(at))
#define MAC(at)        (*(at))
#define LOOKUP_NOWHERE NULL
#endif

/* An IPv6 address as a number. */
struct wide {
    uint64_t hi, lo;
};

static inline void wide_of(const uint32_t a[4], struct wide *out)
{
    out->hi = (uint64_t)a[0] << 32 | a[1];
    out->lo = (uint64_t)a[2] << 32 | a[3];
}

/* True if the number made of two halves is at most b. The second version is for compilers without 128-bit numbers.
 * The first takes two instructions and no branch, as the searches need. */
static inline bool wide_up_to_by_words(uint64_t hi, uint64_t lo, const struct wide *b)
{
    return (hi < b->hi) | ((hi == b->hi) & (lo <= b->lo));
}
#if defined __SIZEOF_INT128__ && !defined __bpf__
static inline bool wide_up_to(uint64_t hi, uint64_t lo, const struct wide *b)
{
    return ((unsigned __int128)hi << 64 | lo) <= ((unsigned __int128)b->hi << 64 | b->lo);
}
#else
#define wide_up_to wide_up_to_by_words
#endif

/* Return the bucket of the address; an address below the base wraps around to a large number. LOOKUP_NOWHERE: past
 * the last bucket. (An address in the last bucket may be outside the set, which the search finds out.) */
static inline lookup_at bucket4(lookup_at node, uint32_t addr)
{
    uint32_t at = (addr - LOOKUP(node)) >> (LOOKUP(node + 1) & 31);
    return at <= LOOKUP(node + 2) ? node + SET_NODE4 + at : LOOKUP_NOWHERE;
}

static inline lookup_at bucket6(lookup_at node, const struct wide *addr)
{
    const uint64_t base_hi = (uint64_t)LOOKUP(node) << 32 | LOOKUP(node + 1);
    const uint64_t base_lo = (uint64_t)LOOKUP(node + 2) << 32 | LOOKUP(node + 3);
    const uint32_t all = LOOKUP(node + 4), shift = all & 63;
    uint64_t lo = addr->lo - base_lo, hi = addr->hi - base_hi - (addr->lo < base_lo);
    if (all >= 64) lo = hi, hi = 0;
    lo = lo >> shift | hi << 1 << (63 - shift);
    return !(hi >> shift) && lo <= LOOKUP(node + 5) ? node + SET_NODE6 + lo : LOOKUP_NOWHERE;
}

static inline lookup_at node_at(lookup_at lookup, uint32_t id) { return lookup + (size_t)id * SET_BLOCK; }

/* Return the index of a bucket's first range, or the number of its ranges. A bucket of 0 has none. */
static inline uint32_t few_first(uint32_t few) { return few >> SET_COUNT_BITS; }
static inline uint32_t few_count(uint32_t few) { return few & SET_COUNT_MASK; }

static inline uint32_t walk4(lookup_at lookup, uint32_t id, uint32_t addr)
{
    lookup_at e = bucket4(node_at(lookup, id), addr);
    TURNS(SET_NODES)
    while (LOOP(e && few_count(LOOKUP(e)) == SET_CROWDED))
        e = bucket4(node_at(lookup, LOOSE(few_first(LOOKUP(e)))), addr);
    return e ? LOOKUP(e) : 0;
}

static inline uint32_t walk6(lookup_at lookup, uint32_t id, const struct wide *addr)
{
    lookup_at e = bucket6(node_at(lookup, id), addr);
    TURNS(SET_NODES)
    while (LOOP(e && few_count(LOOKUP(e)) == SET_CROWDED))
        e = bucket6(node_at(lookup, LOOSE(few_first(LOOKUP(e)))), addr);
    return e ? LOOKUP(e) : 0;
}

/* Return the place of the range that may hold the address, of n > 0 disjoint ranges in order: the last that starts at
 * or below it, or the first. The search halves without branches on the data, so no traffic can make it mispredict. */
static inline set4_at last4(set4_at r, uint32_t n, uint32_t addr)
{
    TURNS(32)
    while (LOOP(n > 1)) {
        const uint32_t half = n / 2;
        r += SET4(r + half)->lo <= addr ? half : 0;
        r = LOOSE(r);
        n = LOOSE(n - half);
    }
    return r;
}

static inline set6_at last6(set6_at r, uint32_t n, const struct wide *addr)
{
    TURNS(32)
    while (LOOP(n > 1)) {
        const uint32_t half = n / 2;
        r += wide_up_to(SET6(r + half)->lo_hi, SET6(r + half)->lo_lo, addr) ? half : 0;
        r = LOOSE(r);
        n = LOOSE(n - half);
    }
    return r;
}

/* True if one of the n ranges holds the address. */
static inline bool among4(set4_at r, uint32_t n, uint32_t addr)
{
    if (n == 0) return false;
    r = last4(r, n, addr);
    return SET4(r)->lo <= addr && addr <= SET4(r)->hi;
}

static inline bool among6(set6_at r, uint32_t n, const struct wide *addr)
{
    if (n == 0) return false;
    r = last6(r, n, addr);
    const struct wide last = {SET6(r)->hi_hi, SET6(r)->hi_lo};
    return wide_up_to(SET6(r)->lo_hi, SET6(r)->lo_lo, addr) && wide_up_to(addr->hi, addr->lo, &last);
}

/* True if the number is among the n, which are in order. */
static inline bool mac_among(macs_at m, uint32_t n, uint64_t mac)
{
    if (n == 0) return false;
    TURNS(32)
    while (LOOP(n > 1)) {
        const uint32_t half = n / 2;
        m += MAC(m + half) <= mac ? half : 0;
        m = LOOSE(m);
        n = LOOSE(n - half);
    }
    return MAC(m) == mac;
}

/* Native searches that return the range itself; NULL: none holds the address. */
#ifndef SET_PLACES
/* Return the set's outermost node in that family; 0: none. */
static inline uint32_t node_of_set(const uint32_t *lookup, uint32_t set, bool six)
{
    return lookup ? lookup[2 * (size_t)set + six] : 0;
}

static inline const struct pbc_range *search4(const struct pbc_range *r, uint32_t n, uint32_t addr)
{
    if (n == 0) return NULL;
    r = last4(r, n, addr);
    return r->lo <= addr && addr <= r->hi ? r : NULL;
}

static inline const struct pbc_range6 *search6(const struct pbc_range6 *r, uint32_t n, const struct wide *addr)
{
    if (n == 0) return NULL;
    r = last6(r, n, addr);
    const struct wide last = {r->hi_hi, r->hi_lo};
    return wide_up_to(r->lo_hi, r->lo_lo, addr) && wide_up_to(addr->hi, addr->lo, &last) ? r : NULL;
}
#endif
