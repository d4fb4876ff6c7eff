/* Places with sequence numbers, odd during a write (a seqlock), as in openers.c. The table is an anonymous mapping, so
 * a page takes memory once one of its numbers is used. */
#include "runtime/exchange/begun/inlined.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { WORDS = (sizeof(struct inlined_conn) + 7) / 8 };
static_assert(sizeof(struct inlined_conn) == WORDS * 8, "words of 8 bytes");

struct place {
    uint64_t sequence;     /* atomic: 0: never written; odd: being written */
    uint64_t words[WORDS]; /* atomic each: a struct inlined_conn */
};

struct inlined {
    uint32_t most;
    struct place *places;
};

struct inlined *inlined_new(uint32_t most)
{
    struct inlined *i = calloc(1, sizeof *i);
    if (!i || most > INLINE_NUMBERS) return free(i), NULL;
    i->most = most;
    i->places = mmap(NULL, (size_t)most * sizeof *i->places, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (i->places != MAP_FAILED) return i;
    free(i);
    return NULL;
}

void inlined_free(struct inlined *i)
{
    if (i) munmap(i->places, (size_t)i->most * sizeof *i->places);
    free(i);
}

size_t inlined_bytes(void) { return sizeof(struct place); }

bool inlined_put(struct inlined *i, const struct inline_open *open, uint64_t program, uint64_t at_ns)
{
    const struct inlined_conn conn = {.open = *open, .at_ns = at_ns, .program = program};
    uint64_t words[WORDS];
    if (open->number >= i->most) return false;
    struct place *p = &i->places[open->number];
    const uint64_t sequence = __atomic_load_n(&p->sequence, __ATOMIC_RELAXED);
    memcpy(words, &conn, sizeof words);
    __atomic_store_n(&p->sequence, sequence + 1, __ATOMIC_RELAXED);
    /* Release: a reader that sees one of these words also sees the odd number. */
    for (unsigned w = 0; w < WORDS; w++) __atomic_store_n(&p->words[w], words[w], __ATOMIC_RELEASE);
    __atomic_store_n(&p->sequence, sequence + 2, __ATOMIC_RELEASE);
    return true;
}

bool inlined_find(const struct inlined *i, uint32_t number, uint16_t port, struct inlined_conn *found)
{
    uint64_t words[WORDS];
    if (number >= i->most) return false;
    const struct place *p = &i->places[number];
    const uint64_t before = __atomic_load_n(&p->sequence, __ATOMIC_ACQUIRE);
    if (!before || before & 1) return false;
    /* Acquire: all words are read before the number is read again. */
    for (unsigned w = 0; w < WORDS; w++) words[w] = __atomic_load_n(&p->words[w], __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&p->sequence, __ATOMIC_RELAXED) != before) return false;
    memcpy(found, words, sizeof *found);
    return found->open.port == port;
}
