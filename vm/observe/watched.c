/* Numbers, tuples and memory of watched connections, see watched.h */
#include "vm/observe/watched.h"

#include <stdlib.h>
#include <string.h>

#include "vm/keyed/large.h"
#include "vm/packet/key.h"

enum { CHUNKS_EACH = 2, TRIED = 32 };

static size_t watched_bytes(const struct watched *all) { return (size_t)all->most * sizeof *all->at; }
static size_t due_bytes(const struct watched *all) { return (size_t)all->most * sizeof *all->due_s; }
static size_t cut_bytes(const struct watched *all) { return (size_t)all->most * sizeof *all->cut_ns; }
static size_t chunks_bytes(const struct watched *all) { return (size_t)all->chunks_most * sizeof *all->chunks; }

bool watched_init(struct watched *all, uint64_t most, uint64_t seed)
{
    *all = (struct watched){.spare = CONN_NONE, .chunks_spare = CHUNK_NONE};
    if (!keyed_init(&all->index,
                    &(struct keyed_cfg){
                        .most = most, .key_words = ENDS_WORDS, .entry_bytes = sizeof(struct ends), .seed = seed}))
        return false;
    all->most = (uint32_t)most;
    all->chunks_most = all->most * CHUNKS_EACH;
    all->at = large_sparse(watched_bytes(all));
    all->due_s = large_sparse(due_bytes(all));
    all->cut_ns = large_sparse(cut_bytes(all));
    all->chunks = large_sparse(chunks_bytes(all));
    all->stacks = stacks_new(seed);
    return all->at && all->due_s && all->cut_ns && all->chunks && all->stacks;
}

void watched_fini(struct watched *all)
{
    if (all->at) large_sparse_free(all->at, watched_bytes(all));
    if (all->due_s) large_sparse_free(all->due_s, due_bytes(all));
    if (all->cut_ns) large_sparse_free(all->cut_ns, cut_bytes(all));
    if (all->chunks) large_sparse_free(all->chunks, chunks_bytes(all));
    stacks_free(all->stacks);
    keyed_fini(&all->index);
}

/* Order two ends by address, then port. */
static bool is_low(const uint32_t a[4], uint16_t a_port, const uint32_t b[4], uint16_t b_port)
{
    for (unsigned i = 0; i < 4; i++)
        if (a[i] != b[i]) return a[i] < b[i];
    return a_port <= b_port;
}

bool watched_tuple(struct ends *t, const uint32_t src[4], uint16_t src_port, const uint32_t dst[4], uint16_t dst_port,
                   bool v6, uint16_t stack)
{
    const bool first = is_low(src, src_port, dst, dst_port);
    t->low_port = first ? src_port : dst_port;
    t->high_port = first ? dst_port : src_port;
    t->stack = stack;
    t->v6 = v6;
    memcpy(t->low, first ? src : dst, sizeof t->low);
    memcpy(t->high, first ? dst : src, sizeof t->high);
    return !first;
}

const struct ends *conn_ends(const struct watched *all, const struct conn *c) { return keyed_at(&all->index, c->slot); }

uint32_t watched_find(const struct watched *all, const struct ends *t, struct place *at)
{
    keyed_place(&all->index, t, ENDS_WORDS, at);
    const uint32_t slot = keyed_find(&all->index, at, t);
    return slot == KEYED_NONE ? CONN_NONE : (uint32_t)all->index.words[slot];
}

uint32_t watched_add(struct watched *all, const struct ends *t, const struct place *at)
{
    const bool again = all->spare != CONN_NONE;
    const uint32_t n = again ? all->spare : all->high;
    const uint32_t slot = n < all->most ? keyed_add(&all->index, at, t) : KEYED_NONE;
    if (slot == KEYED_NONE) return CONN_NONE;
    if (again)
        all->spare = all->at[n].observe;
    else
        all->high++;
    all->index.words[slot] = n;
    all->at[n] = (struct conn){.slot = slot};
    if (all->cut_ns[n]) all->cut_ns[n] = 0; /* memory that was never written takes none */
    all->live++;
    return n;
}

void watched_remove(struct watched *all, uint32_t number)
{
    struct conn *c = &all->at[number];
    stack_put(all->stacks, conn_ends(all, c)->stack);
    keyed_drop(&all->index, c->slot);
    c->slot = KEYED_NONE;
    c->observe = all->spare;
    all->spare = number;
    all->due_s[number] = 0;
    all->live--;
}

uint32_t watched_victim(struct watched *all, uint64_t idle_ns)
{
    uint32_t oldest = CONN_NONE;
    for (unsigned i = 0; i < TRIED && i < all->high; i++) {
        all->victim = all->victim + 1 < all->high ? all->victim + 1 : 0;
        const struct conn *c = &all->at[all->victim];
        if (!conn_lives(c)) continue;
        if (c->flags & CONN_OVER) return all->victim;
        if (c->state != OBSERVE_OPENS && c->seen_ns >= idle_ns) continue;
        const struct conn *o = oldest == CONN_NONE ? NULL : &all->at[oldest];
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
