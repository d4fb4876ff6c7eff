/* A bounded table by key: fixed memory, bounded work, no allocation after keyed_init.
 *
 * Keys are in groups of sixteen slots with a tag each (tags.h). A key has two groups, by its seeded hash. A key goes
 * to the first group while that has room to spare, else to the emptier one, and keeps its slot until it is dropped.
 * There are 1.5 times as many slots as keys: in practice a key always finds room while fewer than `most` are held.
 *
 * Each slot has a word for the owner, in a separate array: the lowest of sixteen words is found in two cache lines,
 * without reading entries. */
#pragma once

#include <stdbool.h>

#include "vm/keyed/archive.h"
#include "vm/keyed/hash.h"
#include "vm/keyed/tags.h"

#define KEYED_NONE UINT32_MAX

struct keyed_cfg {
    uint64_t most;        /* greatest number of keys */
    uint32_t key_words;   /* length of the key in words of 8 bytes; an entry begins with its key */
    uint32_t entry_bytes; /* including the key; a multiple of 8 */
    uint64_t seed;
    bool prefault; /* allocate all memory at the start, in large pages; else page by page as keys come */
};

struct keyed {
    union {
        uint16_t *tags;      /* [groups][GROUP] tags; 0: a free slot */
        uint64_t first_slot; /* in the kernel: index of the table's first slot in the map shared by all tables */
    };
    uint64_t *words; /* [groups][GROUP] words of the owner */
    union {
        uint8_t *entries;   /* [groups][GROUP] entries of entry_bytes */
        uint64_t first_key; /* in the kernel: index of the table's first word in the map of all keys */
    };
    uint32_t groups, key_words, entry_bytes;
    uint32_t used; /* number of keys */
    uint32_t hand; /* next group for keyed_turn */
    struct hash_key hash;
    void *memory; /* block with all arrays */
    size_t bytes;
    bool prefault; /* as in struct keyed_cfg */
};

bool keyed_init(struct keyed *t, const struct keyed_cfg *cfg); /* false: out of memory */
void keyed_fini(struct keyed *t);                              /* also for a zeroed table */
/* Make a table over the caller's zeroed arrays of keyed_groups(cfg->most) groups; there is nothing to free. */
void keyed_over(struct keyed *t, const struct keyed_cfg *cfg, uint16_t *tags, uint64_t *words, void *entries);
/* Write or read a table with all its entries; a table of another size is replaced. The owner checks the entries'
 * contents. False: the archive is bad. */
bool keyed_archive(struct keyed *t, struct archive *a);
/* Make a zeroed owner of `bytes` bytes whose first member is its table (a static_assert beside each checks this).
 * NULL: out of memory. */
void *keyed_owner_new(size_t bytes, const struct keyed_cfg *cfg);
void keyed_owner_free(void *owner); /* NULL is allowed */
/* Return `most` for a table with one key per flow. A flow table has 3/2 x flows slots, and each may have another
 * key: with 4/3 x flows the keyed table has 2 x flows slots, at most three quarters full. UINT64_MAX: too many
 * flows. */
static inline uint64_t keyed_most(uint64_t flows) { return flows > INT32_MAX / 2 ? UINT64_MAX : flows * 4 / 3; }
/* Return the number of groups of a table of that many keys; 0: too many keys. */
uint32_t keyed_groups(uint64_t most);

/* Access to the arrays. The kernel build has no pointers in memory and defines these macros beforehand. */
#ifndef KEYED_TAGS
#define KEYED_TAGS(t, group) ((t)->tags + (size_t)(group)*GROUP)
#define KEYED_WORD(t, slot)  (&(t)->words[slot])
#define KEYED_ENTRY(t, slot) ((t)->entries + (size_t)(slot) * (t)->entry_bytes)
#define KEYED_KEY(t, i)      ((i) < (t)->key_words) /* true if the table's keys have a word i */
#endif

/* Find the groups and tag of a key from its first `words` words, which identify it in the table. Behind these words
 * a key has only zeros. */
static inline void keyed_place(const struct keyed *t, const void *key, unsigned words, struct place *at)
{
    *at = place_of(hash_words(&t->hash, key, words), t->groups);
}

static inline void *keyed_at(const struct keyed *t, uint32_t slot) { return KEYED_ENTRY(t, slot); }

static inline bool keyed_is(const struct keyed *t, uint32_t slot, const hash_word *key)
{
    const hash_word *held = keyed_at(t, slot);
    uint64_t differ = 0;
    for (uint32_t i = 0; KEYED_KEY(t, i); i++) differ |= held[i] ^ key[i];
    return differ == 0;
}

/* Return the key's slot, or KEYED_NONE. */
static inline uint32_t keyed_find(const struct keyed *t, const struct place *at, const void *key)
{
    for (unsigned side = 0; side < 2; side++) {
        const uint32_t first = at->group[side] * GROUP;
        uint32_t hits = tags_like(KEYED_TAGS(t, at->group[side]), at->tag);
        TAGS_EACH(hits)
        if (keyed_is(t, first + tags_first(hits), key)) return first + tags_first(hits);
    }
    return KEYED_NONE;
}

/* Add a key that is not in the table, with 0 as its word and zeros behind the key. Return its slot; KEYED_NONE: no
 * room. */
uint32_t keyed_add(struct keyed *t, const struct place *at, const void *key);

static inline void keyed_drop(struct keyed *t, uint32_t slot)
{
    t->tags[slot] = 0;
    t->used--;
}

/* Return the mask of a group's taken slots whose word is at most `word`: bit i for slot group * GROUP + i. */
uint32_t keyed_up_to(const struct keyed *t, uint32_t group, uint64_t word);

/* Return the slot with the lowest word in two full groups; if several are equal, the first. */
uint32_t keyed_lowest(const struct keyed *t, const struct place *at);

/* Return the next group to sweep, wrapping at the end. */
static inline uint32_t keyed_turn(struct keyed *t)
{
    const uint32_t group = t->hand;
    t->hand = group + 1 < t->groups ? group + 1 : 0;
    return group;
}
