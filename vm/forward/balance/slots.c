/* A table of slots after the paper (Eisenbud et al., "Maglev", NSDI 2016, section 3.4), with weights.
 *
 * Every server walks a permutation of the slots, from its offset by its skip, and takes the first free slot at each
 * of its turns. Turns are at times (k + phase) / weight, k = 0, 1, …, so with equal weights they are the paper's
 * rounds. The times depend on the server only, so if one server is gone, the others' turns keep their order, and few
 * slots change hands. A server's quota is the number of slots that it takes in all: its part of the slots rounded by
 * largest remainder, so it differs from the exact part by less than one slot. Offset: SipHash of the name, modulo
 * slots. Skip: SipHash under the key with its halves exchanged, modulo slots - 1, plus 1. Phase: the lower 20 bits of
 * the first hash. In a round, the server that was served longest ago is first; at the start, the one with the smaller
 * first hash. So nothing depends on the order of the servers in the file.
 *
 * Time: a walk never meets a slot twice, so at most servers * slots steps; about slots * ln(slots) with hashes that are
 * not chosen to be equal. Much of that would be spent on the last FEW slots, because a walk then hardly meets a
 * free one. For these, each turn instead compares the free slots by their distance on its way. */
#include <stdio.h>
#include <string.h>

#include "vm/forward/balance/balance_priv.h"
#include "vm/program/swap.h"

enum {
    RING = 1024, /* rounds kept apart: more than LB_WEIGHT_MAX, the longest distance between two turns */
    ROUND_BITS = 20,
    FEW = 128, /* measured: comparing this many costs as much as the walk */
};
#define NOBODY UINT32_MAX

struct place { /* sorted by hash, once */
    uint64_t hash;
    uint32_t server, offset, skip;
};
struct walker {
    uint64_t turn; /* time of the next turn, in rounds of the heaviest server, ROUND_BITS of fraction */
    uint32_t pace; /* time between turns */
    uint32_t at, skip, left, server;
    uint32_t next; /* next walker with a turn in the same round */
    uint64_t rank; /* factor from a distance in slots to a position on the walk: 2^64 / (slots * skip), modulo slots; 0:
                    * not computed */
};
struct round {
    uint32_t first, last;
};

struct slots {
    uint32_t count;
    bool wide;
    uint16_t *narrow_table; /* server of each slot, in one of the two tables */
    uint32_t *wide_table;
    uint64_t *taken; /* a bit per slot, while the table is filled: 8 KiB at 65,537 slots, where the table has 128 KiB */
    struct place *places;
    struct walker *walkers;
    struct round *ring;
    uint32_t *of_weight; /* by weight: number of servers, then number of those that round up */
    uint64_t *remainders;
    uint32_t free_count; /* used when few slots are left */
    uint32_t free[FEW];
};

static uint32_t prime_below(uint32_t n)
{
    if (n < 2) return 2;
    while (!lb_is_prime(n)) n--;
    return n;
}

static bool is_wide(const struct lb_cfg *cfg) { return cfg->count > UINT16_MAX + 1u; }
static size_t entry_bytes(const struct lb_cfg *cfg) { return is_wide(cfg) ? sizeof(uint32_t) : sizeof(uint16_t); }
static size_t taken_bytes(uint32_t slots) { return ((size_t)slots + 63) / 64 * sizeof(uint64_t); }

size_t slots_bytes(const struct lb_cfg *cfg)
{
    const uint32_t slots = prime_below(cfg->slots);
    return lb_round(sizeof(struct slots)) + lb_round(slots * entry_bytes(cfg)) + lb_round(taken_bytes(slots)) +
           lb_round(cfg->count * sizeof(struct place)) + lb_round(cfg->count * sizeof(struct walker)) +
           lb_round(RING * sizeof(struct round)) + lb_round((LB_WEIGHT_MAX + 1) * sizeof(uint32_t)) +
           lb_round((LB_WEIGHT_MAX + 1) * sizeof(uint64_t));
}

/* True if a comes before b: by hash, then by name. */
static bool before(const struct lb *lb, const struct place *a, const struct place *b)
{
    if (a->hash != b->hash) return a->hash < b->hash;
    return strcmp(lb->cfg.servers[a->server].name, lb->cfg.servers[b->server].name) < 0;
}

static void sink(const struct lb *lb, struct place *heap, uint32_t i, uint32_t n)
{
    const struct place moved = heap[i];
    for (uint32_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && before(lb, &heap[child], &heap[child + 1])) child++;
        if (!before(lb, &moved, &heap[child])) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moved;
}

/* Sort by heap: qsort may allocate. */
static void sort_places(const struct lb *lb, struct place *p, uint32_t n)
{
    for (uint32_t i = n / 2; i-- > 0;) sink(lb, p, i, n);
    while (n-- > 1) {
        SWAP(p[n], p[0]);
        sink(lb, p, 0, n);
    }
}

