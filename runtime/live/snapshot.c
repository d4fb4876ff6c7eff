/* Snapshots: made by the main thread, looked up by workers. */
#include "runtime/live/snapshot.h"

#include <stdlib.h>
#include <string.h>

static void *copied(const void *from, size_t bytes)
{
    void *to = malloc(bytes + 1);
    if (to && bytes) memcpy(to, from, bytes);
    return to;
}

struct snapshot *snapshot_new(const struct facts *facts, unsigned hops)
{
    uint32_t slots = 16;
    struct snapshot *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    while (slots < 2 * hops) slots *= 2;
    s->facts = *facts;
    s->facts.self4 = copied(facts->self4, facts->self4_count * sizeof *facts->self4);
    s->facts.self6 = copied(facts->self6, facts->self6_count * sizeof *facts->self6);
    s->hops = calloc(slots, sizeof *s->hops);
    s->hops_mask = slots - 1;
    if (s->facts.self4 && s->facts.self6 && s->hops) return s;
    snapshot_free(s);
    return NULL;
}

void snapshot_free(struct snapshot *s)
{
    if (!s) return;
    free((void *)(uintptr_t)s->facts.self4);
    free((void *)(uintptr_t)s->facts.self6);
    free(s->hops);
    free(s);
}

static uint32_t hash(const struct hop_key *k)
{
    uint32_t h = k->port * 0x9e3779b1u;
    for (unsigned i = 0; i < 4; i++) h = (h ^ k->addr[i]) * 0x85ebca6bu;
    return h ^ h >> 15;
}

static bool same(const struct hop_key *a, const struct hop_key *b)
{
    return memcmp(a->addr, b->addr, sizeof a->addr) == 0 && a->family == b->family && a->port == b->port;
}

void snapshot_add(struct snapshot *s, const struct hop *hop)
{
    uint32_t at = hash(&hop->key);
    while (s->hops[at & s->hops_mask].key.family) at++;
    s->hops[at & s->hops_mask] = *hop;
}

const struct hop *snapshot_hop(const struct snapshot *s, const struct hop_key *key)
{
    for (uint32_t at = hash(key);; at++) {
        const struct hop *h = &s->hops[at & s->hops_mask];
        if (!h->key.family) return NULL;
        if (same(&h->key, key)) return h;
    }
}
