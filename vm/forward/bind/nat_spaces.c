/* The outside addresses of a program, each with a space of ports, and the ports in them that belong to others: ports
 * at which a `forward` or a service receives are never given to a mapping. A service on all ports is left out; there
 * only the tuple distinguishes a translated flow from the service's. */
#include <stdlib.h>
#include <string.h>

#include "vm/forward/bind/nat_priv.h"
#include "vm/program/program.h"

static int outside_order(const void *a, const void *b)
{
    const struct nat_outside *x = a, *y = b;
    return address_order(x->family, x->addr, y->family, y->addr);
}

uint32_t outsides_way(const struct outsides *o, uint32_t iface)
{
    uint32_t i = 0;
    while (i < o->ways && o->way[i].iface != iface) i++;
    return i;
}

static bool by_several(const struct program *p, const struct pbc_nat *n)
{
    return n->kind == PBC_NAT_MASQUERADE && nat_leaves_by_several(p, n);
}

static void list_ways(struct outsides *o, const struct program *p)
{
    bool several = false;
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        several |= by_several(p, n);
        if (n->kind != PBC_NAT_MASQUERADE || by_several(p, n) || outsides_way(o, n->iface) < o->ways) continue;
        o->way[o->ways++] = (struct outside_way){.iface = (uint16_t)n->iface, .own = {SPACE_NONE, SPACE_NONE}};
    }
    o->named = o->ways;
    for (uint32_t i = 0; several && i < WAYS_FOUND_MOST; i++)
        o->way[o->ways++] = (struct outside_way){.iface = IFACE_NONE, .own = {SPACE_NONE, SPACE_NONE}};
}

/* Return the number of interfaces: those of the program, and those that the facts know beside them. */
static unsigned ifaces_of(const struct program *p, const struct facts *facts)
{
    return facts->ifaces_count > p->ifaces_count ? facts->ifaces_count : p->ifaces_count;
}

/* True if a statement of several interfaces leaves by that one, whose address is known. Without facts of interfaces
 * (a replay), all those that no rule names count as one. */
static bool is_way(const struct program *p, const struct facts *facts, uint16_t iface)
{
    uint32_t addr[4];
    bool leaves = false;
    if (iface >= ifaces_of(p, facts) && iface != IFACE_OTHER) return false;
    if (!facts_address(facts, iface, false, addr) && !facts_address(facts, iface, true, addr)) return false;
    for (uint32_t i = 0; i < p->nats_count && !leaves; i++)
        leaves = by_several(p, &p->nats[i]) && nat_leaves(p, &p->nats[i], facts_known_as(facts, iface));
    return leaves;
}

void outsides_find(struct outsides *o, const struct program *p, const struct facts *facts)
{
    if (o->named == o->ways || !facts) return;
    for (uint32_t i = o->named; i < o->ways; i++)
        if (!is_way(p, facts, o->way[i].iface)) o->way[i] = (struct outside_way){IFACE_NONE, {SPACE_NONE, SPACE_NONE}};
    for (unsigned i = 0; i <= ifaces_of(p, facts); i++) {
        const unsigned iface = i < ifaces_of(p, facts) ? i : IFACE_OTHER;
        if (!is_way(p, facts, (uint16_t)iface) || outsides_way(o, iface) < o->ways) continue;
        uint32_t at = o->named;
        while (at < o->ways && o->way[at].iface != IFACE_NONE) at++;
        if (at < o->ways) o->way[at].iface = (uint16_t)iface;
    }
}

/* Counts addresses as they are written, repeated ones again; at most PBC_OUTSIDES_MAX (verified). */
uint32_t outsides_written(const struct program *p)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < p->nats_count; i++)
        n += address_count(p, p->nats[i].outside, p->nats[i].outside_count, p->nats[i].family, PBC_OUTSIDES_MAX);
    return (uint32_t)n;
}

static void list_outside(struct outsides *o, const struct program *p, const struct pbc_nat *n, uint32_t *count)
{
    struct address_walk w = address_walk(p, n->outside, n->outside_count, n->family);
    struct address_range one;
    while (address_each(&w, &one)) {
        o->all[*count].family = one.family;
        memcpy(o->all[(*count)++].addr, one.lo, sizeof one.lo);
    }
}

bool outsides_init(struct outsides *o, const struct program *p)
{
    *o = (struct outsides){0};
    const size_t ways = (size_t)p->nats_count + 1 + WAYS_FOUND_MOST;
    o->all = calloc(2 * ways + outsides_written(p), sizeof *o->all);
    o->way = calloc(ways, sizeof *o->way);
    if (!o->all || !o->way) return false;
    list_ways(o, p);
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->nats_count; i++) list_outside(o, p, &p->nats[i], &count);
    if (count) qsort(o->all, count, sizeof *o->all, outside_order);
    for (uint32_t i = 0; i < count; i++)
        if (!o->written || outside_order(&o->all[i], &o->all[o->written - 1]) != 0) o->all[o->written++] = o->all[i];
    for (uint32_t i = o->written; i < outsides_count(o); i++) o->all[i] = (struct nat_outside){.family = 0};
    return true;
}

void outsides_fini(struct outsides *o)
{
    free(o->all);
    free(o->way);
}

uint32_t outside_written(const struct outsides *o, const uint32_t addr[4], uint8_t family)
{
    struct nat_outside want = {.family = family};
    memcpy(want.addr, addr, sizeof want.addr);
    const struct nat_outside *found = bsearch(&want, o->all, o->written, sizeof *o->all, outside_order);
    return found ? (uint32_t)(found - o->all) : SPACE_NONE;
}

