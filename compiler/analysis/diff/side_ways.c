/* Ways from endpoints to servers, and the part of a way that ways of the other side hold. An endpoint inside a wider
 * one, or inside several together, reaches what those reach. Conditions of a `when`, shares and balance don't count:
 * every server that a branch may send to is reached. */
#include "compiler/analysis/diff/side_ways.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/directions.h"
#include "lang/heap.h"
#include "vm/program/program.h"

enum { WAYS_MAX = 1 << 18, STEPS_MAX = 1 << 28, RANGE_STEPS = 8 /* cost of an address range in cut() */ };

static void add_way(struct ways *to, const struct way *w)
{
    to->too_many |= to->count == WAYS_MAX;
    if (to->too_many) return;
    to->w = heap_grown(to->w, (size_t)to->count + 1, sizeof(*to->w), &to->cap);
    to->w[to->count++] = *w;
}

/* Count steps; false: too many. */
static bool spend(struct ways *to, uint64_t steps)
{
    to->steps += steps;
    to->too_many |= to->steps > STEPS_MAX;
    return !to->too_many;
}

/* True if the wider endpoint takes all frames that the other takes, by their tags. */
static bool holds_tags(const struct pbc_endpoint *wide, const struct pbc_endpoint *e)
{
    if (wide->wire <= PBC_WIRE_ALL) return true;
    if (wide->wire == PBC_WIRE_TAGGED) return e->wire >= PBC_WIRE_TAGGED;
    return wide->wire == e->wire && wide->vlan_lo <= e->vlan_lo && e->vlan_hi <= wide->vlan_hi;
}

/* True if the wider way has the places and protocols of `way`. Ports, sources and interfaces are not compared. */
static bool way_holds(const struct way *wider, const struct way *way)
{
    const struct pbc_endpoint *wide = &wider->from, *e = &way->from;
    const bool to =
        wide->to == PBC_TO_ANY ||
        (wide->to == e->to && (wide->to == PBC_TO_SELF || memcmp(wide->addr, e->addr, sizeof(e->addr)) == 0));
    return to && holds_tags(wide, e) && !wider->len && !way->len && (!wide->family || wide->family == e->family) &&
           (wide->proto == e->proto || (wide->proto == PBC_EP_PORTS && e->proto < PBC_EP_ECHO4));
}

/* Sources on interfaces: parts of a way, without common packets */
struct part {
    uint32_t sources, ifaces;
};
struct parts {
    struct part *p;
    uint32_t count, cap;
};

static void add_part(struct parts *to, uint32_t sources, uint32_t ifaces)
{
    if (sources == IR_EMPTY || ifaces == IR_EMPTY) return;
    to->p = heap_grown(to->p, (size_t)to->count + 1, sizeof(*to->p), &to->cap);
    to->p[to->count++] = (struct part){sources, ifaces};
}

/* Add the part without the way's sources and interfaces to `left`. */
static void way_cut(struct diff *d, struct part p, const struct way *w, struct parts *left, struct ways *to)
{
    struct ir *ir = d->c.ir;
    const uint8_t family = w->from.family;
    const unsigned families = family == 4 ? IR_V4 : family == 6 ? IR_V6 : IR_V4 | IR_V6;
    const uint32_t most = ir_fields[IR_IFACE].most;
    uint32_t others = IR_EMPTY, both = p.sources;
    if (p.sources != w->sources && w->sources != IR_ALL) {
        const struct ir_addrs *a = ir_addrs(ir, p.sources), *b = ir_addrs(ir, w->sources);
        if (!spend(to, RANGE_STEPS * ((uint64_t)a->count4 + a->count6 + b->count4 + b->count6))) return;
        others = ir_addrs_of_families(ir, ir_addrs_and(ir, p.sources, ir_addrs_not(ir, w->sources)), families);
        both = ir_addrs_of_families(ir, ir_addrs_and(ir, p.sources, w->sources), families);
    }
    if (w->ifaces == IR_ALL) {
        add_part(left, others, p.ifaces);
        return;
    }
    if (both == IR_EMPTY || !ir_ranges_meet(ir, p.ifaces, w->ifaces)) {
        add_part(left, p.sources, p.ifaces);
        return;
    }
    add_part(left, others, p.ifaces);
    add_part(left, both, ir_ranges_and(ir, p.ifaces, ir_ranges_not(ir, w->ifaces, most), most));
}

