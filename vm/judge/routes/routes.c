/* The table of routes: memory, check and look-ups (vm/judge/routes.h). */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "vm/judge/routes.h"
#include "vm/judge/sets/walk.h"

enum { RANGES_MOST = 1 << 25, OTHERS_MOST = 1 << 24 };

size_t routes_bytes(const struct routes_size *n)
{
    if (n->ranges4 > RANGES_MOST || n->ranges6 > RANGES_MOST || n->ways > OTHERS_MOST || n->legs > OTHERS_MOST ||
        n->rules > OTHERS_MOST || n->devices > ROUTE_DEVICES_MOST)
        return SIZE_MAX;
    return n->ranges6 * (sizeof(struct pbc_range6) + sizeof(uint32_t)) +
           n->ranges4 * (sizeof(struct pbc_range) + sizeof(uint32_t)) + n->ways * sizeof(struct route_way) +
           n->legs * sizeof(struct route_leg) + n->rules * sizeof(struct route_rule) +
           n->devices * sizeof(struct route_device);
}

static void lay_out(struct routes *r, uint8_t *at)
{
    const struct routes_size *n = &r->size;
    r->range6 = (void *)at, at += n->ranges6 * sizeof *r->range6;
    r->range4 = (void *)at, at += n->ranges4 * sizeof *r->range4;
    r->way6 = (void *)at, at += n->ranges6 * sizeof *r->way6;
    r->way4 = (void *)at, at += n->ranges4 * sizeof *r->way4;
    r->ways = (void *)at, at += n->ways * sizeof *r->ways;
    r->legs = (void *)at, at += n->legs * sizeof *r->legs;
    r->rules = (void *)at, at += n->rules * sizeof *r->rules;
    r->devices = (void *)at;
}

struct routes *routes_alloc(const struct routes_size *n)
{
    const size_t bytes = routes_bytes(n);
    struct routes *r = bytes == SIZE_MAX ? NULL : calloc(1, sizeof *r);
    if (!r) return NULL;
    r->refs = 1;
    r->size = *n;
    r->bytes = bytes;
    uint8_t *block = calloc(1, bytes + 1);
    if (block) lay_out(r, block);
    if (block) return r;
    free(r);
    return NULL;
}

struct routes *routes_get(struct routes *r)
{
    if (r) r->refs++;
    return r;
}

void routes_put(struct routes *r)
{
    if (!r || --r->refs) return;
    if (r->lookup) munmap((void *)(uintptr_t)r->lookup, r->lookup_bytes);
    free(r->range6);
    free(r);
}

static bool way_fits(const struct routes *r, const struct route_way *w)
{
    if (w->kind >= ROUTE_KINDS || w->zero || (w->kind == ROUTE_VIA) != (w->legs != 0)) return false;
    return w->first <= r->size.legs && w->legs <= ROUTE_LEGS_MOST && w->legs <= r->size.legs - w->first &&
           (!w->legs || r->legs[w->first + w->legs - 1u].up_to == UINT32_MAX);
}

static bool leg_fits(const struct route_leg *l, unsigned ports, uint32_t devices)
{
    return (l->family == 0 || l->family == 4 || l->family == 6) && (l->port < ports || l->port == ROUTE_NO_PORT) &&
           l->device <= devices;
}

static bool device_fits(const struct route_device *d) { return d->name[0] && !d->name[sizeof d->name - 1]; }

static bool rule_fits(const struct route_rule *x)
{
    const unsigned most = x->family == 4 ? 32 : x->family == 6 ? 128 : 0;
    return most && x->from_bits <= most && x->to_bits <= most;
}

static bool ranges_fit(const struct routes *r)
{
    const struct wide none = {0};
    for (uint32_t i = 0; i < r->size.ranges4; i++) {
        const struct pbc_range *x = &r->range4[i];
        if (x->lo > x->hi || (i && x->lo <= x[-1].hi) || r->way4[i] >= r->size.ways) return false;
    }
    for (uint32_t i = 0; i < r->size.ranges6; i++) {
        const struct pbc_range6 *x = &r->range6[i];
        const struct wide hi = {x->hi_hi, x->hi_lo}, before = i ? (struct wide){x[-1].hi_hi, x[-1].hi_lo} : none;
        if (!wide_up_to(x->lo_hi, x->lo_lo, &hi) || (i && wide_up_to(x->lo_hi, x->lo_lo, &before))) return false;
        if (r->way6[i] >= r->size.ways) return false;
    }
    return true;
}

