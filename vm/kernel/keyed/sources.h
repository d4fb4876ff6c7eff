/* Number of flows that each address has opened, in maps that outlive programs: the table of sources.h, changed by all
 * processors. */
#pragma once

#include "vm/flow/grain.h"
#include "vm/keyed/keyed.h"

enum { SOURCE_WORDS = 3, SOURCE_LOCKS = 64 };
struct kernel_source {
    uint64_t addr[2], of; /* as in sources.c */
};

struct kernel_sources {
    struct keyed table;
    uint32_t locks[SOURCE_LOCKS]; /* for adding keys, by the key's hash */
    uint32_t version;             /* version of the next new key; a word is version << 32 | flows, so no word repeats */
    uint64_t full;                /* number of flows that found no room */
};

/* Return the number of slots of a table for that many flows; 0: too many. Keys take SOURCE_WORDS words per slot. */
uint64_t kernel_sources_slots(uint64_t flows);
/* Make an empty table in zeroed memory. Places and hashes equal those of sources_new with that seed. */
void kernel_sources_fill(struct kernel_sources *s, uint64_t flows, uint64_t seed);

/* Count one more flow of a source, in a table of these arrays that no stage uses yet. False: there is no room. */
bool kernel_sources_count(struct kernel_sources *s, uint16_t *tags, uint64_t *words, uint64_t *keys,
                          const struct kernel_source *of);

/* Set the key for an address's network of `len` bits. addr: as in struct key. */
static inline void kernel_source_of(const uint32_t addr[4], unsigned len, bool v6, struct kernel_source *s)
{
    uint32_t network[4];
    grain_cut(addr, len, network);
    s->addr[0] = hash_pair(network[0], network[1]);
    s->addr[1] = hash_pair(network[2], network[3]);
    s->of = grain_of(len, v6);
}
