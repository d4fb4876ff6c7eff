/* How many flows each address has opened, in maps that outlive programs: sources.h's table, changed by all processors.
 */
#pragma once

#include "vm/flow/grain.h"
#include "vm/keyed/keyed.h"

enum { SOURCE_WORDS = 3, SOURCE_LOCKS = 64 };
struct kernel_source {
    uint64_t addr[2], of; /* as sources.c has it */
};

struct kernel_sources {
    struct keyed table;
    uint32_t locks[SOURCE_LOCKS]; /* of new keys, by their hash */
    uint32_t version;             /* of the next new key, so that no word comes again: version << 32 | flows */
    uint64_t full;                /* how often there was no room */
};

/* Slots of a table for so many flows; 0: more than there may be. Keys: SOURCE_WORDS a slot. */
uint64_t kernel_sources_slots(uint64_t flows);
/* An empty one, of memory that is zero. Places and hashes are those of sources_new with that seed. */
void kernel_sources_fill(struct kernel_sources *s, uint64_t flows, uint64_t seed);

/* addr as in struct key: its network of `len` bits. */
static inline void kernel_source_of(const uint32_t addr[4], unsigned len, bool v6, struct kernel_source *s)
{
    uint32_t network[4];
    grain_cut(addr, len, network);
    s->addr[0] = hash_pair(network[0], network[1]);
    s->addr[1] = hash_pair(network[2], network[3]);
    s->of = grain_of(len, v6);
}
