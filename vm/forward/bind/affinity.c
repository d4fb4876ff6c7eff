/* Clients of services, see affinity.h. */
#include "vm/forward/bind/affinity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vm/flow/hash.h"
#include "vm/flow/tags.h"
#include "vm/pbc.h"

struct client {
    uint32_t addr[4];
    uint32_t service, server;
    uint32_t flows, family;
    uint64_t used_ns; /* without flows: when the last ended */
    uint64_t reserved[3];
};
static_assert(sizeof(struct client) == 64, "one line");

struct clients {
    uint16_t *tags;
    struct client *slots;
    uint32_t groups;
    struct hash_key key;
    struct client_counters counters;
};

static struct place place_of_client(const struct clients *c, const struct client_key *k)
{
    const hash_sum sum = hash_two(&c->key, 0, hash_pair(k->addr[0], k->addr[1]), hash_pair(k->addr[2], k->addr[3])) +
                         hash_two(&c->key, 2, hash_pair(k->service, k->v6), 0);
    return place_of(hash_close(&c->key, sum), c->groups);
}

static const uint16_t *group(const struct clients *c, uint32_t i) { return c->tags + (size_t)i * GROUP; }

static bool is_of(const struct client *e, const struct client_key *k)
{
    return memcmp(e->addr, k->addr, sizeof e->addr) == 0 && e->service == k->service && e->family == k->v6;
}

/* Its slot, or -1. */
static int64_t find(const struct clients *c, const struct place *at, const struct client_key *k)
{
    uint32_t hits = tags_like(group(c, at->group[0]), at->tag) | tags_like(group(c, at->group[1]), at->tag) << GROUP;
    for (; hits; hits &= hits - 1) {
        const uint32_t slot = place_slot(at, (unsigned)__builtin_ctz(hits));
        if (is_of(&c->slots[slot], k)) return slot;
    }
    return -1;
}

static const struct client *look(const struct clients *c, const struct client_key *k)
{
    const struct place at = place_of_client(c, k);
    const int64_t slot = find(c, &at, k);
    return slot < 0 ? NULL : &c->slots[slot];
}

uint32_t client_flows(const struct clients *c, const struct client_key *key)
{
    const struct client *e = look(c, key);
    return e ? e->flows : 0;
}

uint32_t client_server(const struct clients *c, const struct client_key *key, uint64_t now_ns, uint64_t keep_ns)
{
    const struct client *e = look(c, key);
    if (!e || (!e->flows && now_ns - e->used_ns >= keep_ns)) return PBC_NONE;
    return e->server;
}

/* The slot of a client without flows in the two full groups, the longest unused; -1. */
static int64_t make_room(struct clients *c, const struct place *at)
{
    int64_t victim = -1;
    for (unsigned i = 0; i < 2 * GROUP; i++) {
        const uint32_t slot = place_slot(at, i);
        if (c->slots[slot].flows) continue;
        if (victim < 0 || c->slots[slot].used_ns < c->slots[victim].used_ns) victim = slot;
    }
    if (victim >= 0)
        c->counters.evicted++;
    else
        c->counters.full++;
    return victim;
}

bool client_add(struct clients *c, const struct client_key *key, uint32_t server)
{
    const struct place at = place_of_client(c, key);
    int64_t slot = find(c, &at, key);
    if (slot < 0) {
        uint32_t left;
        const uint32_t lies_in = place_choose(&at, c->tags, &left);
        if (left) {
            slot = (int64_t)lies_in * GROUP + __builtin_ctz(left);
            c->counters.known++;
        } else {
            slot = make_room(c, &at);
        }
        if (slot < 0) return false;
        c->tags[slot] = at.tag;
        c->slots[slot] = (struct client){.service = key->service, .family = key->v6};
        memcpy(c->slots[slot].addr, key->addr, sizeof key->addr);
    }
    c->slots[slot].flows++;
    c->slots[slot].server = server;
    return true;
}

void client_drop(struct clients *c, const struct client_key *key, uint64_t now_ns, bool keep)
{
    const struct place at = place_of_client(c, key);
    const int64_t slot = find(c, &at, key);
    if (slot < 0 || !c->slots[slot].flows) return;
    /* Flows that nobody met are found ended in any order. */
    if (c->slots[slot].used_ns < now_ns) c->slots[slot].used_ns = now_ns;
    if (--c->slots[slot].flows || keep) return;
    c->tags[slot] = 0;
    c->counters.known--;
}

const struct client_counters *clients_counters(const struct clients *c) { return &c->counters; }

struct clients *clients_new(uint64_t flows, uint64_t seed)
{
    /* The flow table has room for half as many flows again as `flows`; a third more than those, so that they fit. */
    if (flows > INT32_MAX / 2) return NULL;
    const uint64_t groups = (2 * flows + GROUP - 1) / GROUP;
    struct clients *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->groups = groups < 2 ? 2 : (uint32_t)groups;
    hash_key_init(&c->key, seed);
    c->tags = calloc(c->groups, GROUP * sizeof *c->tags);
    c->slots = calloc(c->groups, GROUP * sizeof *c->slots);
    if (c->tags && c->slots) return c;
    clients_free(c);
    return NULL;
}

void clients_free(struct clients *c)
{
    if (!c) return;
    free(c->tags);
    free(c->slots);
    free(c);
}
