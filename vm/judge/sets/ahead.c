/* Prefetching for large sets before a batch is judged. One look-up in a set that no cache holds waits for memory two
 * or three times in turn; if they prefetch together, the packets of a batch wait little longer than one. (Measured
 * on a million addresses: README.) */
#include "vm/judge/effects.h"
#include "vm/program/set_walk.h"

/* Macros: gcc treats a function that only prefetches as having no effect, and drops the call. */
#define ASK(at) __builtin_prefetch(at)

/* Position of each packet's walk. NULL: the set cannot hold its address. */
struct walk {
    const uint32_t *bucket[VM_BATCH];
};

static const uint32_t *bucket_in(const struct program *p, uint32_t node, const struct key *key, const uint32_t *addr)
{
    struct wide wide;
    if (key->kind & KIND_IP4) return bucket4(node_at(p->lookup, node), addr[0]);
    wide_of(addr, &wide);
    return bucket6(node_at(p->lookup, node), &wide);
}

static const uint32_t *side_of(const struct key *key, bool dst) { return dst ? key->dst : key->src; }

/* Prefetch the first bucket of each walk. Return the packets that have one. */
static uint64_t ahead_begin(const struct program *p, struct set_side x, const struct key keys[], uint64_t todo,
                            struct walk *w)
{
    const uint32_t nodes[2] = {node_of_set(p->lookup, x.set, false), node_of_set(p->lookup, x.set, true)};
    uint64_t begun = 0;
    for (; todo; todo &= todo - 1) {
        unsigned i = (unsigned)__builtin_ctzll(todo);
        uint32_t node = keys[i].kind & KIND_IP ? nodes[!(keys[i].kind & KIND_IP4)] : 0;
        const uint32_t *bucket = node ? bucket_in(p, node, &keys[i], side_of(&keys[i], x.dst)) : NULL;
        if (!bucket) continue;
        ASK(bucket);
        w->bucket[i] = bucket;
        begun |= 1ull << i;
    }
    return begun;
}

/* Take each walk a level down: to a finer bucket, or to the ranges, which are prefetched. Return those that go on. */
static uint64_t descend(const struct program *p, struct set_side x, const struct key keys[], uint64_t todo,
                        struct walk *w)
{
    uint64_t go_on = 0;
    for (; todo; todo &= todo - 1) {
        unsigned i = (unsigned)__builtin_ctzll(todo);
        const uint32_t first = few_first(*w->bucket[i]), count = few_count(*w->bucket[i]);
        if (count == SET_CROWDED) {
            const uint32_t *finer = bucket_in(p, first, &keys[i], side_of(&keys[i], x.dst));
            if (!finer) continue;
            ASK(finer);
            w->bucket[i] = finer;
            go_on |= 1ull << i;
        } else if (keys[i].kind & KIND_IP4) {
            ASK(p->set4 + first + count / 2);
        } else {
            ASK(p->set6 + first + count / 2);
        }
    }
    return go_on;
}

void set_ahead(const struct program *p, const struct key keys[], uint64_t todo)
{
    for (unsigned i = 0; i < p->ahead_count; i++) {
        struct walk w;
        uint64_t walking = ahead_begin(p, p->ahead[i], keys, todo, &w);
        while (walking) walking = descend(p, p->ahead[i], keys, walking, &w);
    }
}
