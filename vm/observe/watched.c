/* Numbers, tuples and memory of watched connections, see watched.h */
#include "vm/observe/watched.h"

#include <stdlib.h>
#include <string.h>

#include "vm/keyed/large.h"
#include "vm/packet/key.h"

enum { CHUNKS_EACH = 2, TRIED = 32 };

static size_t cut_bytes(const struct watched *all) { return (size_t)all->numbers.most * sizeof *all->cut_ns; }
static size_t chunks_bytes(const struct watched *all) { return (size_t)all->chunks_most * sizeof *all->chunks; }

bool watched_init(struct watched *all, uint64_t most, uint64_t seed)
{
    *all = (struct watched){.chunks_spare = CHUNK_NONE};
    const struct numbered_cfg cfg = {
        .most = most, .tuples = 1, .seed = seed, .bytes = sizeof(struct conn), .link = offsetof(struct conn, observe)};
    if (!numbered_init(&all->numbers, &cfg)) return false;
    all->at = all->numbers.at;
    all->chunks_most = all->numbers.most * CHUNKS_EACH;
    all->cut_ns = large_sparse(cut_bytes(all));
    all->chunks = large_sparse(chunks_bytes(all));
    all->stacks = stacks_new(seed);
    return all->cut_ns && all->chunks && all->stacks;
}

void watched_fini(struct watched *all)
{
    if (all->cut_ns) large_sparse_free(all->cut_ns, cut_bytes(all));
    if (all->chunks) large_sparse_free(all->chunks, chunks_bytes(all));
    stacks_free(all->stacks);
    numbered_fini(&all->numbers);
}

const struct ends *conn_ends(const struct watched *all, const struct conn *c)
{
    return keyed_at(&all->numbers.index, c->slot);
}

struct conn *watched_find(const struct watched *all, const struct key *key, uint16_t stack, struct sought *at)
{
    at->high = ends_make(&at->ends, key->src, key->src_port, key->dst, key->dst_port, key->kind & KIND_IP6, stack);
    const uint32_t slot = numbered_find(&all->numbers, &at->ends, &at->place);
    return slot == KEYED_NONE ? NULL : &all->at[numbered_of(&all->numbers, slot)];
}

uint32_t watched_add(struct watched *all, const struct sought *at)
{
    uint32_t slot;
    const uint32_t n = numbered_begin(&all->numbers, &at->ends, &at->place, &slot);
    if (n == NUMBER_NONE) return n;
    all->at[n] = (struct conn){.slot = slot};
    if (all->cut_ns[n]) all->cut_ns[n] = 0; /* memory that was never written takes none */
    return n;
}

void watched_remove(struct watched *all, uint32_t number)
{
    struct conn *c = &all->at[number];
    stack_put(all->stacks, conn_ends(all, c)->stack);
    keyed_drop(&all->numbers.index, c->slot);
    c->slot = KEYED_NONE;
    numbered_end(&all->numbers, number);
}

uint32_t watched_victim(struct watched *all, uint64_t idle_ns)
{
    uint32_t oldest = NUMBER_NONE;
    for (unsigned i = 0; i < TRIED && i < all->numbers.high; i++) {
        all->victim = all->victim + 1 < all->numbers.high ? all->victim + 1 : 0;
        const struct conn *c = &all->at[all->victim];
        if (!conn_lives(c)) continue;
        if (c->flags & CONN_OVER) return all->victim;
        if (c->state != OBSERVE_OPENS && c->seen_ns >= idle_ns) continue;
        const struct conn *o = oldest == NUMBER_NONE ? NULL : &all->at[oldest];
        const bool better = !o || (c->state == OBSERVE_OPENS && o->state != OBSERVE_OPENS) ||
                            (c->state == o->state && c->seen_ns < o->seen_ns);
        if (better) oldest = all->victim;
    }
    return oldest;
}

uint32_t chunk_take(struct watched *all)
{
    uint32_t n = all->chunks_spare;
    if (n != CHUNK_NONE)
        all->chunks_spare = all->chunks[n].next;
    else if (all->chunks_high < all->chunks_most)
        n = all->chunks_high++;
    else
        return CHUNK_NONE;
    all->chunks[n].next = CHUNK_NONE;
    return n;
}

void chunks_put(struct watched *all, uint32_t first)
{
    while (first != CHUNK_NONE) {
        const uint32_t next = all->chunks[first].next;
        all->chunks[first].next = all->chunks_spare;
        all->chunks_spare = first;
        first = next;
    }
}
