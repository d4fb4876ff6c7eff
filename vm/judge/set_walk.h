/* The walk through the tables of set_index.h: from a set and an address to the few ranges that may hold it. */
#ifndef VM_JUDGE_SET_WALK_H
#define VM_JUDGE_SET_WALK_H

#include "vm/packet/key.h"
#include "vm/packet/loop.h"
#include "vm/program/set_index.h"

/* An IPv6 address as a number. */
struct wide {
    uint64_t hi, lo;
};

static inline void wide_of(const uint32_t a[4], struct wide *out)
{
    out->hi = (uint64_t)a[0] << 32 | a[1];
    out->lo = (uint64_t)a[2] << 32 | a[3];
}

/* Is the number of these halves at most b? The second way is for compilers without numbers of 128 bits; the first takes
 * two instructions and no branch, which searches live by. */
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

/* The bucket of the address; one below the base wraps around to a large number. NULL: past the last bucket. (An address
 * outside the set that falls into the last one all the same is told from a member by the search.) */
static inline const uint32_t *bucket4(const uint32_t *node, uint32_t addr)
{
    uint32_t at = (addr - node[0]) >> node[1];
    return at <= node[2] ? node + SET_NODE4 + at : NULL;
}

static inline const uint32_t *bucket6(const uint32_t *node, const struct wide *addr)
{
    struct wide base;
    wide_of(node, &base);
    const uint32_t shift = node[4] & 63;
    uint64_t lo = addr->lo - base.lo, hi = addr->hi - base.hi - (addr->lo < base.lo);
    if (node[4] >= 64) lo = hi, hi = 0;
    lo = lo >> shift | hi << 1 << (63 - shift);
    return !(hi >> shift) && lo <= node[5] ? node + SET_NODE6 + lo : NULL;
}

static inline const uint32_t *node_at(const uint32_t *lookup, uint32_t id) { return lookup + (size_t)id * SET_BLOCK; }

/* What a bucket says: its first range above how many. None: 0. */
static inline uint32_t few_first(uint32_t few) { return few >> SET_COUNT_BITS; }
static inline uint32_t few_count(uint32_t few) { return few & SET_COUNT_MASK; }

static inline uint32_t walk4(const uint32_t *lookup, uint32_t id, uint32_t addr)
{
    const uint32_t *e = bucket4(node_at(lookup, id), addr);
    while (LOOP(e && few_count(*e) == SET_CROWDED)) e = bucket4(node_at(lookup, LOOSE(few_first(*e))), addr);
    return e ? *e : 0;
}

static inline uint32_t walk6(const uint32_t *lookup, uint32_t id, const struct wide *addr)
{
    const uint32_t *e = bucket6(node_at(lookup, id), addr);
    while (LOOP(e && few_count(*e) == SET_CROWDED)) e = bucket6(node_at(lookup, LOOSE(few_first(*e))), addr);
    return e ? *e : 0;
}

/* The set's outermost node in that family, 0: none. */
static inline uint32_t node_of_set(const uint32_t *lookup, uint32_t set, bool six)
{
    return lookup ? lookup[2 * (size_t)set + six] : 0;
}

/* The range that holds the address, of n in order and apart: the last that starts at or below it is the only one that
 * may. NULL: none. The search halves without branches on the data, so no traffic can make it mispredict. */
static inline const struct pbc_range *search4(const struct pbc_range *r, uint32_t n, uint32_t addr)
{
    if (n == 0) return NULL;
    while (LOOP(n > 1)) {
        const uint32_t half = n / 2;
        r += r[half].lo <= addr ? half : 0;
        n = LOOSE(n - half);
    }
    return r->lo <= addr && addr <= r->hi ? r : NULL;
}

static inline const struct pbc_range6 *search6(const struct pbc_range6 *r, uint32_t n, const struct wide *addr)
{
    if (n == 0) return NULL;
    while (LOOP(n > 1)) {
        const uint32_t half = n / 2;
        r += wide_up_to(r[half].lo_hi, r[half].lo_lo, addr) ? half : 0;
        n = LOOSE(n - half);
    }
    const struct wide last = {r->hi_hi, r->hi_lo};
    return wide_up_to(r->lo_hi, r->lo_lo, addr) && wide_up_to(addr->hi, addr->lo, &last) ? r : NULL;
}

#endif
