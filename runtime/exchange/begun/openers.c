/* A table of groups of four places. Each place has a sequence number that is odd during a write (a seqlock). Its words
 * are accessed one by one; a reader that sees a mixture detects that by the number. */
#include "runtime/exchange/begun/openers.h"

#include <assert.h>
#include <stdlib.h>

enum { GROUP = 4, WORDS = sizeof(struct opener) / 8 };
static_assert(sizeof(struct opener) == WORDS * 8, "words of 8 bytes");

struct place {
    uint64_t number;       /* atomic: 0: never written; odd: being written */
    uint64_t words[WORDS]; /* atomic each: a struct opener */
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

static bool same(const struct opener_key *a, const struct opener_key *b) { return !memcmp(a, b, sizeof *a); }

/* Copy a place. False: it is empty, or changes meanwhile. */
static bool read_place(const struct place *p, struct opener *opener)
{
    uint64_t words[WORDS];
    const uint64_t before = __atomic_load_n(&p->number, __ATOMIC_ACQUIRE);
    if (!before || before & 1) return false;
    /* Acquire: all words are read before the number is read again. */
    for (unsigned i = 0; i < WORDS; i++) words[i] = __atomic_load_n(&p->words[i], __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&p->number, __ATOMIC_RELAXED) != before) return false;
    memcpy(opener, words, sizeof *opener);
    return true;
}

/* Return the place of that key, or an empty one, or the oldest. */
static struct place *place_for(struct openers *o, const struct opener_key *key)
{
    struct place *const group = &o->places[group_of(key)], *oldest = group;
    uint64_t oldest_ns = UINT64_MAX;
    for (unsigned i = 0; i < GROUP; i++) {
        struct opener there;
        if (!read_place(&group[i], &there) || same(&there.key, key)) return &group[i];
        if (there.at_ns >= oldest_ns) continue;
        oldest_ns = there.at_ns;
        oldest = &group[i];
    }
    return oldest;
}

void openers_put(struct openers *o, const struct opener *opener)
{
    struct place *p = place_for(o, &opener->key);
    uint64_t words[WORDS];
    const uint64_t number = __atomic_load_n(&p->number, __ATOMIC_RELAXED);
    memcpy(words, opener, sizeof words);
    __atomic_store_n(&p->number, number + 1, __ATOMIC_RELAXED);
    /* Release: a reader that sees one of these words also sees the odd number. */
    for (unsigned i = 0; i < WORDS; i++) __atomic_store_n(&p->words[i], words[i], __ATOMIC_RELEASE);
    __atomic_store_n(&p->number, number + 2, __ATOMIC_RELEASE);
}

bool openers_find(const struct openers *o, const struct opener_key *key, struct opener *found)
{
    const struct place *group = &o->places[group_of(key)];
    for (unsigned i = 0; i < GROUP; i++)
        if (read_place(&group[i], found) && same(&found->key, key)) return true;
    return false;
}
