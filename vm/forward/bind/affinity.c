/* Clients of services, see affinity.h */
#include "vm/forward/bind/affinity_priv.h"

#include <assert.h>
#include <stddef.h>

#include "vm/pbc.h"

/* An entry of the table; its word is the time when the last flow ended */
struct client {
    uint64_t addr[2];
    uint32_t service, v6;
    uint32_t server, flows;
};
enum { KEY_WORDS = 3 };
static_assert(offsetof(struct client, server) == KEY_WORDS * sizeof(uint64_t), "compared by words");

/* Return the client's slot or KEYED_NONE; *key and *at are needed to add it. */
static uint32_t client_find(const struct clients *c, const struct client_key *k, struct client *key, struct place *at)
{
    *key = (struct client){.addr = {hash_pair(k->addr[0], k->addr[1]), hash_pair(k->addr[2], k->addr[3])},
                           .service = k->service,
                           .v6 = k->v6};
    keyed_place(&c->table, key, KEY_WORDS, at);
    return keyed_find(&c->table, at, key);
}

static struct client *client_at(const struct clients *c, uint32_t slot) { return keyed_at(&c->table, slot); }

uint32_t client_flows(const struct clients *c, const struct client_key *key)
{
    struct client k;
    struct place at;
    const uint32_t slot = client_find(c, key, &k, &at);
    return slot == KEYED_NONE ? 0 : client_at(c, slot)->flows;
}

uint32_t client_server(const struct clients *c, const struct client_key *key, uint64_t now_ns, uint64_t keep_ns)
{
    struct client k;
    struct place at;
    const uint32_t slot = client_find(c, key, &k, &at);
    if (slot == KEYED_NONE) return PBC_NONE;
    const struct client *e = client_at(c, slot);
    return e->flows || now_ns - c->table.words[slot] < keep_ns ? e->server : PBC_NONE;
}

/* Evict the longest unused client without flows, when both groups are full. False: all have flows. */
static bool client_evict(struct clients *c, const struct place *at)
{
    uint32_t victim = KEYED_NONE;
    for (unsigned i = 0; i < 2 * GROUP; i++) {
        const uint32_t slot = place_slot(at, i);
        if (client_at(c, slot)->flows) continue;
        if (victim == KEYED_NONE || c->table.words[slot] < c->table.words[victim]) victim = slot;
    }
    if (victim == KEYED_NONE) {
        c->counters.full++;
        return false;
    }
    keyed_drop(&c->table, victim);
    c->counters.evicted++;
    return true;
}

bool client_add(struct clients *c, const struct client_key *key, uint32_t server)
{
    struct client k;
    struct place at;
    uint32_t slot = client_find(c, key, &k, &at);
    const bool first = slot == KEYED_NONE;
    if (first) slot = keyed_add(&c->table, &at, &k);
    if (slot == KEYED_NONE && client_evict(c, &at)) slot = keyed_add(&c->table, &at, &k);
    if (slot == KEYED_NONE) return false;
    client_at(c, slot)->flows++;
    if (first || server != PBC_NONE) client_at(c, slot)->server = server;
    c->counters.known = c->table.used;
    return true;
}

void client_served(struct clients *c, const struct client_key *key, uint32_t server)
{
    struct client k;
    struct place at;
    const uint32_t slot = client_find(c, key, &k, &at);
    if (slot != KEYED_NONE) client_at(c, slot)->server = server;
}

void client_drop(struct clients *c, const struct client_key *key, uint64_t now_ns, bool keep)
{
    struct client k;
    struct place at;
    const uint32_t slot = client_find(c, key, &k, &at);
    if (slot == KEYED_NONE || !client_at(c, slot)->flows) return;
    /* Ended flows may be noticed in any order. */
    if (c->table.words[slot] < now_ns) c->table.words[slot] = now_ns;
    if (--client_at(c, slot)->flows || keep) return;
    keyed_drop(&c->table, slot);
    c->counters.known = c->table.used;
}

bool client_next(const struct clients *c, uint32_t *at, struct client_key *key)
{
    for (; c->table.used && *at < c->table.groups * GROUP; ++*at) {
        if (!c->table.tags[*at]) continue;
        const struct client *e = client_at(c, (*at)++);
        *key = (struct client_key){.addr = {(uint32_t)e->addr[0], (uint32_t)(e->addr[0] >> 32), (uint32_t)e->addr[1],
                                            (uint32_t)(e->addr[1] >> 32)},
                                   .service = e->service,
                                   .v6 = e->v6};
        return true;
    }
    return false;
}

void client_keep(struct clients *c, const struct clients *from, const struct client_key *key)
{
    struct client k;
    struct place at;
    const uint32_t there = client_find(from, key, &k, &at);
    if (there == KEYED_NONE) return;
    const struct client *e = client_at(from, there);
    const uint64_t ended_ns = from->table.words[there];
    uint32_t slot = client_find(c, key, &k, &at);
    if (slot == KEYED_NONE && (slot = keyed_add(&c->table, &at, &k)) == KEYED_NONE && client_evict(c, &at))
        slot = keyed_add(&c->table, &at, &k);
    else if (slot != KEYED_NONE && client_at(c, slot)->server && c->table.words[slot] > ended_ns)
        return;
    if (slot == KEYED_NONE) return;
    client_at(c, slot)->server = e->server;
    c->table.words[slot] = ended_ns;
    c->counters.known = c->table.used;
}

bool clients_archive(struct clients *c, struct archive *a, uint32_t servers)
{
    keyed_archive(&c->table, a);
    for (uint32_t slot = 0; a->reads && !a->bad && c->table.used && slot < c->table.groups * GROUP; slot++)
        if (c->table.tags[slot]) archive_sound(a, client_at(c, slot)->server <= servers);
    if (a->reads) c->counters.known = c->table.used;
    return !a->bad;
}

void clients_rest(struct clients *c, uint64_t now_ns)
{
    for (uint32_t slot = 0; c->table.used && slot < c->table.groups * GROUP; slot++) {
        if (!c->table.tags[slot]) continue;
        if (client_at(c, slot)->flows) c->table.words[slot] = now_ns;
        client_at(c, slot)->flows = 0;
    }
}

struct clients *clients_new(uint64_t flows, uint64_t seed)
{
    return keyed_owner_new(sizeof(struct clients), &(struct keyed_cfg){.most = keyed_most(flows),
                                                                       .key_words = KEY_WORDS,
                                                                       .entry_bytes = sizeof(struct client),
                                                                       .seed = seed});
}

void clients_free(struct clients *c) { keyed_owner_free(c); }
