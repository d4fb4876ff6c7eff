/* A table of groups of four places, each with a sequence number (sequence.h) */
#include "runtime/exchange/begun/openers.h"

#include <assert.h>
#include <stdlib.h>

#include "runtime/exchange/begun/sequence.h"

enum { GROUP = 4, WORDS = sizeof(struct opener) / 8 };
static_assert(sizeof(struct opener) == WORDS * 8, "words of 8 bytes");

struct place {
    uint64_t number;
    uint64_t words[WORDS]; /* words of a struct opener */
};
struct openers {
    struct place places[OPENERS];
};

struct openers *openers_new(void) { return calloc(1, sizeof(struct openers)); }
void openers_free(struct openers *o) { free(o); }

static uint32_t group_of(const struct opener_key *key)
{
    uint64_t words[sizeof *key / 8], h = 0;
    memcpy(words, key, sizeof words);
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        h = (h ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return (uint32_t)(h >> 32) % (OPENERS / GROUP) * GROUP;
}

static bool same_key(const struct opener_key *a, const struct opener_key *b) { return !memcmp(a, b, sizeof *a); }

/* Copy a place. False: it is empty, or changes meanwhile. */
static bool read_place(const struct place *p, struct opener *opener)
{
    return sequence_get(&p->number, p->words, opener, WORDS);
}

/* Return the place of that key, or an empty one, or the oldest. */
static struct place *place_for(struct openers *o, const struct opener_key *key)
{
    struct place *const group = &o->places[group_of(key)], *oldest = group;
    uint64_t oldest_ns = UINT64_MAX;
    for (unsigned i = 0; i < GROUP; i++) {
        struct opener there;
        if (!read_place(&group[i], &there) || same_key(&there.key, key)) return &group[i];
        if (there.at_ns >= oldest_ns) continue;
        oldest_ns = there.at_ns;
        oldest = &group[i];
    }
    return oldest;
}

void openers_put(struct openers *o, const struct opener *opener)
{
    struct place *p = place_for(o, &opener->key);
    sequence_put(&p->number, p->words, opener, WORDS);
}

bool openers_find(const struct openers *o, const struct opener_key *key, struct opener *found)
{
    const struct place *group = &o->places[group_of(key)];
    for (unsigned i = 0; i < GROUP; i++)
        if (read_place(&group[i], found) && same_key(&found->key, key)) return true;
    return false;
}
