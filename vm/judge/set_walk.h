/* The walk through the tables of set_index.h: from a set and an address to the few ranges that may hold it. */
#ifndef VM_JUDGE_SET_WALK_H
#define VM_JUDGE_SET_WALK_H

#include "vm/packet/key.h"
#include "vm/program/set_index.h"

typedef unsigned __int128 u128;

static inline u128 join64(uint64_t hi, uint64_t lo) { return (u128)hi << 64 | lo; }
static inline u128 wide_of(const uint32_t a[4])
{
    return join64((uint64_t)a[0] << 32 | a[1], (uint64_t)a[2] << 32 | a[3]);
}

struct few {
    uint32_t first, count;
};

/* The bucket of the address; one below the base wraps around to a large number. NULL: past the last bucket. (An address
 * outside the set that falls into the last one all the same is told from a member by the search.) */
static inline const uint32_t *bucket4(const uint32_t *node, uint32_t addr)
{
    uint32_t at = (addr - node[0]) >> node[1];
    return at <= node[2] ? node + SET_NODE4 + at : NULL;
}

static inline const uint32_t *bucket6(const uint32_t *node, u128 addr)
{
    u128 at = (addr - wide_of(node)) >> node[4];
    return at <= node[5] ? node + SET_NODE6 + (uint32_t)at : NULL;
}

static inline const uint32_t *node_at(const struct program *p, uint32_t id)
{
    return p->lookup + (size_t)id * SET_BLOCK;
}

static inline struct few few_of(const uint32_t *entry)
{
    return entry ? (struct few){*entry >> SET_COUNT_BITS, *entry & SET_COUNT_MASK} : (struct few){0};
}

static inline struct few walk4(const struct program *p, uint32_t id, uint32_t addr)
{
    const uint32_t *e = bucket4(node_at(p, id), addr);
    while (e && (*e & SET_COUNT_MASK) == SET_CROWDED) e = bucket4(node_at(p, *e >> SET_COUNT_BITS), addr);
    return few_of(e);
}

static inline struct few walk6(const struct program *p, uint32_t id, u128 addr)
{
    const uint32_t *e = bucket6(node_at(p, id), addr);
    while (e && (*e & SET_COUNT_MASK) == SET_CROWDED) e = bucket6(node_at(p, *e >> SET_COUNT_BITS), addr);
    return few_of(e);
}

/* The set's outermost node in that family, 0: none. */
static inline uint32_t node_of_set(const struct program *p, uint32_t set, bool six)
{
    return p->lookup ? p->lookup[2 * (size_t)set + six] : 0;
}

#endif