/* Add ports lo to hi with their part of the way: extend a part added since `first`, or add a new one. */
static void add_stretch(struct ways *to, uint32_t first, const struct way *w, struct part p, uint32_t lo, uint32_t hi)
{
    struct way with = *w;
    for (uint32_t i = to->count; i-- > first;) {
        struct way *last = &to->w[i];
        if (!spend(to, 1)) return;
        if (last->from.port_hi + 1u != lo || last->sources != p.sources || last->ifaces != p.ifaces) continue;
        last->from.port_hi = (uint16_t)hi;
        return;
    }
    with.from.port_lo = (uint16_t)lo;
    with.from.port_hi = (uint16_t)hi;
    with.sources = p.sources;
    with.ifaces = p.ifaces;
    add_way(to, &with);
}

/* Return the parts that holders leave of one port of `w`; *next: the first port behind it at which that may change. */
static struct parts parts_left(struct diff *d, const struct way *w, const struct ways *by, uint32_t port,
                               uint32_t *next, struct ways *to)
{
    struct parts left = {0};
    add_part(&left, w->sources, w->ifaces);
    for (const struct way *e = by->w; e < by->w + by->count && left.count && spend(to, 1); e++) {
        const uint32_t lo = e->from.port_lo, end = e->from.port_hi + 1u;
        struct parts all = left;
        if (lo > port && lo < *next) *next = lo;
        if (lo > port || end <= port) continue;
        if (end < *next) *next = end;
        left = (struct parts){0};
        for (uint32_t i = 0; i < all.count && spend(to, 1); i++) way_cut(d, all.p[i], e, &left, to);
        free(all.p);
    }
    return left;
}

/* Add the rest of `w` that its holders `by` leave. */
static void add_rest(struct diff *d, const struct way *w, const struct ways *by, struct ways *to)
{
    const uint32_t end = w->from.port_hi + 1u, first = to->count;
    for (uint32_t port = w->from.port_lo, next; port < end && !to->too_many; port = next) {
        next = end;
        struct parts left = parts_left(d, w, by, port, &next, to);
        for (uint32_t i = 0; i < left.count; i++) add_stretch(to, first, w, left.p[i], port, next - 1);
        free(left.p);
    }
    to->too_many |= d->c.ir->too_large;
}

static void add_pool(struct ways *to, const struct program *p, const struct pbc_pool *pool, struct way w)
{
    w.pool = program_str(p, pool->name);
    for (const struct pbc_server *s = p->servers + pool->servers; s < p->servers + pool->servers + pool->server_count;
         s++) {
        if (!s->weight) continue;
        memcpy(w.addr, s->addr, sizeof(w.addr));
        const struct pbc_named *const n = program_named(p, (uint32_t)(s - p->servers));
        w.host = n ? program_str(p, n->host) : NULL;
        w.family = s->family;
        w.port = s->port;
        w.fixed = s->port != 0;
        w.server = program_str(p, s->name);
        add_way(to, &w);
    }
}

struct pbc_endpoint side_endpoint(const struct side *s, uint32_t endpoint)
{
    struct pbc_endpoint e = s->program->endpoints[endpoint];
    if (e.iface) e.iface = 1 + s->ifaces[e.iface - 1];
    return e;
}

/* Add ways to each pool of the service once, whatever its branches. */
static void add_service(struct diff *d, const struct side *s, struct ways *to, uint32_t i)
{
    const struct program *p = s->program;
    const struct pbc_service *v = &p->services[i];
    bool *seen = heap_zeroed((size_t)p->pools_count + 1, sizeof(*seen));
    for (uint32_t e = v->endpoints; e < v->endpoints + v->endpoint_count; e++) {
        struct way w = {.from = side_endpoint(s, e), .by = program_str(p, v->name), .service = i};
        const uint32_t iface = w.from.iface;
        if (iface) w.ifaces = ir_field_range(d->c.ir, IR_IFACE, iface - 1, iface - 1);
        w.from.iface = 0;
        memset(seen, 0, p->pools_count);
        for (const struct pbc_branch *b = p->branches + v->branches; b < p->branches + v->branches + v->branch_count;
             b++)
            for (uint32_t k = b->shares; k < b->shares + branch_shares(b) && !to->too_many; k++) {
                const uint32_t pool = p->shares[k].pool;
                if (!seen[pool] && p->shares[k].percent) add_pool(to, p, &p->pools[pool], w);
                seen[pool] |= p->shares[k].percent != 0;
            }
    }
    free(seen);
}

