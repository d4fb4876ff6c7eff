/* A snapshot as bytes: a head (format.h), then the arrays one after the other, as in memory. */
#include "runtime/record/world_bytes.h"

#include <stdlib.h>
#include <string.h>

#include "vm/pbc.h"

/* Head of the ports, which are last. Behind it are facts_ports.more, then facts_ports.given up to the last byte.
 * Older recordings have no ports. */
struct ports_head {
    uint32_t number, bound;
    uint16_t kept_lo, kept_hi, chosen_lo, chosen_hi;
};
static_assert(sizeof(struct ports_head) == 16, "as written: no padding");

enum { SELF_MOST = 1 << 16, HOPS_MOST_SAID = 1 << 16, BOUND_MOST = 1 << 17, RANGES_MOST = 1 << 15 };

void world_pack(struct bytes *to, const struct snapshot *s, uint64_t program)
{
    const struct facts *f = &s->facts;
    struct record_world h;
    memset(&h, 0, sizeof h);
    h.number = s->number, h.program = program, h.generation = f->generation, h.mac = f->mac;
    h.schedules = f->schedules, h.addr4 = f->addr4, h.mtu = f->mtu;
    memcpy(h.addr6, f->addr6, sizeof h.addr6);
    h.self4 = f->self4_count, h.self6 = f->self6_count, h.ifaces = f->ifaces_count;
    unsigned n = 0;
    for (uint32_t i = 0; i <= s->hops_mask; i++) n += s->hops[i].key.family != 0;
    h.servers = s->servers, h.nats = s->nats, h.hops = n;
    h.bridges = f->bridges, h.patterns = f->patterns, h.shuts = f->shuts, h.drop_bad_checksum = f->drop_bad_checksum;
    h.host_routes4 = f->host_routes4, h.host_routes6 = f->host_routes6;
    h.devices = s->devices, h.elsewhere = s->elsewhere;
    h.routes = s->routes ? s->routes->number : 0;
    for (unsigned i = 0; i < PORTS_MOST; i++) h.port_mac[i] = s->port_mac[i] | (s->bare >> i & 1 ? RECORD_NO_MAC : 0);
    bytes_put(to, &h, sizeof h);
#define FACTS_ARRAY(field, count, since) bytes_put(to, f->field, (count) * sizeof *f->field);
#include "runtime/exchange/facts_array.def"
    for (uint32_t i = 0; i <= s->hops_mask; i++)
        if (s->hops[i].key.family) bytes_put(to, &s->hops[i], sizeof *s->hops);
    const struct facts_ports *p = &f->ports;
    const struct ports_head ports = {p->number, p->bound_count, p->kept_lo, p->kept_hi, p->chosen_lo, p->chosen_hi};
    bytes_put(to, &ports, sizeof ports);
    bytes_put(to, p->bound, p->bound_count * sizeof *p->bound);
    const uint32_t more = p->more_count;
    bytes_put(to, &more, sizeof more);
    bytes_put(to, p->more, p->more_count * sizeof *p->more);
    bytes_put(to, p->given, p->given_count * sizeof *p->given);
}

/* Head of a table of routes: number and size. The table's block follows, as in memory. */
struct table_head {
    uint64_t number;
    struct routes_size size;
};
static_assert(sizeof(struct table_head) == 40, "as written: no padding");

void world_pack_routes(struct bytes *to, const struct routes *r)
{
    const struct table_head h = {.number = r->number, .size = r->size};
    bytes_put(to, &h, sizeof h);
    bytes_put(to, r->range6, r->bytes);
}

struct routes *world_unpack_routes(const void *bytes, size_t len, unsigned ports)
{
    struct cursor c = {bytes, len};
    struct table_head h;
    if (!cursor_copy(&c, &h, sizeof h) || !h.number || routes_bytes(&h.size) > c.left) return NULL;
    struct routes *r = routes_alloc(&h.size);
    if (r) r->number = h.number;
    if (r && cursor_copy(&c, r->range6, r->bytes) && !routes_close(r, ports)) return r;
    routes_put(r);
    return NULL;
}

static uint32_t bare_of(const struct record_world *h)
{
    uint32_t bare = 0;
    for (unsigned i = 0; i < PORTS_MOST; i++)
        if (h->port_mac[i] & RECORD_NO_MAC) bare |= 1u << i;
    return bare;
}

bool world_said(const void *bytes, size_t len, struct world_said *said)
{
    struct cursor c = {bytes, len};
    struct record_world h;
    if (!cursor_copy(&c, &h, sizeof h)) return false;
    *said = (struct world_said){h.number, h.program, h.routes, bare_of(&h)};
    return true;
}

/* Read an array into the facts, whose arrays belong to the snapshot. */
static bool array_take(struct cursor *c, const void *array, size_t bytes)
{
    return !bytes || cursor_copy(c, (void *)(uintptr_t)array, bytes);
}

static bool are_weights(const uint16_t *weights, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (weights[i] > LB_WEIGHT_MAX + 1 && weights[i] != FACTS_DRAINS) return false;
    return true;
}

