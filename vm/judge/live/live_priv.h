/* The two layers of a live set (vm/judge/lives.h), and how its overlay is read.
 *
 * A family's overlay is a keyed table (vm/keyed/keyed.h) that many threads change at once. A slot's word decides: 0
 * is a free slot; WORD_BORN is a slot that one thread owns for a while, with its tag, key and word. Any other word
 * is a member's, with its end in the upper bits and a version in the lower ones, and changes by compare-and-swap
 * only. No word comes again in a slot within a look, so a thread that read a word, then the key, then the same word
 * again, has the word of that key; so has one that swaps the word that it read before the key.
 *
 * A key is added, renewed and removed under a lock for its hash, so it is in one slot only; expired and evicted
 * members are freed without that lock. Tags are hints, and are checked by word and key. Words, keys and tags are
 * written with release and read with acquire, which orders a look without fences. */
#pragma once

#include "vm/judge/live/live_key.h"
#include "vm/judge/lives.h"
#include "vm/keyed/keyed.h"
#include "vm/program/set_walk.h"

enum {
    LIVE_LOCKS = 64,
    LINE_BYTES = 64,
};
static_assert(LIVE_FOREVER < WORD_BORN >> VERSION_BITS, "a word has room for each end, and none is WORD_BORN");

static_assert(LIVE_LENGTHS_MOST == sizeof(uint64_t), "a byte of `lengths` for each");

struct overlay {
    struct keyed table;
    /* Prefix lengths of members, plus 1, one byte each, from the longest; 0 behind the last. Every length that has
     * members is here. */
    uint64_t lengths;
    uint64_t *shown; /* the same for another judge, or NULL */
    /* Number of members of each length. It goes from 0 to 1 and from 1 to 0 under the lock, with its length's byte. */
    uint32_t of_length[128 + 1] __attribute__((aligned(LINE_BYTES)));
    uint32_t lengths_lock;
};

struct live_block {
    struct live_base ranges; /* ranges, which are in this block */
    const uint32_t *lookup;
    uint64_t bytes, lookup_bytes;
    uint32_t node4, node6;
    struct live_block *older; /* block that was replaced before this one; set when this one is replaced */
};

struct live_set {
    struct live_block *base;   /* the base in force; NULL: no ranges */
    struct live_memory memory; /* the owner's; if `shown` is NULL, the set's own */
    uint64_t size;
    bool refuse;
    struct overlay overlay[2]; /* overlays of IPv4 and IPv6 */
    uint32_t lock[LIVE_LOCKS] __attribute__((aligned(LINE_BYTES)));
    struct live_counts counts __attribute__((aligned(LINE_BYTES)));
    uint64_t version;
    uint32_t hand;              /* next group to sweep, over both families */
    struct live_block *retired; /* bases that were replaced and that the owner has not taken, the latest first */
};

static inline struct live_key live_key_of(const uint32_t addr[4], bool v6, unsigned len)
{
    struct wide wide;
    if (!v6) return live_key4(addr[0], len);
    wide_of(addr, &wide);
    return live_key6(&wide, len);
}

static inline unsigned live_key_len(const struct live_key *key, bool v6)
{
    return (uint32_t)key->word[v6 ? KEY6_WORDS - 1 : 0];
}

static inline struct live_net live_net_of(const struct live_key *key, bool v6)
{
    struct live_net net = {.len = (uint8_t)live_key_len(key, v6), .v6 = v6};
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) net.addr[i] = (uint32_t)(key->word[i / 2] >> (i % 2 ? 0 : 32));
    return net;
}

