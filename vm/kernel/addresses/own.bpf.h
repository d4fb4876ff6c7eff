/* This machine's own addresses (natively: packet/parse/sides.c). If they are few and published, they are in `world`
 * and each is compared; otherwise two hash sets are searched, at 15 ns each. Callers first check that the family has
 * any own address: for a family without one, the entries here are out of date. */
#pragma once

#include "vm/kernel/bpf.h"
#include "vm/packet/facts.h"
#include "vm/packet/wire.h"

extern char map_own4, map_own6;

/* Return a word whose highest bit is set if a 32-bit number is 0, so that no address needs a branch. */
static inline uint64_t is_zero(uint64_t number) { return number - 1; }
static inline uint64_t folded(uint64_t number) { return number >> 32 | (uint32_t)number; }

/* Return the number of the published state. A comparison counts only if the number is even, and still the same
 * afterwards. */
static inline uint32_t own_change(void) { return *(const volatile uint32_t *)&state_world.own.change; }

enum { OWN_STEP = 4 }; /* addresses compared together; most machines have no more */

inline_whole uint64_t own_some4(const struct kernel_own *own, unsigned from, uint32_t addr)
{
    uint64_t found = 0;
#pragma unroll
    for (unsigned i = 0; i < OWN_STEP; i++) found |= is_zero(own->addr4[from + i] ^ addr);
    return found;
}

inline_whole bool own_has4(uint32_t addr)
{
    const struct kernel_own *own = &state_world.own;
    const uint32_t change = own_change();
    uint64_t found = own_some4(own, 0, addr);
    if (own->count4 > OWN_STEP) found |= own_some4(own, OWN_STEP, addr);
    if (change & 1 || own->count4 != state_world.facts.self4_count || own_change() != change)
        return bpf_map_lookup_elem(&map_own4, &addr);
    return found >> 63;
}

inline_whole uint64_t own_some6(const struct kernel_own *own, unsigned from, const uint64_t addr[2])
{
    uint64_t found = 0;
#pragma unroll
    for (unsigned i = 0; i < OWN_STEP; i++) {
        const uint64_t *one = own->addr6[from + i];
        found |= is_zero(folded((one[0] ^ addr[0]) | (one[1] ^ addr[1])));
    }
    return found;
}

inline_whole bool own_has6(const uint32_t addr[4])
{
    const struct kernel_own *own = &state_world.own;
    const uint64_t words[2] = {wire_raw64((const uint8_t *)addr), wire_raw64((const uint8_t *)(addr + 2))};
    const uint32_t change = own_change();
    uint64_t found = own_some6(own, 0, words);
    if (own->count6 > OWN_STEP) found |= own_some6(own, OWN_STEP, words);
    found = LOOSE(found);
    if (change & 1 || own->count6 != state_world.facts.self6_count || own_change() != change)
        return bpf_map_lookup_elem(&map_own6, words);
    return found >> 63;
}
