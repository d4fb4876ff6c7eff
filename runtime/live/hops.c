/* See hops.h. */
#include "runtime/live/hops.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

static uint8_t port_of(const struct hops *h, unsigned ifindex)
{
    for (unsigned i = 0; i < h->port_count; i++)
        if (h->ifindex[i] == ifindex) return (uint8_t)i;
    return PORT_ANY;
}

static struct host_query query_of(const struct hops *h, const struct hop_key *key)
{
    struct host_query q = {.to = {.family = key->family}, .oif = key->port == PORT_ANY ? 0 : h->ifindex[key->port]};
    memcpy(q.to.word, key->addr, sizeof q.to.word);
    if (!(key->from[0] | key->from[1] | key->from[2] | key->from[3])) return q;
    q.from.family = key->family;
    memcpy(q.from.word, key->from, sizeof q.from.word);
    if (key->in != PORT_ANY && !q.oif && !host_owns(h->host, &q.from)) q.iif = h->ifindex[key->in % h->port_count];
    return q;
}

/* The way, and whose MAC the packet gets there. 0 or a negative errno. */
static int way_to(struct hops *h, const struct hop_key *key, struct host_route *route, struct host_addr *neighbour)
{
    const struct host_query q = query_of(h, key);
    const int err = host_route(h->host, &q, route);
    if (err || route->local) return err ? err : -EADDRINUSE;
    *neighbour = route->gateway.family ? route->gateway : q.to;
    return 0;
}

static void resolve(struct hops *h, struct hop *hop)
{
    struct host_route route;
    struct host_addr neighbour;
    hop->state = HOP_NO_WAY;
    hop->mac = 0;
    if (way_to(h, &hop->key, &route, &neighbour)) return;
    hop->port = port_of(h, route.ifindex);
    hop->mtu = route.mtu;
    hop->state = HOP_NO_PORT;
    if (hop->port == PORT_ANY) return;
    const struct host_neighbour *n = host_neighbour(h->host, route.ifindex, &neighbour);
    const bool usable = n && n->usable && n->mac;
    hop->state = usable ? HOP_KNOWN : HOP_ASKED;
    hop->mac = usable ? n->mac : 0;
    if (!usable) ask_neighbour(h->channel, hop->port, &neighbour);
}

static bool same(const struct hop_key *a, const struct hop_key *b) { return memcmp(a, b, sizeof *a) == 0; }

bool hops_want(struct hops *h, const struct hop_key *key)
{
    for (unsigned i = 0; i < h->count; i++) {
        if (!same(&h->all[i].key, key)) continue;
        const struct hop before = h->all[i];
        resolve(h, &h->all[i]); /* asked for again: nobody has answered */
        return memcmp(&before, &h->all[i], sizeof before) != 0;
    }
    if (h->count == HOPS_MOST) {
        h->count /= 2;
        memmove(h->all, h->all + h->count, h->count * sizeof *h->all);
    }
    if (h->count == h->cap) {
        const unsigned cap = h->cap ? 2 * h->cap : 16;
        struct hop *more = realloc(h->all, cap * sizeof *more);
        if (!more) return false;
        h->all = more;
        h->cap = cap;
    }
    h->all[h->count] = (struct hop){.key = *key};
    resolve(h, &h->all[h->count++]);
    return true;
}

bool hops_renew(struct hops *h)
{
    bool changed = false;
    for (unsigned i = 0; i < h->count; i++) {
        const struct hop before = h->all[i];
        resolve(h, &h->all[i]);
        changed |= memcmp(&before, &h->all[i], sizeof before) != 0;
    }
    return changed;
}

void hops_confirm(struct hops *h)
{
    const unsigned sure = NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP | NUD_DELAY | NUD_PROBE;
    for (unsigned i = 0; i < h->count; i++) {
        struct host_route route;
        struct host_addr neighbour;
        if (h->all[i].state != HOP_KNOWN || way_to(h, &h->all[i].key, &route, &neighbour)) continue;
        const struct host_neighbour *n = host_neighbour(h->host, route.ifindex, &neighbour);
        if (n && !(n->state & sure)) ask_neighbour(h->channel, h->all[i].port, &neighbour);
    }
}

void hops_fini(struct hops *h) { free(h->all); }