static inline uint64_t live_load(const uint64_t *at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }
static inline bool word_swap(uint64_t *at, uint64_t was, uint64_t now)
{
    return __atomic_compare_exchange_n(at, &was, now, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Copy a group's tags. Each half is written at once, because a read of a half that was written in words would wait
 * for memory. */
static inline void overlay_tags(const struct keyed *t, uint32_t group, tags_word tags[GROUP / 4])
{
    const tags_word *const from = (const tags_word *)KEYED_TAGS(t, group);
    for (unsigned i = 0; i < GROUP / 4; i += 2) {
        const uint64_t low = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
        const uint64_t high = __atomic_load_n(&from[i + 1], __ATOMIC_ACQUIRE);
#ifdef __SSE2__
        _mm_storeu_si128((__m128i *)&tags[i], _mm_set_epi64x((int64_t)high, (int64_t)low));
#else
        tags[i] = low;
        tags[i + 1] = high;
#endif
    }
}

static inline void overlay_key(const struct keyed *t, uint32_t slot, struct live_key *key)
{
    const hash_word *const held = keyed_at(t, slot);
    for (unsigned i = 0; i < t->key_words; i++) key->word[i] = __atomic_load_n(&held[i], __ATOMIC_ACQUIRE);
}

/* Return the word of the key's slot if it is a member's; else 0. `words`: t->key_words. The loop goes on only if
 * another thread has changed this key's word meanwhile. */
static inline __attribute__((always_inline)) uint64_t overlay_word(const struct keyed *t, unsigned words, uint32_t slot,
                                                                   const struct live_key *key)
{
    const hash_word *const held = (const hash_word *)(t->entries + (size_t)slot * words * sizeof *held);
    uint64_t word = live_load(KEYED_WORD(t, slot));
    while (word_held(word)) {
        uint64_t differ = 0;
        for (unsigned i = 0; i < words; i++) differ |= __atomic_load_n(&held[i], __ATOMIC_ACQUIRE) ^ key->word[i];
        if (differ) return 0;
        const uint64_t again = live_load(KEYED_WORD(t, slot));
        if (again == word) return word;
        word = again;
    }
    return 0;
}

/* Find the key. Return its word, and its slot; 0: it is not there. */
static inline __attribute__((always_inline)) uint64_t
overlay_find(const struct keyed *t, unsigned words, const struct place *at, const struct live_key *key, uint32_t *slot)
{
    for (unsigned side = 0; side < 2; side++) {
        tags_word tags[GROUP / 4];
        overlay_tags(t, at->group[side], tags);
        uint32_t hits = tags_like((const uint16_t *)tags, at->tag);
        TAGS_EACH(hits)
        {
            *slot = at->group[side] * GROUP + tags_first(hits);
            const uint64_t word = overlay_word(t, words, *slot, key);
            if (word) return word;
        }
    }
    return 0;
}

/* ---- overlay.c ---- */

/* Make an empty overlay. memory: NULL: the overlay allocates its own. False: out of memory. */
bool overlay_init(struct overlay *o, const struct live_cfg *cfg, bool v6, const struct live_memory *memory);

/* Put a key with that word, under the key's lock. The key is not in the table, and its length is counted. False: no
 * room. */
bool overlay_put(struct overlay *o, const struct place *at, const struct live_key *key, uint64_t word);
/* Free the slot if its word is still that one, and count one member less for its length. */
bool overlay_free(struct overlay *o, uint32_t slot, uint64_t word);
/* Free a group's expired members. Return their number. */
unsigned overlay_expire(struct overlay *o, uint32_t group, uint64_t now_ms);
/* Find the member of both groups that expires soonest. Return its word; 0: none, or all are permanent. */
uint64_t overlay_soonest(const struct overlay *o, const struct place *at, uint32_t *slot);

/* Count a member of that length before it is put. False: it would be a ninth length. */
bool length_take(struct overlay *o, unsigned len);
void length_drop(struct overlay *o, unsigned len);

/* Lock for a short time: after a few tries, the processor is given to other threads. */
void live_lock(uint32_t *lock);
void live_unlock(uint32_t *lock);

static inline const struct live_block *base_in_force(const struct live_set *s)
{
    return __atomic_load_n(&s->base, __ATOMIC_ACQUIRE);
}