static struct way forward_of(struct diff *d, const struct side *s, const struct pbc_nat *n, uint32_t sources)
{
    struct way w = {
        .sources = sources, .by = program_str(s->program, n->name), .service = PBC_NONE, .family = n->family};
    w.from = (struct pbc_endpoint){
        .to = nat_endpoint_to(n), .family = n->family, .proto = n->proto, .port_lo = n->port_lo, .port_hi = n->port_hi};
    if (n->proto == PBC_EP_IP) w.from.port_lo = w.from.port_hi = n->ip_proto;
    if (w.from.to == PBC_TO_ADDRESS) memcpy(w.from.addr, n->to, sizeof(n->to));
    if (n->iface != PBC_NONE) w.ifaces = ir_field_range(d->c.ir, IR_IFACE, s->ifaces[n->iface], s->ifaces[n->iface]);
    if (n->cond_count) { /* conditions that the statement's own fields can't express */
        struct ir_product asks;
        normal_when(&d->c, s->conds + n->conds, n->cond_count, &asks);
        w.sources = ir_addrs_and(d->c.ir, w.sources, asks.field[IR_SRC]);
        w.ifaces = ir_ranges_and(d->c.ir, w.ifaces, asks.field[IR_IFACE], ir_fields[IR_IFACE].most);
    }
    memcpy(w.addr, n->target, sizeof(w.addr));
    w.port = n->target_port ? (uint16_t)(n->target_port - n->port_lo) : 0;
    return w;
}

/* Add forwards. The first matching forward translates a packet, so each is added without the packets of earlier
 * forwards. */
static void add_forwards(struct diff *d, const struct side *s, struct ways *to)
{
    const struct program *p = s->program;
    const struct pbc_nat *last = NULL; /* the last statement whose sources were computed */
    const uint32_t first = to->count;
    uint32_t sources = IR_ALL;
    struct ways before = {0};
    for (const struct pbc_nat *n = p->nats; n < p->nats + p->nats_count && !to->too_many; n++) {
        if (n->kind != PBC_NAT_FORWARD) continue;
        if (!last || last->from != n->from || last->from_count != n->from_count || last->family != n->family)
            sources = ir_addrs_of_families(d->c.ir, nat_sources(d->c.ir, p, n), n->family == 4 ? IR_V4 : IR_V6);
        last = n;
        const struct way w = forward_of(d, s, n, sources);
        before.count = 0;
        for (uint32_t i = first; i < to->count && spend(to, 1); i++)
            if (way_holds(&to->w[i], &w)) add_way(&before, &to->w[i]);
        add_rest(d, &w, &before, to);
    }
    free(before.w);
}

int way_server_order(const struct way *a, const struct way *b)
{
    int d = memcmp(a->addr, b->addr, sizeof(a->addr));
    d = d ? d : a->family - b->family;
    d = d ? d : a->fixed - b->fixed;
    return d ? d : a->port - b->port;
}

/* Compare by server, then by place: an address, this machine or any. */
static int way_order(const void *a, const void *b)
{
    const struct way *x = *(const struct way *const *)a, *y = *(const struct way *const *)b;
    int d = way_server_order(x, y);
    d = d ? d : x->from.to - y->from.to;
    return d ? d : memcmp(x->from.addr, y->from.addr, sizeof(x->from.addr));
}

