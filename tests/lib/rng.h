/* A small random generator with a seed: the same seed gives the same test on every machine. */
#ifndef TESTS_LIB_RNG_H
#define TESTS_LIB_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

/* Return the next number by splitmix64: every seed is good, even 0, and near seeds give unrelated streams. */
static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Return a number from 0 to n-1; n > 0. */
static inline unsigned rng_below(struct rng *r, unsigned n) { return (unsigned)(rng_next(r) % n); }
/* Return true once in n times. */
static inline bool rng_one_in(struct rng *r, unsigned n) { return rng_below(r, n) == 0; }

#endif
