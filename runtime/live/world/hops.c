/* A keyed table. When it is full, the entry with the oldest use gives way. Each entry is looked up again after
 * reports from the kernel */
#include "runtime/live/world/hops.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <string.h>

/* Bit of an entry's word: prey's own packets need the hop. The lower bits are the time of its last use. */
#define OWN          (UINT64_C(1) << 63)
#define ASK_AGAIN_NS UINT64_C(100000000)

struct wanted {
    struct hop hop;
    struct host_addr neighbour; /* address whose MAC is wanted; set in states HOP_ASKED and HOP_KNOWN */
    uint64_t asked_ns;          /* time of the last resolution that a worker's request caused */
};

static_assert(sizeof(struct wanted) % 8 == 0 && offsetof(struct wanted, hop.key) == 0, "an entry of a keyed table");

bool hops_init(struct hops *h, uint64_t seed)
{
    const struct keyed_cfg cfg = {
        .most = HOPS_MOST, .key_words = sizeof(struct hop_key) / 8, .entry_bytes = sizeof(struct wanted), .seed = seed};
    return keyed_init(&h->all, &cfg);
}

void hops_fini(struct hops *h) { keyed_fini(&h->all); }

/* Return the next used slot from *at on; NULL: no more. */
static struct wanted *next(const struct hops *h, uint32_t *at, uint64_t **word)
{
    for (; h->all.tags && *at < h->all.groups * GROUP; ++*at) {
        if (!h->all.tags[*at]) continue;
        *word = &h->all.words[*at];
        return keyed_at(&h->all, (*at)++);
    }
    return NULL;
}

static uint8_t port_with(const struct hops *h, unsigned ifindex)
{
    for (unsigned i = 0; i < h->port_count; i++)
        if (h->ifindex[i] == ifindex) return (uint8_t)i;
    return PORT_ANY;
}

static struct host_query query_of(const struct hops *h, const struct hop_key *key)
{
    struct host_query q = {.to = host_addr_of(key->addr, key->family),
                           .oif = key->port == PORT_ANY ? 0 : h->ifindex[key->port]};
    if (!(key->from[0] | key->from[1] | key->from[2] | key->from[3])) return q;
    q.from = host_addr_of(key->from, key->family);
    if (key->in != PORT_ANY && !q.oif && !host_owns(h->host, &q.from)) q.iif = h->ifindex[key->in % h->port_count];
    return q;
}

/* Find the port of the way, and the neighbour whose MAC the packet gets. */
static enum hop_state hop_way(struct hops *h, const struct hop_key *key, struct hop *hop, struct host_addr *neighbour)
{
    struct host_route route;
    hop->port = key->port;
    hop->mtu = 0;
    *neighbour = host_addr_of(key->addr, key->family);
    if (key->kind == HOP_NEIGHBOUR) return HOP_ASKED;
    const struct host_query q = query_of(h, key);
    if (host_route(h->host, &q, &route) || route.local) return HOP_NO_WAY;
    if (route.gateway.family) *neighbour = route.gateway;
    hop->port = port_with(h, route.ifindex);
    hop->mtu = route.mtu;
    return hop->port == PORT_ANY ? HOP_NO_PORT : HOP_ASKED;
}

/* Resolve a hop. ways: look for the way again, not only the neighbour. asks: let the kernel resolve an unknown
 * neighbour. */
static void resolve(struct hops *h, struct wanted *w, bool ways, bool asks)
{
    struct hop *hop = &w->hop;
    if (ways) hop->state = (uint8_t)hop_way(h, &hop->key, hop, &w->neighbour);
    hop->mac = 0;
    if (hop->state != HOP_ASKED && hop->state != HOP_KNOWN) return;
    if (h->bare && *h->bare >> hop->port & 1) {
        hop->state = HOP_KNOWN;
        return;
    }
    hop->state = HOP_ASKED;
    const struct host_neighbour *n = host_neighbour(h->host, h->ifindex[hop->port], &w->neighbour);
    const struct host_link *link = host_link(h->host, h->ifindex[hop->port]);
    const uint64_t silent = link && link->no_arp ? link->mac : 0, mac = n && n->usable && n->mac ? n->mac : silent;
    if (mac) {
        hop->state = HOP_KNOWN;
        hop->mac = mac;
    } else if (asks) {
        ask_RESOLVE(h->channel, &(struct request_address){w->neighbour, hop->port});
    }
}

/* True if snapshots have the hop. Neighbours without an answer are left out, as if they had not been requested. */
static bool is_told(const struct hop *hop) { return hop->state != HOP_ASKED || hop->key.kind == HOP_WAY; }

static bool hop_renew(struct hops *h, struct wanted *w, bool ways, bool asks)
{
    const struct hop before = w->hop;
    resolve(h, w, ways, asks);
    h->moved += before.state == HOP_KNOWN && memcmp(&before, &w->hop, sizeof before) != 0;
    return (is_told(&before) || is_told(&w->hop)) && memcmp(&before, &w->hop, sizeof before) != 0;
}

