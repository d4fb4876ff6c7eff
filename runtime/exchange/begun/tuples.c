/* An anonymous shared mapping, a part for each worker; the parent copies each tuple and checks the copy */
#include "runtime/exchange/begun/tuples.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct tuples {
    uint32_t most;
    unsigned workers;
    size_t each; /* bytes of a worker's part */
    char *memory;
};

struct tuples *tuples_new(uint32_t most, unsigned workers)
{
    struct tuples *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    *t = (struct tuples){.most = most, .workers = workers};
    t->each = (sizeof(struct inline_tuples) + most * 2 * sizeof(struct inline_tuple) + 63) / 64 * 64;
    t->memory =
        mmap(NULL, t->each * workers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (t->memory != MAP_FAILED) return t;
    free(t);
    return NULL;
}

void tuples_free(struct tuples *t)
{
    if (t) munmap(t->memory, t->each * t->workers);
    free(t);
}

struct inline_share tuples_share(const struct tuples *t, unsigned worker)
{
    if (!t || worker >= t->workers) return (struct inline_share){0};
    return (struct inline_share){.all = (void *)(t->memory + t->each * worker), .most = t->most};
}

/* Copy a tuple. False: it is not live, or not sound. */
static bool copy_one(const struct inline_tuple *from, struct inline_tuple *to)
{
    if (!__atomic_load_n(&from->live, __ATOMIC_ACQUIRE)) return false;
    *to = *from;
    if (to->live != 1 || to->v6 > 1 || to->tag_count > INLINE_TAGS) return false;
    memset(to->tags + to->tag_count, 0, (INLINE_TAGS - to->tag_count) * sizeof *to->tags);
    to->reserved = 0;
    return true;
}

/* Add a tuple to the copies, which grow. False: out of memory. */
static bool add_one(struct inline_tuple **all, size_t *count, const struct inline_tuple *one)
{
    if ((*count & (*count - 1)) == 0) {
        struct inline_tuple *more = realloc(*all, (*count ? 2 * *count : 1) * sizeof *more);
        if (!more) return false;
        *all = more;
    }
    (*all)[(*count)++] = *one;
    return true;
}

struct inline_tuple *tuples_copy(const struct tuples *t, size_t *count, size_t *connections)
{
    struct inline_tuple *all = NULL, one;
    *count = *connections = 0;
    for (unsigned w = 0; t && w < t->workers; w++) {
        const struct inline_tuples *of = tuples_share(t, w).all;
        const uint32_t said = __atomic_load_n(&of->high, __ATOMIC_ACQUIRE), high = said < t->most ? said : t->most;
        for (uint32_t i = 0; i < high; i++) {
            const size_t before = *count;
            for (unsigned which = 0; which < 2; which++)
                if (copy_one(&of->at[i][which], &one) && !add_one(&all, count, &one)) return all;
            *connections += *count > before;
        }
    }
    return all;
}