static void find_place(const struct lb *lb, const struct slots *s, struct place *p, uint32_t nth)
{
    const struct lb_hash_key key = lb->cfg.key;
    const char *name = lb->cfg.servers[p->server].name;
    const size_t len = strlen(name);
    const uint64_t hash = lb_siphash((struct lb_hash_key){key.k0 + nth, key.k1}, name, len);
    if (!nth) p->hash = hash;
    p->offset = (uint32_t)(hash % s->count);
    p->skip = 1 + (uint32_t)(lb_siphash((struct lb_hash_key){key.k1, key.k0 + nth}, name, len) % (s->count - 1));
}

/* Find the walks of all servers. Servers of the same name, which only a hostile file has, get different walks, so
 * that none passes all slots of those before. */
static void find_places(const struct lb *lb, struct slots *s)
{
    uint32_t nth = 0;
    for (uint32_t i = 0; i < lb->cfg.count; i++) {
        s->places[i].server = i;
        find_place(lb, s, &s->places[i], 0);
    }
    sort_places(lb, s->places, lb->cfg.count);
    for (uint32_t i = 1; i < lb->cfg.count; i++) {
        nth = s->places[i].hash == s->places[i - 1].hash ? nth + 1 : 0;
        if (nth) find_place(lb, s, &s->places[i], nth);
    }
}

void slots_init(struct lb *lb)
{
    const struct lb_cfg *cfg = &lb->cfg;
    uint8_t *rest = lb->state;
    struct slots *s = lb_carve(&rest, sizeof *s);
    *s = (struct slots){.count = prime_below(cfg->slots), .wide = is_wide(cfg)};
    void *table = lb_carve(&rest, s->count * entry_bytes(cfg));
    s->narrow_table = table;
    s->wide_table = table;
    s->taken = lb_carve(&rest, taken_bytes(s->count));
    s->places = lb_carve(&rest, cfg->count * sizeof *s->places);
    s->walkers = lb_carve(&rest, cfg->count * sizeof *s->walkers);
    s->ring = lb_carve(&rest, RING * sizeof *s->ring);
    s->of_weight = lb_carve(&rest, (LB_WEIGHT_MAX + 1) * sizeof *s->of_weight);
    s->remainders = lb_carve(&rest, (LB_WEIGHT_MAX + 1) * sizeof *s->remainders);
    find_places(lb, s);
}

static void sort_up(uint64_t *v, uint32_t n)
{
    for (uint32_t gap = n / 2; gap; gap /= 2) /* Shell sort (1959) of at most 1,000 */
        for (uint32_t i = gap; i < n; i++) {
            const uint64_t moved = v[i];
            uint32_t at = i;
            for (; at >= gap && v[at - gap] > moved; at -= gap) v[at] = v[at - gap];
            v[at] = moved;
        }
}

/* Set of_weight[w] to the number of servers of weight w that get one slot more than their part rounded down: those
 * with the largest remainders, which depend on the weight only. If remainders are equal, the heavier weight comes
 * first. */
static void share_remainders(const struct lb *lb, struct slots *s)
{
    uint32_t distinct = 0;
    uint64_t left = s->count;
    memset(s->of_weight, 0, (LB_WEIGHT_MAX + 1) * sizeof *s->of_weight);
    for (uint32_t i = 0; i < lb->cfg.count; i++) s->of_weight[lb->weights[i]]++;
    for (uint32_t w = 1; w <= LB_WEIGHT_MAX; w++) {
        if (!s->of_weight[w]) continue;
        const uint64_t due = (uint64_t)w * s->count;
        s->remainders[distinct++] = due % lb->total << 10 | w;
        left -= due / lb->total * s->of_weight[w];
    }
    sort_up(s->remainders, distinct);
    while (distinct--) {
        uint32_t *servers = &s->of_weight[s->remainders[distinct] & 1023];
        if (*servers > left) *servers = (uint32_t)left;
        left -= *servers;
    }
}

static void walker_append(struct slots *s, uint32_t i)
{
    struct round *r = &s->ring[s->walkers[i].turn >> ROUND_BITS & (RING - 1)];
    s->walkers[i].next = NOBODY;
    if (r->first == NOBODY)
        r->first = i;
    else
        s->walkers[r->last].next = i;
    r->last = i;
}

static uint16_t heaviest(const struct lb *lb)
{
    uint16_t most = 0;
    for (uint32_t i = 0; i < lb->cfg.count; i++)
        if (lb->weights[i] > most) most = lb->weights[i];
    return most;
}

static void line_up(const struct lb *lb, struct slots *s)
{
    const uint64_t most = heaviest(lb);
    memset(s->ring, 0xff, RING * sizeof *s->ring);
    for (uint32_t i = 0; i < lb->cfg.count; i++) {
        const struct place *p = &s->places[i];
        const uint16_t weight = lb->weights[p->server];
        if (!weight) continue;
        uint32_t quota = (uint32_t)((uint64_t)weight * s->count / lb->total);
        if (s->of_weight[weight]) {
            s->of_weight[weight]--;
            quota++;
        }
        if (!quota) continue;
        const uint32_t pace = (uint32_t)((most << ROUND_BITS) / weight);
        const uint64_t phase = (pace * (p->hash & ((1u << ROUND_BITS) - 1))) >> ROUND_BITS;
        s->walkers[i] = (struct walker){phase, pace, p->offset, p->skip, quota, p->server, NOBODY, 0};
        walker_append(s, i);
    }
}

