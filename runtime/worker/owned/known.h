/* Owners that are known from earlier packets of the same ends, for one worker: to find one anew takes a third of an
 * established packet's way. Those by other facts or owners are forgotten all at once.
 *
 * A full set forgets its older member, so whoever sends by many ports costs others a search, never a wrong owner. */
#pragma once

#include <assert.h>

#include "vm/worker/owner.h"

/* The ends of a whole packet, IPv4, TCP or UDP; and their owner */
struct known {
    uint64_t addresses;
    uint32_t ports;
    uint16_t iface;
    uint8_t udp;
    uint8_t owner; /* 1 + the worker; 0: nothing is known */
};
static_assert(sizeof(struct known) == 16, "a set within a line");

enum { KNOWN_BITS = 11, KNOWN_SETS = 1 << KNOWN_BITS };
struct known_owners {
    struct known sets[KNOWN_SETS][2] __attribute__((aligned(64)));
    const struct owners *owners; /* by whom they were found; and the number of the snapshot */
    uint64_t world;
};

/* Forget all that were found by other owners, or other facts. */
void known_by(struct known_owners *k, const struct owners *o, uint64_t world);

static inline struct known *known_set(struct known_owners *k, const struct known *e)
{
    const uint64_t h = (e->addresses ^ e->ports * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xd6e8feb86659fd93);
    return k->sets[h >> (64 - KNOWN_BITS)];
}

static inline bool known_is(const struct known *one, const struct known *e)
{
    return one->addresses == e->addresses && one->ports == e->ports && one->iface == e->iface && one->udp == e->udp &&
           one->owner;
}

/* Return the worker of those ends; -1: unknown. */
static inline int known_find(struct known_owners *k, const struct known *ends)
{
    const struct known *set = known_set(k, ends);
    if (known_is(&set[0], ends)) return set[0].owner - 1;
    return known_is(&set[1], ends) ? set[1].owner - 1 : -1;
}

static inline void known_add(struct known_owners *k, const struct known *ends, unsigned worker)
{
    struct known *set = known_set(k, ends);
    set[1] = set[0];
    set[0] = *ends;
    set[0].owner = (uint8_t)(worker + 1);
}
