/* Searches for the headers that a classifier has most trouble with. It counts what a search reads, and climbs from
 * given keys to keys that make the search read more. For adversarial tests and measurements. */
#ifndef TESTS_LIB_WORST_H
#define TESTS_LIB_WORST_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/lib/rng.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"

/* One search as in vm/classify, lane by lane: the entry found (ENTRY_NONE: none) and the reads. */
struct search_cost {
    uint32_t entry;
    uint32_t words, compared, lines,
        climbed; /* reads of the tree, of blocks, of lines of blocks, and of lines for ranks */
};
struct search_cost search_count(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from);
/* Return the number of cache lines: one per word. */
static inline uint32_t search_lines(const struct search_cost *c) { return c->climbed + c->words + c->lines; }

/* The same without the shortcuts of a fork: the meaning of an image. Counts the words and blocks that a search may
 * read at most. */
struct search_cost search_all(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from);

/* Climb `climbs` times from one of the seeds, trying `steps` changes each time: another seed's source, destination,
 * protocol with ports or circumstances, other ports, or a bit of an address. If the seeds are keys of frames, so are
 * the results. out[0..n-1] get the costliest ends of the climbs, costliest first; with fewer than n climbs the rest
 * are seeds. Returns the lines of the first. The same generator gives the same result. */
uint32_t worst_keys(const struct program *p, uint32_t classifier, const struct key *seeds, uint32_t seed_count,
                    struct rng *r, uint32_t climbs, uint32_t steps, struct key *out, uint32_t n);

#endif
