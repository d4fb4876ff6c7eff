/* Memory of large tables, see large.h */
#include "vm/keyed/large.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE /* in the headers since glibc 2.35 */
#define MADV_POPULATE_WRITE 23
#endif

enum { PAGE = 4096 };

static void *map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void unmap(uint8_t *from, const uint8_t *to)
{
    if (from < to) munmap(from, (size_t)(to - from));
}

/* Map more than asked for, so that the block can begin on a large page; unmap the rest before and behind. */
static void *map_aligned(size_t bytes)
{
    uint8_t *all = bytes <= SIZE_MAX - LARGE_PAGE ? map(bytes + LARGE_PAGE) : NULL;
    if (!all) return NULL;
    const size_t page = PAGE, kept = (bytes + page - 1) & ~(page - 1);
    uint8_t *p = all + (-(uintptr_t)all & (LARGE_PAGE - 1));
    unmap(all, p);
    unmap(p + kept, all + ((bytes + LARGE_PAGE + page - 1) & ~(page - 1)));
    madvise(p, kept, MADV_HUGEPAGE); /* fails harmlessly on a system without large pages */
    return p;
}

void *large_new(size_t bytes)
{
    if (!bytes) bytes = 1;
    return bytes < LARGE_PAGE ? map(bytes) : map_aligned(bytes);
}

void *large_touched(size_t bytes)
{
    volatile uint8_t *p = large_new(bytes);
    for (size_t at = 0; p && at < bytes; at += PAGE) p[at] = 0;
    return (void *)p;
}

/* Before Linux 5.14, touch each page by an atomic OR of 0, which another thread's write survives. */
void large_take(void *memory, size_t from, size_t to)
{
    uint8_t *const p = memory;
    from &= ~(size_t)(PAGE - 1);
    if (from >= to || !madvise(p + from, to - from, MADV_POPULATE_WRITE)) return;
    if (errno != EINVAL) return; /* out of memory: pages then come with the flows, or not at all */
    for (size_t at = from; at < to; at += PAGE) __atomic_fetch_or(p + at, 0, __ATOMIC_RELAXED);
}

void large_free(void *memory, size_t bytes)
{
    if (memory) munmap(memory, bytes ? bytes : 1);
}

void *large_sparse(size_t bytes) { return bytes < LARGE_PAGE ? calloc(1, bytes) : map(bytes); }

void *large_growing(size_t bytes) { return bytes < LARGE_PAGE ? large_sparse(bytes) : large_new(bytes); }

void large_sparse_free(void *memory, size_t bytes)
{
    if (bytes < LARGE_PAGE)
        free(memory);
    else
        large_free(memory, bytes);
}