static bool take_hops(struct cursor *c, struct snapshot *s, uint32_t n, unsigned ports)
{
    struct hop hop;
    for (uint32_t i = 0; i < n; i++) {
        if (!cursor_copy(c, &hop, sizeof hop) || (hop.key.family != 4 && hop.key.family != 6)) return false;
        if (hop.state > HOP_NO_PORT || (hop.state == HOP_KNOWN && hop.port >= ports)) return false;
        if (snapshot_hop(s, &hop.key)) return false;
        snapshot_add(s, &hop);
    }
    return true;
}

/* Take the ranges up to the end; before RECORD_GIVEN all of them belong to `more`. */
static bool take_ranges(struct cursor *c, struct facts_ports *p, uint32_t version)
{
    uint32_t more = (uint32_t)(c->left / sizeof *p->more);
    if (version >= RECORD_GIVEN && !cursor_copy(c, &more, sizeof more)) return false;
    if (more > FACTS_PORTS_MORE || !cursor_copy(c, p->more, more * sizeof *p->more)) return false;
    p->more_count = more;
    for (unsigned i = 0; i < more; i++)
        if (p->more[i].lo > p->more[i].hi || p->more[i].hi >= PBC_OWN_PORT_LO) return false;
    if (c->left > RANGES_MOST * sizeof *p->given || c->left % sizeof *p->given) return false;
    struct facts_range *given = calloc(1, c->left + 1);
    p->given = given;
    p->given_count = (unsigned)(c->left / sizeof *given);
    return given && cursor_copy(c, given, c->left);
}

static bool take_ports(struct cursor *c, struct facts *f, uint32_t version)
{
    struct ports_head h;
    if (!c->left) return true;
    if (!cursor_copy(c, &h, sizeof h) || h.bound > BOUND_MOST || h.kept_lo > h.kept_hi) return false;
    struct facts_port *bound = calloc(h.bound + 1u, sizeof *bound);
    if (!bound || (h.bound && !cursor_copy(c, bound, h.bound * sizeof *bound))) {
        free(bound);
        return false;
    }
    free((void *)(uintptr_t)f->ports.bound);
    free((void *)(uintptr_t)f->ports.given);
    f->ports = (struct facts_ports){.number = h.number,
                                    .kept_lo = h.kept_lo,
                                    .kept_hi = h.kept_hi,
                                    .chosen_lo = h.chosen_lo,
                                    .chosen_hi = h.chosen_hi,
                                    .bound = bound,
                                    .bound_count = h.bound};
    return take_ranges(c, &f->ports, version);
}

static bool world_fits(const struct record_world *h, const struct program *p, unsigned devices)
{
    return h->self4 <= SELF_MOST && h->self6 <= SELF_MOST && h->hops <= HOPS_MOST_SAID &&
           h->ifaces == p->ifaces_count + devices && h->servers == p->servers_count && h->nats == p->nats_count;
}

/* Make a snapshot with empty arrays of these sizes. */
static struct snapshot *empty(const struct record_world *h, const struct program *p, const struct routes *routes)
{
    struct facts f = {.generation = h->generation,
                      .mac = h->mac,
                      .schedules = h->schedules,
                      .addr4 = h->addr4,
                      .mtu = h->mtu,
                      .self4_count = h->self4,
                      .self6_count = h->self6,
                      .ifaces_count = h->ifaces,
                      .routes = routes,
                      .host_routes4 = h->host_routes4,
                      .host_routes6 = h->host_routes6,
                      .bridges = h->bridges,
                      .patterns = h->patterns,
                      .shuts = h->shuts,
                      .drop_bad_checksum = h->drop_bad_checksum};
    memcpy(f.addr6, h->addr6, sizeof f.addr6);
    struct snapshot *s = snapshot_new(p, &f, h->hops);
    if (!s) return NULL;
    s->number = h->number;
    s->devices = h->devices;
    s->elsewhere = h->elsewhere;
    for (unsigned i = 0; i < PORTS_MOST; i++) s->port_mac[i] = h->port_mac[i] & ~RECORD_NO_MAC;
    s->bare = bare_of(h);
    return s;
}

struct snapshot *world_unpack(const void *bytes, size_t len, const struct program *p, struct routes *routes,
                              const struct record_start *start)
{
    struct cursor c = {bytes, len};
    struct record_world h;
    if (!cursor_copy(&c, &h, sizeof h) || !world_fits(&h, p, start->devices)) return NULL;
    struct snapshot *s = empty(&h, p, routes);
    if (!s) return NULL;
    struct facts *f = &s->facts;
    bool whole = true;
#define FACTS_ARRAY(field, count, since)                                                                               \
    whole = whole && (start->version < (since) || array_take(&c, f->field, (count) * sizeof *f->field));
#include "runtime/exchange/facts_array.def"
    whole = whole && are_weights(f->weights, h.servers) && take_hops(&c, s, h.hops, start->ports) &&
            take_ports(&c, f, start->version);
    if (whole && start->version < RECORD_DOWN) {
        /* An older version has something else in the place of `down`. */
        struct facts_iface *all = (void *)(uintptr_t)f->ifaces;
        for (unsigned i = 0; i < f->ifaces_count; i++) all[i].down = 0;
    }
    if (whole) return s;
    snapshot_free(s);
    return NULL;
}