/* Return the slot of the key, new or existing. *gone: workers lose an entry, because the new one has displaced it. */
static uint32_t hop_slot(struct hops *h, const struct hop_key *key, bool *gone)
{
    struct place at;
    keyed_place(&h->all, key, h->all.key_words, &at);
    uint32_t slot = keyed_find(&h->all, &at, key);
    if (slot != KEYED_NONE) return slot;
    slot = keyed_add(&h->all, &at, key);
    if (slot != KEYED_NONE) return slot;
    const uint32_t oldest = keyed_lowest(&h->all, &at);
    const struct wanted *w = keyed_at(&h->all, oldest);
    *gone = is_told(&w->hop);
    keyed_drop(&h->all, oldest);
    return keyed_add(&h->all, &at, key);
}

bool hops_want(struct hops *h, const struct hop_ask *ask, uint64_t now_ns)
{
    bool gone = false;
    const uint32_t slot = hop_slot(h, &ask->key, &gone);
    uint64_t *word = &h->all.words[slot];
    const bool fresh = !*word;
    *word = (*word & OWN) | (ask->own ? OWN : 0) | now_ns;
    struct wanted *w = keyed_at(&h->all, slot);
    if (!fresh && w->hop.state == HOP_ASKED && now_ns - w->asked_ns < ASK_AGAIN_NS) return false;
    w->asked_ns = now_ns;
    const bool changed = hop_renew(h, w, true, true);
    return changed || gone || (fresh && is_told(&w->hop));
}

bool hops_renew(struct hops *h, bool ways)
{
    bool changed = false;
    uint64_t *word;
    uint32_t at = 0;
    for (struct wanted *w; (w = next(h, &at, &word));) changed |= hop_renew(h, w, ways, false);
    return changed;
}

static bool ask_is_sound(const struct hops *h, const struct hop_key *k)
{
    return (k->family == 4 || k->family == 6) && (k->port < h->port_count || k->port == PORT_ANY) &&
           (k->in < h->port_count || k->in == PORT_ANY) && (k->kind == HOP_WAY || k->kind == HOP_NEIGHBOUR) &&
           !k->zero && (k->kind == HOP_WAY || k->port != PORT_ANY);
}

void hops_archive(struct hops *h, struct archive *a, uint64_t now_ns)
{
    uint32_t count = 0, at = 0;
    uint64_t *word;
    for (const struct wanted *w; !a->reads && (w = next(h, &at, &word));) count += w->hop.state == HOP_KNOWN;
    ARCHIVE(a, count);
    archive_sound(a, count <= HOPS_MOST);
    at = 0;
    for (uint32_t i = 0; i < count && !a->bad; i++) {
        struct hop_key key = {.family = 0};
        uint8_t own = 0;
        const struct wanted *w = NULL;
        while (!a->reads && (!w || w->hop.state != HOP_KNOWN)) w = next(h, &at, &word);
        if (w) key = w->hop.key;
        if (w) own = *word & OWN ? 1 : 0;
        ARCHIVE(a, key);
        ARCHIVE(a, own);
        if (archive_sound(a, own < 2 && ask_is_sound(h, &key)) && a->reads)
            hops_want(h, &(struct hop_ask){key, own}, now_ns);
    }
}

void hops_used(struct hops *h, struct snapshot *s, uint64_t now_ns)
{
    for (uint32_t i = 0; i <= s->hops_mask; i++) {
        struct hop *hop = &s->hops[i];
        struct place at;
        if (!hop->key.family || !__atomic_load_n(&hop->used, __ATOMIC_RELAXED)) continue;
        __atomic_store_n(&hop->used, 0, __ATOMIC_RELAXED);
        keyed_place(&h->all, &hop->key, h->all.key_words, &at);
        const uint32_t slot = keyed_find(&h->all, &at, &hop->key);
        if (slot != KEYED_NONE) h->all.words[slot] = (h->all.words[slot] & OWN) | now_ns;
    }
}

void hops_confirm(struct hops *h, uint64_t since_ns)
{
    const unsigned sure = NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP | NUD_DELAY | NUD_PROBE;
    uint64_t *word;
    uint32_t at = 0;
    for (struct wanted *w; (w = next(h, &at, &word));) {
        if (w->hop.state != HOP_KNOWN || (*word & ~OWN) < since_ns) continue;
        const struct host_neighbour *n = host_neighbour(h->host, h->ifindex[w->hop.port], &w->neighbour);
        if (n && !(n->state & sure)) ask_RESOLVE(h->channel, &(struct request_address){w->neighbour, w->hop.port});
    }
}

unsigned hops_known(const struct hops *h)
{
    unsigned count = 0;
    uint64_t *word;
    uint32_t at = 0;
    for (struct wanted *w; (w = next(h, &at, &word));) count += is_told(&w->hop);
    return count;
}

void hops_fill(const struct hops *h, struct snapshot *s)
{
    uint64_t *word;
    uint32_t at = 0;
    for (struct wanted *w; (w = next(h, &at, &word));)
        if (is_told(&w->hop)) snapshot_add(s, &w->hop);
}

const struct hop *hops_silent(const struct hops *h, uint64_t since_ns, uint32_t *at)
{
    uint64_t *word;
    for (struct wanted *w; (w = next(h, at, &word));)
        if (w->hop.state == HOP_ASKED && (*word & ~OWN) >= since_ns) return &w->hop;
    return NULL;
}