static uint32_t slot_step(uint32_t at, uint32_t skip, uint32_t count)
{
    const uint32_t on = at + skip;
    return on >= count ? on - count : on;
}

static bool is_free(const uint64_t *taken, uint32_t at) { return !(taken[at / 64] >> at % 64 & 1); }

/* Return the first free slot on the walk. Two steps are walked at once, because a step waits for the one before, and
 * a single walk leaves most of the processor idle. */
static uint32_t walk_to_free(const struct slots *s, const struct walker *w)
{
    const uint64_t *taken = s->taken;
    const uint32_t n = s->count, by2 = slot_step(w->skip, w->skip, n);
    for (uint32_t even = w->at, odd = slot_step(even, w->skip, n);;
         even = slot_step(even, by2, n), odd = slot_step(odd, by2, n)) {
        if (is_free(taken, even)) return even;
        if (is_free(taken, odd)) return odd;
    }
}

static void list_free(struct slots *s)
{
    s->free_count = 0;
    for (uint32_t word = 0; word < taken_bytes(s->count) / sizeof(uint64_t); word++)
        for (uint64_t bits = ~s->taken[word]; bits; bits &= bits - 1) {
            const uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(bits);
            if (slot < s->count) s->free[s->free_count++] = slot;
        }
}

/* Return 1 / a modulo the prime p, by Euclid. */
static uint32_t inverse(uint32_t a, uint32_t p)
{
    int64_t x = 1, y = 0;
    for (uint32_t r = a, m = p; r > 1;) {
        const uint32_t q = m / r, rest = m % r;
        const int64_t z = y - q * x;
        y = x, x = z;
        m = r, r = rest;
    }
    return (uint32_t)(x < 0 ? x + p : x);
}

/* Take the free slot that the walk would meet first. A distance d is d / skip steps away, modulo slots; as a fraction
 * of all slots that is the lower half of d * rank, off by less than 2^24 where neighbours are 2^40 apart. */
static uint32_t free_by_rank(struct slots *s, struct walker *w)
{
    uint32_t best = 0;
    uint64_t nearest = UINT64_MAX;
    if (!w->rank) w->rank = (uint64_t)(((unsigned __int128)inverse(w->skip, s->count) << 64) / s->count);
    for (uint32_t i = 0; i < s->free_count; i++) {
        const uint32_t slot = s->free[i], distance = slot - w->at + (slot < w->at ? s->count : 0);
        const uint64_t steps = distance * w->rank;
        best = steps < nearest ? i : best;
        nearest = steps < nearest ? steps : nearest;
    }
    const uint32_t slot = s->free[best];
    s->free[best] = s->free[--s->free_count];
    return slot;
}

void slots_update(struct lb *lb)
{
    struct slots *s = lb->state;
    uint32_t left = s->count;
    share_remainders(lb, s);
    line_up(lb, s);
    memset(s->taken, 0, taken_bytes(s->count));
    for (uint32_t round = 0; left; round++) {
        struct round *r = &s->ring[round & (RING - 1)];
        uint32_t i = r->first;
        r->first = NOBODY;
        while (i != NOBODY) {
            struct walker *w = &s->walkers[i];
            const uint32_t next = w->next;
            /* take the first free slot on the way */
            if (left == FEW || (left == s->count && left < FEW)) list_free(s);
            const uint32_t slot = left > FEW ? walk_to_free(s, w) : free_by_rank(s, w);
            s->taken[slot / 64] |= 1ull << slot % 64;
            if (s->wide)
                s->wide_table[slot] = w->server;
            else
                s->narrow_table[slot] = (uint16_t)w->server;
            w->at = slot_step(slot, w->skip, s->count);
            left--;
            w->turn += w->pace;
            if (--w->left) walker_append(s, i);
            i = next;
        }
    }
}

uint32_t slots_count(const struct lb *lb) { return ((const struct slots *)lb->state)->count; }

uint32_t slots_index(const struct lb *lb, uint64_t hash)
{
    return (uint32_t)((hash & 0xffffffff) * slots_count(lb) >> 32);
}

uint32_t slots_at(const struct lb *lb, uint32_t index)
{
    const struct slots *s = lb->state;
    return s->wide ? s->wide_table[index] : s->narrow_table[index];
}

uint32_t slots_pick(struct lb *lb, uint64_t hash, const uint32_t *conns) { return slots_at(lb, slots_index(lb, hash)); }

uint32_t slots_explain(const struct lb *lb, uint64_t hash, const uint32_t *conns, char *buf, size_t len)
{
    const uint32_t slot = slots_index(lb, hash);
    snprintf(buf, len, "hash%s 0x%016llx, slot %u of %u", lb->ops->hash == LB_HASH_SOURCE ? " of the source" : "",
             (unsigned long long)hash, slot, slots_count(lb));
    return lb_explain_end(lb, slots_at(lb, slot), buf, len);
}
