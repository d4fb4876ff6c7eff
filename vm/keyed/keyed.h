/* A bounded table by key: fixed memory, bounded work, no allocation after keyed_init.
 *
 * Keys lie in groups of sixteen slots with a tag each (tags.h). A key has two groups, by its seeded hash, and goes to
 * the first while that has room to spare, else to the emptier; nothing is ever moved, so a slot is its key's until it
 * is dropped. Slots are half as many again as keys: a key that finds no room while fewer than `most` are held is not
 * met in practice.
 *
 * Beside each slot lies a word of the owner's in an array of its own: who goes first is asked of sixteen words in two
 * lines, without a look at entries. */
#pragma once

#include <stdbool.h>

#include "vm/keyed/hash.h"
#include "vm/keyed/tags.h"

#define KEYED_NONE UINT32_MAX

struct keyed_cfg {
    uint64_t most;        /* keys */
    uint32_t key_words;   /* the key: so many words of 8 bytes, with which an entry begins */
    uint32_t entry_bytes; /* with the key; a multiple of 8 */
    uint64_t seed;
    bool prefault; /* its memory is there from the start, in large pages; else it comes as keys come */
};

struct keyed {
    union {
        uint16_t *tags;      /* [groups][GROUP]; 0: free */
        uint64_t first_slot; /* in the kernel: of its slots in the map that all tables share */
    };
    uint64_t *words; /* [groups][GROUP] */
    union {
        uint8_t *entries;   /* [groups][GROUP] of entry_bytes */
        uint64_t first_key; /* in the kernel: of its words in the map of all keys */
    };
    uint32_t groups, key_words, entry_bytes;
    uint32_t used; /* keys */
    uint32_t hand; /* the group that keyed_turn gives next */
    struct hash_key hash;
    void *memory; /* what all arrays lie in */
    size_t bytes;
    bool prefault; /* as in cfg */
};

bool keyed_init(struct keyed *t, const struct keyed_cfg *cfg); /* false: out of memory */
void keyed_fini(struct keyed *t);                              /* also of a zeroed one */
/* How many groups a table of so many keys has; 0: more than one may have. */
uint32_t keyed_groups(uint64_t most);

/* Where the arrays lie. In the kernel no pointer lies in memory: who builds for it defines these before. */
#ifndef KEYED_TAGS
#define KEYED_TAGS(t, group) ((t)->tags + (size_t)(group)*GROUP)
#define KEYED_WORD(t, slot)  (&(t)->words[slot])
#define KEYED_ENTRY(t, slot) ((t)->entries + (size_t)(slot) * (t)->entry_bytes)
#define KEYED_KEY(t, i)      ((i) < (t)->key_words) /* has its key a word i? */
#endif

/* Where a key may lie. Its first `words` words tell it from all others of the table; the rest, if any, is zero in all
 * that are equal in those. */
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

/* The key's slot, or KEYED_NONE. */
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

/* A slot for a key that is not there, its word and what follows the key zero; KEYED_NONE: both groups are full. */
uint32_t keyed_add(struct keyed *t, const struct place *at, const void *key);

static inline void keyed_drop(struct keyed *t, uint32_t slot)
{
    t->tags[slot] = 0;
    t->used--;
}

/* Of a group's slots that are taken, those whose word is at most `word`: bit i for slot group * GROUP + i. */
uint32_t keyed_up_to(const struct keyed *t, uint32_t group, uint64_t word);

/* Of two full groups the slot with the lowest word; of equal ones the first. */
uint32_t keyed_lowest(const struct keyed *t, const struct place *at);

/* One group after the other, round the end: who sweeps takes the next each time. */
static inline uint32_t keyed_turn(struct keyed *t)
{
    const uint32_t group = t->hand;
    t->hand = group + 1 < t->groups ? group + 1 : 0;
    return group;
}
