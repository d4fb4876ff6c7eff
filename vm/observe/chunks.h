/* Memory for bytes that wait: chunks of one size, all from one block that is reserved at the start. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHUNK_BYTES = 2048, CHUNK_WORDS = CHUNK_BYTES / 64 };
#define CHUNK_NONE UINT32_MAX

struct chunk {
    uint8_t bytes[CHUNK_BYTES];
    uint64_t there[CHUNK_WORDS]; /* one bit per byte: the byte has come */
    /* Segments that wait (queue.c), with one bit per byte: a segment begins there, or its last byte is there.
     * crossing: number of segments that begin before the chunk and end in it or behind it */
    uint64_t begins[CHUNK_WORDS], ends[CHUNK_WORDS], crossing;
};

struct chunks {
    struct chunk *at; /* [most] chunks */
    uint32_t *next;   /* [most] list of free chunks */
    uint32_t most, high, spare, used;
};

/* Reserve `bytes`, at least four chunks; memory comes as it is used. False: out of memory. */
bool chunks_reserve(struct chunks *all, uint64_t bytes);
void chunks_release(struct chunks *all);

/* Return the number of an empty chunk; CHUNK_NONE: none is left. */
uint32_t chunk_take(struct chunks *all);
void chunk_put(struct chunks *all, uint32_t number);

static inline struct chunk *chunk_at(const struct chunks *all, uint32_t number) { return &all->at[number]; }
/* True if a user of `held` chunks may have another: it may hold as many as are free. So large users always leave
 * room for others (Choudhury, Hahne, "Dynamic Queue Length Thresholds", 1998). */
static inline bool chunks_allow(const struct chunks *all, uint32_t held) { return held < all->most - all->used; }

/* Return, set, or clear bit i. */
static inline bool bit(const uint64_t *bits, uint32_t i) { return bits[i / 64] >> (i % 64) & 1; }
static inline void put_bit(uint64_t *bits, uint32_t i) { bits[i / 64] |= UINT64_C(1) << (i % 64); }
static inline void take_bit(uint64_t *bits, uint32_t i) { bits[i / 64] &= ~(UINT64_C(1) << (i % 64)); }

/* Return the first bit set, or clear if `!set`, in [from, to); `to`: none. */
static inline uint32_t seek(const uint64_t *bits, bool set, uint32_t from, uint32_t to)
{
    const uint64_t flip = set ? 0 : UINT64_MAX;
    if (from >= to) return to;
    uint32_t i = from / 64;
    uint64_t found = (bits[i] ^ flip) & UINT64_MAX << from % 64;
    while (!found && i < (to - 1) / 64) found = bits[++i] ^ flip;
    const uint32_t at = found ? 64 * i + (uint32_t)__builtin_ctzll(found) : to;
    return at < to ? at : to;
}

/* Return the number of bits set in [from, to). */
static inline uint32_t count_bits(const uint64_t *bits, uint32_t from, uint32_t to)
{
    uint32_t count = 0;
    for (uint32_t at = from; at < to; at = (at / 64 + 1) * 64) {
        const uint64_t above = bits[at / 64] >> at % 64, left = to - at;
        count += (uint32_t)__builtin_popcountll(left < 64 ? above & ((UINT64_C(1) << left) - 1) : above);
    }
    return count;
}
