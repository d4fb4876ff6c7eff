/* Seeded hashing of short keys (NH, folded), and random numbers from a seed
 *
 * The sum of products (w1 + k1)(w2 + k2) + (w3 + k3)(w4 + k4) ... mod 2^128, each w + k mod 2^64, is equal for two
 * different keys of one length with a chance of 2^-64 over the draw of the k, whatever the keys (Black, Halevi,
 * Krawczyk, Krovetz, Rogaway, "UMAC: Fast and Secure Message Authentication", CRYPTO 1999, 4): without knowing the
 * k, an attacker can't find keys that collide more often. One more multiplication, folded, makes 64 good bits of the
 * sum.
 *
 * A product has 128 bits. It takes one machine instruction if the compiler has it, else halves of 32 bits, with
 * equal results. */
#pragma once

#include <stdint.h>

enum { HASH_WORDS = 6 };

struct hash_key {
    uint64_t add[HASH_WORDS], close[2];
};

struct hash_sum {
    uint64_t low, high;
};

/* Return the lower half. On the eBPF machine this is one instruction, while clang makes two shifts from a mask. */
static inline uint64_t hash_half(uint64_t word)
{
#ifdef HALF_REGISTERS
    uint32_t half;
    __asm__("%0 = %1" : "=w"(half) : "w"((uint32_t)word));
    return half;
#else
    return (uint32_t)word;
#endif
}

/* Add a product to the sum, mod 2^128. The carry is computed from the highest bits, because a comparison would be an
 * unpredictable branch on the eBPF machine. */
static inline void hash_add_by_halves(struct hash_sum *sum, uint64_t a, uint64_t b)
{
    const uint64_t a0 = hash_half(a), a1 = a >> 32, b0 = hash_half(b), b1 = b >> 32;
    const uint64_t low = a0 * b0, cross = a1 * b0 + (low >> 32), other = a0 * b1 + hash_half(cross);
    const uint64_t before = sum->low, more = other << 32 | hash_half(low), then = before + more;
    sum->low = then;
    sum->high += a1 * b1 + (cross >> 32) + (other >> 32) + (((before & more) | ((before | more) & ~then)) >> 63);
}

#if defined __SIZEOF_INT128__ && !defined __bpf__
static inline void hash_add(struct hash_sum *sum, uint64_t a, uint64_t b)
{
    const unsigned __int128 all = ((unsigned __int128)sum->high << 64 | sum->low) + (unsigned __int128)a * b;
    sum->low = (uint64_t)all;
    sum->high = (uint64_t)(all >> 64);
}
#else
#define hash_add hash_add_by_halves
#endif

/* Return the next number of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
 * Every seed is good. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline void hash_key_init(struct hash_key *k, uint64_t seed)
{
    for (unsigned i = 0; i < HASH_WORDS; i++) k->add[i] = random_next(&seed);
    for (unsigned i = 0; i < 2; i++) k->close[i] = random_next(&seed);
}

/* Add words i and i + 1 of the key to the sum; i is even. */
static inline void hash_two(struct hash_sum *sum, const struct hash_key *k, unsigned i, uint64_t a, uint64_t b)
{
    hash_add(sum, a + k->add[i], b + k->add[i + 1]);
}

static inline uint64_t hash_close(const struct hash_key *k, const struct hash_sum *sum)
{
    struct hash_sum product = {0, 0};
    hash_add(&product, sum->low ^ k->close[0], sum->high ^ k->close[1]);
    return product.low ^ product.high;
}

/* A word of any object that serves as a key */
typedef uint64_t __attribute__((may_alias)) hash_word;

/* Hash any number of words: those past the first six are hashed together with the hash of the words before them. */
static inline uint64_t hash_words(const struct hash_key *k, const hash_word *words, unsigned count)
{
    struct hash_sum sum = {0, 0};
    for (unsigned i = 0, at = 0; i < count; i += 2, at += 2) {
        if (at == HASH_WORDS) {
            const uint64_t before = hash_close(k, &sum);
            sum = (struct hash_sum){0, 0};
            hash_two(&sum, k, 0, before, 0);
            at = 2;
        }
        hash_two(&sum, k, at, words[i], i + 1 < count ? words[i + 1] : 0);
    }
    return hash_close(k, &sum);
}

static inline uint64_t hash_pair(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }
