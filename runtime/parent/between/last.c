/* An anonymous shared mapping, which also contains the number of the valid half */
#include "runtime/parent/between/last.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { NONE = 2 };

struct last {
    uint32_t *counts; /* atomic: 0 or 1, the valid half, or NONE; at the mapping's beginning */
    uint32_t next;
};

enum { HEAD = 4096 };
#define HALF (((sizeof(struct last_half) + HEAD - 1) / HEAD * HEAD) + LAST_MOST)

struct last *last_new(void)
{
    struct last *l = calloc(1, sizeof *l);
    void *at =
        !l ? MAP_FAILED
           : mmap(NULL, HEAD + 2 * HALF, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
        free(l);
        return NULL;
    }
    l->counts = at;
    *l->counts = NONE;
    return l;
}

void last_free(struct last *l)
{
    if (l) munmap(l->counts, HEAD + 2 * HALF);
    free(l);
}

static struct last_half *half(const struct last *l, uint32_t which)
{
    return (struct last_half *)(void *)((char *)l->counts + HEAD + which * HALF);
}

struct last_half *last_next(const struct last *l) { return half(l, l->next); }

/* Give back the memory of a half that is no longer valid, except its program's text and the remains of earlier
 * programs, which are the same next time. */
static void give_back(struct last_half *h)
{
    const uint64_t same = h->hello.program + h->hello.former;
    const size_t kept = (offsetof(struct last_half, file) + same + HEAD - 1) / HEAD * HEAD;
    if (h->len) madvise((char *)h + kept, HALF - kept, MADV_REMOVE);
    h->len = 0;
}

void last_put(struct last *l)
{
    __atomic_store_n(l->counts, l->next, __ATOMIC_RELEASE);
    l->next = !l->next;
    give_back(half(l, l->next));
}

void last_forget(struct last *l) { __atomic_store_n(l->counts, NONE, __ATOMIC_RELEASE); }

const struct last_half *last_of(const struct last *l)
{
    const uint32_t counts = l ? __atomic_load_n(l->counts, __ATOMIC_ACQUIRE) : NONE;
    return counts < NONE ? half(l, counts) : NULL;
}