int routes_close(struct routes *r, unsigned ports)
{
    bool fits = ranges_fit(r);
    for (uint32_t i = 0; i < r->size.legs; i++) fits &= leg_fits(&r->legs[i], ports, r->size.devices);
    for (uint32_t i = 0; i < r->size.devices; i++) fits &= device_fits(&r->devices[i]);
    for (uint32_t i = 0; fits && i < r->size.ways; i++) fits = way_fits(r, &r->ways[i]);
    for (uint32_t i = 0; i < r->size.rules; i++) fits &= rule_fits(&r->rules[i]);
    if (!fits) return -EINVAL;
    const struct pbc_set all = {.count4 = r->size.ranges4, .count6 = r->size.ranges6};
    const struct set_ranges ranges = {&all, r->range4, r->range6, 1, r->size.ranges4, r->size.ranges6};
    return set_index_of(&ranges, &r->lookup, &r->lookup_bytes);
}

/* True if the first `bits` of two addresses agree. */
static bool agrees(const uint32_t *a, const uint32_t b[4], unsigned bits)
{
    unsigned i = 0;
    for (; bits >= 32; bits -= 32, i++)
        if (a[i] != b[i]) return false;
    return !bits || !((a[i] ^ b[i]) >> (32 - bits));
}

static bool has_rule(const struct routes *r, const struct route_query *q)
{
    for (uint32_t i = 0; i < r->size.rules; i++) {
        const struct route_rule *x = &r->rules[i];
        if (x->family == q->family && (x->in == ROUTE_NO_PORT || q->in == ROUTE_SOME_PORT || x->in == q->in) &&
            agrees(q->from, x->from, x->from_bits) && agrees(q->to, x->to, x->to_bits))
            return true;
    }
    return false;
}

static const uint32_t *way_of4(const struct routes *r, uint32_t addr)
{
    const uint32_t node = node_of_set(r->lookup, 0, false);
    const uint32_t few = node ? walk4(r->lookup, node, addr) : 0;
    const struct pbc_range *at =
        node ? search4(r->range4 + few_first(few), few_count(few), addr) : search4(r->range4, r->size.ranges4, addr);
    return at ? &r->way4[at - r->range4] : NULL;
}

static const uint32_t *way_of6(const struct routes *r, const uint32_t *addr)
{
    struct wide wide;
    wide_of(addr, &wide);
    const uint32_t node = node_of_set(r->lookup, 0, true);
    const uint32_t few = node ? walk6(r->lookup, node, &wide) : 0;
    const struct pbc_range6 *at =
        node ? search6(r->range6 + few_first(few), few_count(few), &wide) : search6(r->range6, r->size.ranges6, &wide);
    return at ? &r->way6[at - r->range6] : NULL;
}

const struct route_way *routes_find(const struct routes *r, const struct route_query *q)
{
    static const struct route_way asks = {.kind = ROUTE_ASK}, refused = {.kind = ROUTE_REFUSED};
    if (r->size.rules && has_rule(r, q)) return &asks;
    const uint32_t *way = q->family == 4 ? way_of4(r, q->to[0]) : way_of6(r, q->to);
    return way ? &r->ways[*way] : &refused;
}

const struct route_leg *routes_leg(const struct routes *r, const struct route_way *way, uint32_t hash, uint8_t port)
{
    const struct route_leg *legs = r->legs + way->first, *first = NULL;
    for (unsigned i = 0; i < way->legs; i++) {
        if (port != ROUTE_NO_PORT && legs[i].port != port) continue;
        if (hash <= legs[i].up_to) return &legs[i];
        if (!first) first = &legs[i];
    }
    return first;
}
