/* Places with sequence numbers (sequence.h). The table is an anonymous mapping, so a page takes memory once one of its
 * numbers is used. */
#include "runtime/exchange/begun/inlined.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "runtime/exchange/begun/sequence.h"

enum { WORDS = (sizeof(struct inlined_conn) + 7) / 8 };
static_assert(sizeof(struct inlined_conn) == WORDS * 8, "words of 8 bytes");

struct place {
    uint64_t sequence;
    uint64_t words[WORDS]; /* words of a struct inlined_conn */
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
    if (open->number >= i->most) return false;
    struct place *p = &i->places[open->number];
    sequence_put(&p->sequence, p->words, &conn, WORDS);
    return true;
}

bool inlined_find(const struct inlined *i, uint32_t number, uint16_t port, struct inlined_conn *found)
{
    if (number >= i->most) return false;
    const struct place *p = &i->places[number];
    return sequence_get(&p->sequence, p->words, found, WORDS) && found->open.port == port;
}
