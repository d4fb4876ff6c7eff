/* Flows by source in the kernel: sources.c over a table that all processors share. The including file first defines
 * the table's place, SOURCES. */
#include "vm/packet/loop.h"

/* Tries of each of two nested loops. The end of a flow must be counted, or it counts against its source for ever; 64
 * times 64 collisions in a row do not happen. */
enum { SOURCE_TRIES = 64 };

static inline uint64_t source_hash(const struct kernel_source *key)
{
    return hash_words(&SOURCES->table.hash, key->addr, SOURCE_WORDS);
}

/* Return the source's slot, or KEYED_NONE. A separate function, so that its frame is off the stack before the flow
 * is counted. */
GLOBAL uint64_t kernel_source_find(const struct kernel_source *key NONNULL, uint64_t hash)
{
    const struct place at = place_of(hash, SOURCES->table.groups);
    return keyed_find(&SOURCES->table, &at, key);
}

enum source_said { SOURCE_GONE, SOURCE_CHANGED, SOURCE_BUSY };

/* Add or remove one flow; removing the last one frees the slot. Return enum source_said; BUSY: after SOURCE_TRIES
 * attempts. */
GLOBAL uint64_t kernel_source_try(const struct kernel_source *key NONNULL, uint32_t slot, bool more)
{
    uint64_t *const word = KEYED_WORD(&SOURCES->table, slot);
    TURNS(SOURCE_TRIES)
    for (uint32_t i = LOOSE(0); LOOP(i < SOURCE_TRIES); i++) {
        const uint64_t was = word_read(word);
        if (was == 0 || was == KEYED_BORN || !keyed_is(&SOURCES->table, slot, key->addr)) return SOURCE_GONE;
        const bool last = !more && (uint32_t)was == 1;
        if (last ? keyed_free(&SOURCES->table, slot, was) : word_swap(word, was, more ? was + 1 : was - 1))
            return SOURCE_CHANGED;
    }
    return SOURCE_BUSY;
}

/* Add or remove one flow. Return enum source_said; GONE: the source no longer has a slot. */
static inline uint64_t source_change(uint32_t slot, const struct kernel_source *key, bool more)
{
    uint64_t said = SOURCE_BUSY;
    TURNS(SOURCE_TRIES)
    for (uint32_t i = LOOSE(0); LOOP(i < SOURCE_TRIES && said == SOURCE_BUSY); i++)
        said = kernel_source_try(key, slot, more);
    return said;
}

static inline bool source_put(const struct kernel_source *key, uint64_t hash)
{
    const struct place at = place_of(hash, SOURCES->table.groups);
    const uint64_t version = __sync_fetch_and_add(&SOURCES->version, 1) & 0x7fffffff;
    return keyed_put(&SOURCES->table, &at, key->addr, version << 32 | 1) != KEYED_NONE;
}

/* Return the number of flows, as source_flows does. */
GLOBAL uint64_t kernel_source_flows(const struct kernel_source *key NONNULL)
{
    const uint32_t slot = (uint32_t)kernel_source_find(key, source_hash(key));
    if (slot == KEYED_NONE) return 0;
    const uint64_t word = word_read(KEYED_WORD(&SOURCES->table, slot));
    return word == KEYED_BORN ? 0 : (uint32_t)word;
}

/* Add a flow as source_add does. Return 1; 0: no room, or too many collisions, which is counted. */
GLOBAL uint64_t kernel_source_add(const struct kernel_source *key NONNULL)
{
    const uint64_t hash = source_hash(key);
    uint32_t *const lock = &SOURCES->locks[hash % SOURCE_LOCKS];
    bool done = false;
    if (keyed_lock(lock)) {
        const uint32_t slot = (uint32_t)kernel_source_find(key, hash);
        const uint64_t said = slot == KEYED_NONE ? SOURCE_GONE : source_change(slot, key, true);
        done =
            said == SOURCE_CHANGED || (said == SOURCE_GONE && source_put(key, hash)); /* BUSY: the source has a slot */
        keyed_unlock(lock);
    }
    if (!done) (void)__sync_fetch_and_add(&SOURCES->full, 1);
    return done;
}

/* Remove a flow that was added, as source_drop does. */
GLOBAL uint64_t kernel_source_drop(const struct kernel_source *key NONNULL)
{
    const uint32_t slot = (uint32_t)kernel_source_find(key, source_hash(key));
    return slot != KEYED_NONE && source_change(slot, key, false) == SOURCE_CHANGED;
}
