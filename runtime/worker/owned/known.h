/* Owners that one worker knows from earlier packets of the same ends, because finding an owner again would take a
 * third of an established packet's time. Entries found by other facts or owners are forgotten all at once.
 *
 * A set is a cache line. A full set forgets its oldest member, so a sender with many ports costs others a search,
 * never a wrong owner. */
#pragma once

#include <assert.h>

#include "vm/worker/owner.h"

/* The ends of a whole packet, IPv4, TCP or UDP; and their owner */
struct known {
    uint64_t addresses;
    uint32_t ports;
    uint16_t iface;
    uint8_t udp;
    uint8_t owner; /* 1 + the worker, or enum known_port: the port whose holder is the owner; 0: unknown */
};
enum known_port { KNOWN_SRC_PORT = 254, KNOWN_DST_PORT = 255 };
enum { KNOWN_BITS = 12, KNOWN_SETS = 1 << KNOWN_BITS, KNOWN_WAYS = 4 };
static_assert(KNOWN_WAYS * sizeof(struct known) == 64, "a set is a line");

struct known_owners {
    struct known sets[KNOWN_SETS][KNOWN_WAYS] __attribute__((aligned(64)));
    const struct owners *owners; /* owners for which `sets` is valid; `world`: the snapshot's number */
    uint64_t world;
};

/* Forget all entries found with other owners, or other facts. */
void known_by(struct known_owners *k, const struct owners *o, uint64_t world);

static inline uint64_t known_hash(const struct known *e)
{
    return (e->addresses ^ e->ports * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xd6e8feb86659fd93);
}

static inline struct known *known_set(struct known_owners *k, const struct known *e)
{
    return k->sets[known_hash(e) >> (64 - KNOWN_BITS)];
}

static inline bool known_is(const struct known *one, const struct known *e)
{
    return !((one->addresses ^ e->addresses) | (one->ports ^ e->ports) | (uint32_t)(one->iface ^ e->iface) |
             (uint32_t)(one->udp ^ e->udp));
}

/* Return the worker of those ends by these owners; -1: unknown. No branch depends on which member has them. */
static inline int known_find(struct known_owners *k, const struct known *ends)
{
    const struct known *set = known_set(k, ends);
    uint32_t owner = 0;
    for (unsigned i = 0; i < KNOWN_WAYS; i++) owner |= known_is(&set[i], ends) ? set[i].owner : 0u;
    if (owner < KNOWN_SRC_PORT) return (int)owner - 1;
    return (int)owners_of_port(k->owners, (uint16_t)(owner == KNOWN_SRC_PORT ? ends->ports >> 16 : ends->ports));
}

/* Note the owner of those ends, a worker or VM_OWNER_OF_PORT | one of their ports. */
static inline void known_add(struct known_owners *k, const struct known *ends, unsigned owner)
{
    struct known *set = known_set(k, ends);
    for (unsigned i = KNOWN_WAYS - 1; i; i--) set[i] = set[i - 1];
    set[0] = *ends;
    set[0].owner = (uint8_t)(owner + 1);
    if (owner & VM_OWNER_OF_PORT)
        set[0].owner = ends->ports >> 16 == (owner & UINT16_MAX) ? KNOWN_SRC_PORT : KNOWN_DST_PORT;
}
