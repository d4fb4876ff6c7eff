/* Arrays are copied by the list of facts; next hops are in a hash table of open addressing */
#include "runtime/exchange/snapshot.h"

#include <stdlib.h>
#include <string.h>

struct around *around_get(struct around *a)
{
    a->refs++;
    return a;
}

void around_put(struct around *a)
{
    if (!a || --a->refs) return;
    free(a->receivers.all);
    free(a->others);
    free(a);
}

static void *copied(const void *from, size_t bytes)
{
    void *to = calloc(1, bytes + 1);
    if (to && from && bytes) memcpy(to, from, bytes);
    return to;
}

struct snapshot *snapshot_new(const struct program *p, const struct facts *from, unsigned hops)
{
    uint32_t slots = 16;
    struct snapshot *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    while (slots < 2 * hops) slots *= 2;
    struct facts *f = &s->facts;
    *f = *from;
    s->servers = p->servers_count;
    s->nats = p->nats_count;
    s->services = p->services_count;
    s->routes = routes_get((struct routes *)(uintptr_t)from->routes);
    bool whole = true;
#define FACTS_ARRAY(field, count, since)                                                                               \
    f->field = copied(from->field, (count) * sizeof *f->field);                                                        \
    whole &= f->field != NULL;
#include "runtime/exchange/facts_array.def"
    f->ports.bound = copied(from->ports.bound, from->ports.bound_count * sizeof *from->ports.bound);
    f->ports.given = copied(from->ports.given, from->ports.given_count * sizeof *from->ports.given);
    s->hops = calloc(slots, sizeof *s->hops);
    s->hops_mask = slots - 1;
    s->asks = p->meta->flags & PBC_NEEDS_ROUTES;
    if (whole && f->ports.bound && f->ports.given && s->hops) return s;
    snapshot_free(s);
    return NULL;
}

static void routes_drop(const void *at) { free((void *)(uintptr_t)at); }

void snapshot_free(struct snapshot *s)
{
    if (!s) return;
#define FACTS_ARRAY(field, count, since) routes_drop(s->facts.field);
#include "runtime/exchange/facts_array.def"
    routes_drop(s->facts.ports.bound);
    routes_drop(s->facts.ports.given);
    around_put(s->around);
    free(s->hops);
    routes_put(s->routes);
    tables_put(s->tables);
    tables_put(s->tables_next);
    free(s);
}

static bool same_self(const struct facts *a, const struct facts *b)
{
    return a->self4_count == b->self4_count && a->self6_count == b->self6_count &&
           !memcmp(a->self4, b->self4, a->self4_count * sizeof *a->self4) &&
           !memcmp(a->self6, b->self6, a->self6_count * sizeof *a->self6);
}

static bool same_ifaces(const struct facts *a, const struct facts *b)
{
    for (unsigned i = 0; i < a->ifaces_count; i++) {
        const struct facts_iface *x = &a->ifaces[i], *y = &b->ifaces[i];
        if (x->mac != y->mac || x->mtu != y->mtu || x->addr4 != y->addr4 || x->peer != y->peer || x->as != y->as ||
            x->down != y->down || memcmp(x->addr6, y->addr6, sizeof x->addr6))
            return false;
    }
    return true;
}

/* True if the facts give the same answers to questions for ways. */
static bool same_ways(const struct facts *a, const struct facts *b)
{
    if (a->host_routes4 != b->host_routes4 || a->host_routes6 != b->host_routes6) return false;
    return a->routes == b->routes &&
           !memcmp(a->devices, b->devices, (a->routes ? a->routes->size.devices : 0) * sizeof *a->devices);
}

/* addr4, addr6, mac and mtu of the facts are the first interface's, which same_ifaces compares. */
bool snapshot_same_facts(const struct snapshot *s, const struct snapshot *t)
{
    const struct facts *a = &s->facts, *b = &t->facts;
    if (a->ifaces_count != b->ifaces_count || s->servers != t->servers || s->nats != t->nats ||
        s->services != t->services)
        return false;
    if (s->asks && !same_ways(a, b)) return false;
    return a->schedules == b->schedules && same_self(a, b) && same_ifaces(a, b) &&
           !memcmp(a->server_out, b->server_out, s->servers * sizeof *a->server_out) &&
           !memcmp(a->down, b->down, s->servers * sizeof *a->down) &&
           !memcmp(a->up_since_ns, b->up_since_ns, s->servers * sizeof *a->up_since_ns) &&
           !memcmp(a->weights, b->weights, s->servers * sizeof *a->weights) &&
           !memcmp(a->drains, b->drains, s->services * sizeof *a->drains) &&
           !memcmp(a->server_mtu, b->server_mtu, s->servers * sizeof *a->server_mtu) &&
           !memcmp(a->target_out, b->target_out, s->nats * sizeof *a->target_out);
}

static uint32_t facts_hash(const struct hop_key *k)
{
    static const uint64_t odd[5] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0xd6e8feb86659fd93,
                                    0xa0761d6478bd642f};
    uint64_t addr[2], from[2];
    memcpy(addr, k->addr, sizeof addr);
    memcpy(from, k->from, sizeof from);
    const uint64_t h = (addr[0] * odd[0] ^ addr[1] * odd[1]) + (from[0] * odd[2] ^ from[1] * odd[3]) +
                       (k->port + 256u * k->in + 65536u * k->kind) * odd[4];
    return (uint32_t)(((h ^ h >> 32) * odd[0]) >> 32);
}

void snapshot_add(struct snapshot *s, const struct hop *hop)
{
    uint32_t at = facts_hash(&hop->key);
    while (s->hops[at & s->hops_mask].key.family) at++;
    s->hops[at & s->hops_mask] = *hop;
}

struct hop *snapshot_hop(const struct snapshot *s, const struct hop_key *key)
{
    for (uint32_t at = facts_hash(key);; at++) {
        struct hop *h = &s->hops[at & s->hops_mask];
        if (!h->key.family) return NULL;
        if (hop_key_same(&h->key, key)) return h;
    }
}
