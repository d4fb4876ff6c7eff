/* A keyed table (vm/keyed/keyed.h) that many processors change at once without a lock on the table. The including
 * file first defines the arrays TABLE_TAGS (uint16_t) and TABLE_WORDS (uint64_t), which have TABLE_SLOTS entries and
 * room for one more group; TABLE_KEYS (uint64_t), which has TABLE_KEY_WORDS entries and room for one more key; and
 * TABLE_KEY_MOST: a key has this many words, or KEYED_KEY_LEAST.
 *
 * A slot's word shows the slot's state. 0: the slot is free. KEYED_BORN: its key is being written, or its tag is
 * being removed; a processor that saw the tag free before must not put a key there until the tag is gone. Any other
 * value is the including file's, and changes only by compare-and-swap. If a processor reads the word, then sees its
 * key in the slot, and then swaps the word successfully, the word was that key's: a slot freed in between has
 * another word. So no word may repeat: the word of a new key is larger than any that the slot had. A key is added
 * under a lock for its hash (keyed_lock), so it is only in one slot.
 *
 * Every swap is a full barrier. Reading a word before its key needs a machine that keeps loads in order (x86). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Return the index, or 0 if it is too large. In a valid table it never is, but the kernel's verifier must see the
 * bound. */
static inline uint64_t table_within(uint64_t i, uint64_t count) { return i < count ? i : 0; }
#define KEYED_TAGS(t, group) (&TABLE_TAGS[table_within((t)->first_slot + (uint64_t)(group)*GROUP, TABLE_SLOTS)])
#define KEYED_WORD(t, slot)  (&TABLE_WORDS[table_within((t)->first_slot + (slot), TABLE_SLOTS)])
#define KEYED_ENTRY(t, slot)                                                                                           \
    (&TABLE_KEYS[table_within((t)->first_key + (uint64_t)(slot) * (t)->key_words, TABLE_KEY_WORDS)])
enum { KEYED_KEY_LEAST = 3 };
#define KEYED_KEY(t, i) ((i) < KEYED_KEY_LEAST || ((i) < TABLE_KEY_MOST && (t)->key_words == (uint32_t)TABLE_KEY_MOST))

#include "vm/keyed/keyed.h"
#include "vm/packet/loop.h"

#define KEYED_BORN UINT64_MAX
enum { KEYED_TRIES = 64 };

static inline uint64_t word_read(const uint64_t *word) { return *(const volatile uint64_t *)word; }
static inline bool word_swap(uint64_t *word, uint64_t was, uint64_t now)
{
    return __sync_val_compare_and_swap(word, was, now) == was;
}

/* Take the lock. False: it was held for too long. */
static inline bool keyed_lock(uint32_t *lock)
{
    TURNS(KEYED_TRIES)
    for (uint32_t i = LOOSE(0); LOOP(i < KEYED_TRIES); i++)
        if (__sync_val_compare_and_swap(lock, 0, 1) == 0) return true;
    return false;
}
static inline void keyed_unlock(uint32_t *lock) { (void)__sync_lock_test_and_set(lock, 0); }

/* Put a key that is not in the table into a free slot, with this word. The caller holds the lock for its hash.
 * Return the slot; KEYED_NONE: no room. */
static inline uint32_t keyed_put(const struct keyed *t, const struct place *at, const hash_word *key, uint64_t word)
{
    uint32_t left;
    const uint32_t group = place_choose_of(at, KEYED_TAGS(t, at->group[0]), KEYED_TAGS(t, at->group[1]), &left);
    TAGS_EACH(left)
    {
        const uint32_t slot = group * GROUP + tags_first(left);
        uint64_t *const own = KEYED_WORD(t, slot);
        if (!word_swap(own, 0, KEYED_BORN)) continue; /* another key is being written there */
        hash_word *const entry = KEYED_ENTRY(t, slot);
        for (uint32_t i = 0; KEYED_KEY(t, i); i++) entry[i] = key[i];
        TABLE_TAGS[table_within(t->first_slot + slot, TABLE_SLOTS)] = at->tag;
        (void)word_swap(own, KEYED_BORN, word);
        return slot;
    }
    return KEYED_NONE;
}

/* Free the slot if its word is unchanged. */
static inline bool keyed_free(const struct keyed *t, uint32_t slot, uint64_t word)
{
    uint64_t *const own = KEYED_WORD(t, slot);
    if (!word_swap(own, word, KEYED_BORN)) return false;
    TABLE_TAGS[table_within(t->first_slot + slot, TABLE_SLOTS)] = 0;
    return word_swap(own, KEYED_BORN, 0);
}
