/* The headers that a classifier has most trouble with: what one search reads is counted, and keys are sought that make
 * it read more, by climbing from keys that are given. For adversarial tests and measurements. */
#ifndef TESTS_LIB_WORST_H
#define TESTS_LIB_WORST_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/lib/rng.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"

/* One search as in vm/classify, lane by lane: its finding (ENTRY_NONE: nothing), its reads. */
struct search_cost {
    uint32_t entry;
    uint32_t words, compared, lines, climbed; /* of the tree; blocks; lines of these; lines for ranks */
};
struct search_cost search_count(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from);
/* Cache lines: one per word. */
static inline uint32_t search_lines(const struct search_cost *c) { return c->climbed + c->words + c->lines; }

/* The same without a fork's omissions: the meaning of an image. Words and blocks that a search may read at most. */
struct search_cost search_all(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from);

/* `climbs` ways up, each from one of the seeds, `steps` changes tried on each: another seed's source, destination,
 * protocol with ports or circumstances, other ports, or a bit of an address. So keys stay such as frames have when the
 * seeds are. out[0..n-1] are the costliest ways' ends, costliest first; fewer than n climbs leave the rest as seeds.
 * Returns the lines of the first. The same generator gives the same. */
uint32_t worst_keys(const struct program *p, uint32_t classifier, const struct key *seeds, uint32_t seed_count,
                    struct rng *r, uint32_t climbs, uint32_t steps, struct key *out, uint32_t n);

#endif
