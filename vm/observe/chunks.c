/* Chunks of memory, see chunks.h */
#include "vm/observe/chunks.h"

#include <stdlib.h>
#include <string.h>

#include "vm/keyed/large.h"

enum { LEAST = 4 };

bool chunks_reserve(struct chunks *all, uint64_t bytes)
{
    const uint64_t count = bytes / sizeof(struct chunk);
    *all = (struct chunks){.most = count < LEAST        ? LEAST
                                   : count < CHUNK_NONE ? (uint32_t)count
                                                        : CHUNK_NONE - 1,
                           .spare = CHUNK_NONE};
    all->at = large_sparse((size_t)all->most * sizeof *all->at);
    all->next = large_sparse((size_t)all->most * sizeof *all->next);
    if (all->at && all->next) return true;
    chunks_release(all);
    return false;
}

void chunks_release(struct chunks *all)
{
    if (all->at) large_sparse_free(all->at, (size_t)all->most * sizeof *all->at);
    if (all->next) large_sparse_free(all->next, (size_t)all->most * sizeof *all->next);
    *all = (struct chunks){.spare = CHUNK_NONE};
}

uint32_t chunk_take(struct chunks *all)
{
    uint32_t number = all->spare;
    if (number != CHUNK_NONE)
        all->spare = all->next[number];
    else if (all->high < all->most)
        number = all->high++;
    else
        return CHUNK_NONE;
    struct chunk *p = &all->at[number];
    memset(p->there, 0, sizeof p->there);
    memset(p->begins, 0, sizeof p->begins);
    memset(p->ends, 0, sizeof p->ends);
    p->crossing = 0;
    all->used++;
    return number;
}

void chunk_put(struct chunks *all, uint32_t number)
{
    all->next[number] = all->spare;
    all->spare = number;
    all->used--;
}
