/* Pieces of memory, see pieces.h */
#include "vm/observe/pieces.h"

#include <stdlib.h>
#include <string.h>

#include "vm/keyed/large.h"

enum { LEAST = 4 };

bool pieces_reserve(struct pieces *all, uint64_t bytes)
{
    const uint64_t count = bytes / sizeof(struct piece);
    *all = (struct pieces){.most = count < LEAST        ? LEAST
                                   : count < PIECE_NONE ? (uint32_t)count
                                                        : PIECE_NONE - 1,
                           .spare = PIECE_NONE};
    all->at = large_sparse((size_t)all->most * sizeof *all->at);
    all->next = large_sparse((size_t)all->most * sizeof *all->next);
    if (all->at && all->next) return true;
    pieces_release(all);
    return false;
}

void pieces_release(struct pieces *all)
{
    if (all->at) large_sparse_free(all->at, (size_t)all->most * sizeof *all->at);
    if (all->next) large_sparse_free(all->next, (size_t)all->most * sizeof *all->next);
    *all = (struct pieces){.spare = PIECE_NONE};
}

uint32_t piece_take(struct pieces *all)
{
    uint32_t number = all->spare;
    if (number != PIECE_NONE)
        all->spare = all->next[number];
    else if (all->high < all->most)
        number = all->high++;
    else
        return PIECE_NONE;
    struct piece *p = &all->at[number];
    memset(p->there, 0, sizeof p->there);
    memset(p->begins, 0, sizeof p->begins);
    memset(p->ends, 0, sizeof p->ends);
    p->crossing = 0;
    all->used++;
    return number;
}

void piece_put(struct pieces *all, uint32_t number)
{
    all->next[number] = all->spare;
    all->spare = number;
    all->used--;
}
