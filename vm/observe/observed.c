/* Numbers, tuples and memory of observed connections, see observed.h */
#include "vm/observe/observed.h"

#include <stdlib.h>
#include <string.h>

#include "vm/keyed/large.h"
#include "vm/packet/key.h"

enum { NAME_CHUNKS_EACH = 2, TRIED = 32 };

static size_t cut_bytes(const struct observed *all) { return (size_t)all->numbers.most * sizeof *all->cut_ns; }
static size_t name_chunks_bytes(const struct observed *all)
{
    return (size_t)all->name_chunks_most * sizeof *all->name_chunks;
}

bool observed_init(struct observed *all, uint64_t most, uint64_t seed)
{
    *all = (struct observed){.name_chunks_spare = NAME_CHUNK_NONE};
    const struct numbered_cfg cfg = {
        .most = most, .tuples = 1, .seed = seed, .bytes = sizeof(struct conn), .link = offsetof(struct conn, observe)};
    if (!numbered_init(&all->numbers, &cfg)) return false;
    all->at = all->numbers.at;
    all->name_chunks_most = all->numbers.most * NAME_CHUNKS_EACH;
    all->cut_ns = large_sparse(cut_bytes(all));
    all->name_chunks = large_sparse(name_chunks_bytes(all));
    all->stacks = stacks_new(seed);
    return all->cut_ns && all->name_chunks && all->stacks;
}

void observed_fini(struct observed *all)
{
    if (all->cut_ns) large_sparse_free(all->cut_ns, cut_bytes(all));
    if (all->name_chunks) large_sparse_free(all->name_chunks, name_chunks_bytes(all));
    stacks_free(all->stacks);
    numbered_fini(&all->numbers);
}

const struct ends *conn_ends(const struct observed *all, const struct conn *c)
{
    return keyed_at(&all->numbers.index, c->slot);
}

struct conn *observed_find(const struct observed *all, const struct key *key, uint16_t stack, struct sought *at)
{
    at->high = ends_make(&at->ends, key->src, key->src_port, key->dst, key->dst_port, key->kind & KIND_IP6, stack);
    const uint32_t slot = numbered_find(&all->numbers, &at->ends, &at->place);
    return slot == KEYED_NONE ? NULL : &all->at[numbered_of(&all->numbers, slot)];
}

uint32_t observed_add(struct observed *all, const struct sought *at)
{
    uint32_t slot;
    const uint32_t n = numbered_begin(&all->numbers, &at->ends, &at->place, &slot);
    if (n == NUMBER_NONE) return n;
    all->at[n] = (struct conn){.slot = slot};
    if (all->cut_ns[n]) all->cut_ns[n] = 0; /* not written if it is 0: untouched memory takes no page */
    return n;
}

void observed_remove(struct observed *all, uint32_t number)
{
    struct conn *c = &all->at[number];
    stack_put(all->stacks, conn_ends(all, c)->stack);
    keyed_drop(&all->numbers.index, c->slot);
    c->slot = KEYED_NONE;
    numbered_end(&all->numbers, number);
}

uint32_t observed_victim(struct observed *all, uint64_t idle_ns)
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

uint32_t name_chunk_take(struct observed *all)
{
    uint32_t n = all->name_chunks_spare;
    if (n != NAME_CHUNK_NONE)
        all->name_chunks_spare = all->name_chunks[n].next;
    else if (all->name_chunks_high < all->name_chunks_most)
        n = all->name_chunks_high++;
    else
        return NAME_CHUNK_NONE;
    all->name_chunks[n].next = NAME_CHUNK_NONE;
    return n;
}

void name_chunks_put(struct observed *all, uint32_t first)
{
    while (first != NAME_CHUNK_NONE) {
        const uint32_t next = all->name_chunks[first].next;
        all->name_chunks[first].next = all->name_chunks_spare;
        all->name_chunks_spare = first;
        first = next;
    }
}
