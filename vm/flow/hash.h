/* Seeded hashing of short keys: NH, folded.
 *
 * The sum of products (w1 + k1)(w2 + k2) + (w3 + k3)(w4 + k4) ... mod 2^128, each w + k mod 2^64, is equal for two
 * different keys of one length with a chance of 2^-64 over the draw of the k, whatever the keys (Black, Halevi,
 * Krawczyk, Krovetz, Rogaway, "UMAC: Fast and Secure Message Authentication", CRYPTO 1999, 4): who does not know the k
 * finds no keys that meet more often. One more multiplication, folded, makes 64 bits of it that are all good. */
#ifndef VM_FLOW_HASH_H
#define VM_FLOW_HASH_H

#include <stdint.h>

typedef unsigned __int128 hash_sum;

enum { HASH_WORDS = 6 };

struct hash_key {
    uint64_t add[HASH_WORDS], close[2];
};

/* splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014): the numbers of a seed. */
static inline uint64_t hash_draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline void hash_key_init(struct hash_key *k, uint64_t seed)
{
    for (unsigned i = 0; i < HASH_WORDS; i++) k->add[i] = hash_draw(&seed);
    for (unsigned i = 0; i < 2; i++) k->close[i] = hash_draw(&seed);
}

/* Words i and i + 1 of the key; i is even. */
static inline hash_sum hash_two(const struct hash_key *k, unsigned i, uint64_t a, uint64_t b)
{
    return (hash_sum)(a + k->add[i]) * (b + k->add[i + 1]);
}

static inline uint64_t hash_close(const struct hash_key *k, hash_sum sum)
{
    hash_sum product = (hash_sum)((uint64_t)sum ^ k->close[0]) * ((uint64_t)(sum >> 64) ^ k->close[1]);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_pair(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }

#endif
