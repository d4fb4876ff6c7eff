/* Seeded hashing of short keys: multiplication by secret numbers, added up.
 *
 * h = (m0 + m1 w1 + ... + mn wn) mod 2^128, of which the upper 64 bits are strongly universal over the draw of the m
 * (Lemire and Kaser, "Strongly universal string hashing is fast", The Computer Journal 57, 2014, section 2): whoever
 * does not know them finds no two keys that meet more often than chance, whatever the keys. The sum is linear, so keys
 * in even steps would land in even steps; one folded multiplication at the end breaks them up. A word that is 0 adds
 * nothing. */
#ifndef VM_FLOW_HASH_PRIV_H
#define VM_FLOW_HASH_PRIV_H

#include <stdint.h>

typedef unsigned __int128 hash_sum;

enum { HASH_WORDS = 8 };

struct hash_key {
    hash_sum start, by[HASH_WORDS];
    uint64_t last; /* odd */
};

/* splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014): the numbers of a seed. */
static inline uint64_t hash_draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline hash_sum hash_draw2(uint64_t *state)
{
    hash_sum high = hash_draw(state);
    return high << 64 | hash_draw(state);
}

static inline void hash_key_init(struct hash_key *k, uint64_t seed)
{
    k->start = hash_draw2(&seed);
    for (unsigned i = 0; i < HASH_WORDS; i++) k->by[i] = hash_draw2(&seed);
    k->last = hash_draw(&seed) | 1;
}

/* The sum's 64 good bits, in no order that the key's had. */
static inline uint64_t hash_close(const struct hash_key *k, hash_sum sum)
{
    hash_sum product = (hash_sum)(uint64_t)(sum >> 64) * k->last;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_pair(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }

#endif
