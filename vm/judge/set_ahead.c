/* Asks for the memory of large sets before a batch is judged. One look-up in a set that no cache holds waits for memory
 * two or three times, one after the other; asked for together, the packets of a batch wait almost as one. (Measured on
 * a million addresses: README.) */
#include "vm/judge/judge.h"
#include "vm/judge/set_walk.h"

/* Bytes of a set's ranges from which on it does not stay in the caches beside everything else. */
enum { AHEAD_BYTES = 4 << 20 };

static bool is_large(const struct program *p, uint32_t set)
{
    const struct pbc_set *s = &p->sets[set];
    return s->count4 * sizeof(struct pbc_range) + s->count6 * sizeof(struct pbc_range6) >= AHEAD_BYTES;
}

static bool is_listed(const struct program *p, uint32_t set, uint8_t dst)
{
    for (unsigned i = 0; i < p->ahead_count; i++)
        if (p->ahead[i].set == set && p->ahead[i].dst == dst) return true;
    return false;
}

void set_ahead_choose(struct program *p)
{
    for (uint32_t i = 0; p->lookup && i < p->code_count && p->ahead_count < PROGRAM_AHEAD; i++) {
        const struct insn *n = &p->code[i];
        if ((n->op != OP_JSET && n->op != OP_JNSET) || !is_large(p, n->imm) || is_listed(p, n->imm, n->a)) continue;
        p->ahead[p->ahead_count++] = (struct set_side){.set = n->imm, .dst = n->a};
    }
}

/* Macros: gcc takes a function that only prefetches for one without effect, and drops the call. */
#define ASK(at) __builtin_prefetch(at)

/* Where a packet's walk stands: NULL where the set can't hold its address. */
struct walk {
    const uint32_t *bucket[VM_BATCH];
};

static const uint32_t *bucket_in(const struct program *p, uint32_t node, const struct key *key, const uint32_t *addr)
{
    struct wide wide;
    if (key->kind & KIND_IP4) return bucket4(node_at(p, node), addr[0]);
    wide_of(addr, &wide);
    return bucket6(node_at(p, node), &wide);
}

static const uint32_t *side_of(const struct key *key, bool dst) { return dst ? key->dst : key->src; }

/* The packets whose walk begins at a bucket, which is asked for. */
static uint64_t begin(const struct program *p, struct set_side x, const struct key keys[], uint64_t todo,
                      struct walk *w)
{
    const uint32_t nodes[2] = {node_of_set(p, x.set, false), node_of_set(p, x.set, true)};
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

/* One level down for each: to a finer bucket, or to the ranges, which are asked for. Returns those that go on. */
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
        uint64_t walking = begin(p, p->ahead[i], keys, todo, &w);
        while (walking) walking = descend(p, p->ahead[i], keys, walking, &w);
    }
}