void ways_gather(struct diff *d, unsigned side, struct side_ways *to)
{
    const struct side *s = &d->side[side];
    const struct program *p = s->program;
    *to = (struct side_ways){0};
    for (uint32_t i = 0; i < p->services_count; i++) add_service(d, s, &to->ways, i);
    add_forwards(d, s, &to->ways);
    to->maps = to->ways.count;
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        if (n->kind != PBC_NAT_MAP) continue;
        /* A map is for packets that arrive on any interface: `on` is about those that leave. */
        struct way w = {.len = n->len, .by = program_str(p, n->name), .service = PBC_NONE, .family = n->family};
        w.from = (struct pbc_endpoint){
            .to = PBC_TO_ADDRESS, .family = n->family, .proto = PBC_EP_PORTS, .port_lo = 0, .port_hi = UINT16_MAX};
        memcpy(w.from.addr, n->to, sizeof(n->to));
        memcpy(w.addr, n->target, sizeof(w.addr));
        add_way(&to->ways, &w);
    }
    to->sorted = heap_resized(NULL, (size_t)to->ways.count + 1, sizeof(*to->sorted));
    for (uint32_t i = 0; i < to->ways.count; i++) to->sorted[i] = &to->ways.w[i];
    if (to->ways.count > 1) qsort(to->sorted, to->ways.count, sizeof(*to->sorted), way_order);
}

void side_ways_fini(struct side_ways *s)
{
    free(s->ways.w);
    free(s->sorted);
}

/* Return the index of the first way with the place and server of `w`, or the index at which it would be. */
static uint32_t first_alike(const struct side_ways *s, const struct way *w)
{
    uint32_t lo = 0, hi = s->ways.count;
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        if (way_order(&s->sorted[mid], &w) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Collect ways with the place and server of `at` that hold `w` and share ports with it. */
static void add_holders(const struct way *w, const struct way *at, const struct side_ways *other, struct ways *by,
                        struct ways *alone)
{
    for (uint32_t i = first_alike(other, at); i < other->ways.count && way_order(&other->sorted[i], &at) == 0; i++) {
        const struct way *e = other->sorted[i];
        if (!spend(alone, 1)) return;
        if (way_holds(e, w) && e->from.port_lo <= w->from.port_hi && w->from.port_lo <= e->from.port_hi) add_way(by, e);
    }
}

/* Return the bits of an address word behind the first `len` bits of the address. */
static uint32_t past(unsigned len, unsigned word)
{
    return len >= 32 * (word + 1) ? 0 : len <= 32 * word ? UINT32_MAX : UINT32_MAX >> (len - 32 * word);
}

/* True if the wider map takes each address of the other map to the same address. */
static bool maps_alike(const struct way *wide, const struct way *w)
{
    bool alike = wide->len <= w->len && address_in_prefix(wide->from.addr, wide->len, w->from.addr) &&
                 address_in_prefix(wide->addr, wide->len, w->addr);
    for (unsigned i = 0; i < 4; i++) alike &= !((w->from.addr[i] ^ w->addr[i]) & past(wide->len, i));
    return alike;
}

/* Add a map, or its halves if the other side has smaller maps in it: at most one split for each bit of an address. */
static void add_map_alone(const struct way *w, const struct side_ways *other, struct ways *alone)
{
    bool smaller = false;
    for (uint32_t i = other->maps; i < other->ways.count && spend(alone, 1); i++) {
        const struct way *e = &other->ways.w[i];
        if (e->family != w->family) continue;
        if (maps_alike(e, w)) return;
        smaller |= e->len > w->len && maps_alike(w, e);
    }
    if (!smaller || alone->too_many) {
        add_way(alone, w);
        return;
    }
    struct way half = *w;
    const uint32_t bit = UINT32_C(1) << (31 - w->len % 32);
    half.len++;
    add_map_alone(&half, other, alone);
    half.from.addr[w->len / 32] |= bit;
    half.addr[w->len / 32] |= bit;
    add_map_alone(&half, other, alone);
}

void ways_alone(struct diff *d, const struct way *w, const struct side_ways *other, struct ways *alone)
{
    struct way any = *w;
    struct ways by = {0};
    if (w->len) {
        add_map_alone(w, other, alone);
        return;
    }
    any.from.to = PBC_TO_ANY;
    memset(any.from.addr, 0, sizeof(any.from.addr));
    add_holders(w, w, other, &by, alone);
    if (w->from.to != PBC_TO_ANY) add_holders(w, &any, other, &by, alone);
    add_rest(d, w, &by, alone);
    free(by.w);
}