/* Return the space of a way that has that address. */
static uint32_t way_space(const struct outsides *o, const uint32_t addr[4], uint8_t family)
{
    for (uint32_t i = 0; i < o->ways; i++) {
        const uint32_t own = o->way[i].own[family == 6];
        if (own != SPACE_NONE && address_equal(o->all[own].addr, addr)) return own;
    }
    return SPACE_NONE;
}

uint32_t outside_space(const struct outsides *o, const uint32_t addr[4], uint8_t family)
{
    const uint32_t own = way_space(o, addr, family);
    return own != SPACE_NONE ? own : outside_written(o, addr, family);
}

/* Reserve the ports in the classes of mappings that share ports with an endpoint's protocol. */
static void reserve_classes(struct mappings *m, uint32_t space, uint8_t proto, uint16_t lo, uint16_t hi)
{
    if (lo <= 1 && hi == UINT16_MAX) return;
    if (proto == PBC_EP_TCP || proto == PBC_EP_PORTS) mappings_reserve(m, space, MAP_TCP, lo, hi);
    if (proto == PBC_EP_UDP || proto == PBC_EP_PORTS) mappings_reserve(m, space, MAP_UDP, lo, hi);
}

void outsides_reserve(const struct outsides *o, const struct program *p, struct mappings *m)
{
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        for (uint32_t s = 0; s < o->written && n->flags & PBC_NAT_TO_ANY; s++)
            if (o->all[s].family == n->family) reserve_classes(m, s, n->proto, n->port_lo, n->port_hi);
        const uint32_t space = nat_to_one(n) ? outside_written(o, n->to, n->family) : SPACE_NONE;
        if (space != SPACE_NONE) reserve_classes(m, space, n->proto, n->port_lo, n->port_hi);
    }
    for (uint32_t i = 0; i < p->endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        if (e->to != PBC_TO_ADDRESS) continue;
        const uint32_t space = outside_written(o, e->addr, e->family);
        if (space != SPACE_NONE) reserve_classes(m, space, e->proto, e->port_lo, e->port_hi);
    }
}

/* Reserve the ports that stay with this machine. */
static void reserve_host(struct mappings *m, uint32_t space, const struct facts_ports *host)
{
    for (unsigned class = MAP_TCP; class <= MAP_UDP && host->kept_hi; class ++)
        mappings_reserve(m, space, class, host->kept_lo, host->kept_hi);
    for (unsigned i = 0; i < host->bound_count; i++)
        mappings_reserve(m, space, host->bound[i].udp ? MAP_UDP : MAP_TCP, host->bound[i].port, host->bound[i].port);
}

static void reserve_own(const struct nat_outside *own, const struct program *p, struct mappings *m, uint32_t space,
                        const struct facts_ports *host)
{
    mappings_unreserve(m, space);
    if (host) reserve_host(m, space, host);
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        if (n->kind != PBC_NAT_FORWARD || n->family != own->family) continue;
        if (!nat_to_one(n) || address_equal(n->to, own->addr))
            reserve_classes(m, space, n->proto, n->port_lo, n->port_hi);
    }
    for (uint32_t i = 0; i < p->endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        if (e->to == PBC_TO_SELF ||
            (e->to == PBC_TO_ADDRESS && e->family == own->family && address_equal(e->addr, own->addr)))
            reserve_classes(m, space, e->proto, e->port_lo, e->port_hi);
    }
}

void outsides_reserve_own(const struct outsides *o, const struct program *p, struct mappings *m,
                          const struct facts_ports *host)
{
    for (uint32_t i = 0; i < o->ways; i++)
        for (unsigned six = 0; six < 2; six++)
            if (o->way[i].own[six] != SPACE_NONE && o->way[i].own[six] >= o->written)
                reserve_own(&o->all[o->way[i].own[six]], p, m, o->way[i].own[six], host);
}

/* Return an unused space: the way's own, or that of a way whose address has a space elsewhere. */
static uint32_t unused_space(const struct outsides *o, uint32_t way, unsigned six)
{
    for (uint32_t i = 0; i <= o->ways; i++) {
        const uint32_t space = o->written + 2 * (i == 0 ? way : i - 1) + six;
        bool used = false;
        for (uint32_t k = 0; k < o->ways; k++) used |= k != way && o->way[k].own[six] == space;
        if (!used) return space;
    }
    return SPACE_NONE; /* never: each way has a space */
}

void outsides_own(struct outsides *o, const struct program *p, struct mappings *m, const struct facts_ports *host,
                  uint32_t way, uint8_t family, const uint32_t addr[4])
{
    static const uint32_t unknown[4];
    const unsigned six = family == 6;
    uint32_t *own = &o->way[way].own[six];
    const bool known = !address_equal(addr, unknown);
    if (known ? *own != SPACE_NONE && address_equal(o->all[*own].addr, addr) : *own == SPACE_NONE) return;
    *own = SPACE_NONE;
    if (!known || (*own = outside_written(o, addr, family)) != SPACE_NONE) return;
    if ((*own = way_space(o, addr, family)) != SPACE_NONE) return;
    *own = unused_space(o, way, six);
    o->all[*own].family = family;
    memcpy(o->all[*own].addr, addr, sizeof o->all[*own].addr);
    reserve_own(&o->all[*own], p, m, *own, host);
}
