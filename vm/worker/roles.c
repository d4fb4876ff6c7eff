/* Roles of addresses and ports in a program, see roles.h: port ranges sorted by address, role and protocol, and an open
 * hash table from an address to its ranges */
#include "vm/worker/roles.h"

#include <stdlib.h>
#include <string.h>

#include "vm/keyed/archive.h"
#include "vm/packet/pkt.h"
#include "vm/worker/owner.h"

/* Time for which flows of a former program keep their owners: flows of a removed service go on while their server
 * exists. */
#define KEPT_NS UINT64_C(86400000000000)

/* A few port ranges; further ones are merged. */
enum { FEW = 4 };
struct some_ports {
    uint8_t count;
    uint16_t lo[FEW], hi[FEW];
};

static void ports_join(struct some_ports *s, uint16_t lo, uint16_t hi)
{
    for (unsigned i = 0; i < s->count; i++) {
        const bool apart = hi < s->lo[i] || lo > s->hi[i];
        if (apart && s->count < FEW) continue;
        if (lo < s->lo[i]) s->lo[i] = lo;
        if (hi > s->hi[i]) s->hi[i] = hi;
        return;
    }
    s->lo[s->count] = lo;
    s->hi[s->count++] = hi;
}

/* Ports at which a pool's servers are reached: with the client's address, or with a source of prey's */
struct pool_ports {
    struct some_ports kept[ROLE_PROTOS], own[ROLE_PROTOS];
};

struct making {
    const struct program *p;
    struct role_part *parts;
    size_t count, room;
    bool failed;
};

static void part_add(struct making *m, const struct role_part *part)
{
    if (m->count == m->room) {
        const size_t room = m->room ? 2 * m->room : 64;
        struct role_part *grown = m->failed ? NULL : reallocarray(m->parts, room, sizeof *grown);
        m->failed = !grown;
        if (!grown) return;
        m->parts = grown;
        m->room = room;
    }
    m->parts[m->count++] = *part;
}

static void add_port_range(struct making *m, unsigned family, const uint32_t addr[4], enum role role,
                           enum role_proto proto, uint16_t lo, uint16_t hi)
{
    struct role_part part = {.family = (uint8_t)family,
                             .role = (uint8_t)role,
                             .proto = (uint8_t)proto,
                             .lo = lo,
                             .hi = hi,
                             .until_ns = UINT64_MAX};
    if (family >= 4) memcpy(part.addr, addr, sizeof part.addr);
    part_add(m, &part);
}

/* Return the protocols that an endpoint's protocol stands for: bit i for enum role_proto i. */
static unsigned protos_of(uint8_t endpoint)
{
    switch ((enum pbc_endpoint_proto)endpoint) {
    case PBC_EP_TCP: return 1u << ROLE_TCP;
    case PBC_EP_UDP: return 1u << ROLE_UDP;
    case PBC_EP_SCTP: return 1u << ROLE_SCTP;
    case PBC_EP_PORTS: return 1u << ROLE_TCP | 1u << ROLE_UDP | 1u << ROLE_SCTP;
    case PBC_EP_IP: return 1u << ROLE_OTHER;
    default: return 1u << ROLE_QUERY;
    }
}

static void add_protocols(struct making *m, unsigned family, const uint32_t addr[4], enum role role, uint8_t endpoint,
                          uint16_t lo, uint16_t hi)
{
    const unsigned protos = protos_of(endpoint);
    if (protos & (1u << ROLE_QUERY | 1u << ROLE_OTHER)) lo = 0, hi = UINT16_MAX;
    for (unsigned i = 0; i < ROLE_PROTOS; i++)
        if (protos >> i & 1) add_port_range(m, family, addr, role, (enum role_proto)i, lo, hi);
}

static void add_services(struct making *m)
{
    static const uint32_t none[4];
    for (uint32_t i = 0; i < m->p->endpoints_count; i++) {
        const struct pbc_endpoint *e = &m->p->endpoints[i];
        const bool self = e->to == PBC_TO_SELF;
        if (e->to == PBC_TO_ADDRESS)
            add_protocols(m, e->family, e->addr, ROLE_SERVICE, e->proto, e->port_lo, e->port_hi);
        if (e->to == PBC_TO_ANY) add_protocols(m, ROLE_ANY, none, ROLE_SERVICE, e->proto, e->port_lo, e->port_hi);
        if (self) add_protocols(m, ROLE_SELF4, none, ROLE_SERVICE, e->proto, e->port_lo, e->port_hi);
        if (self) add_protocols(m, ROLE_SELF6, none, ROLE_SERVICE, e->proto, e->port_lo, e->port_hi);
    }
}

/* Add the ports of a service to those of its pool. */
static void join_service(const struct program *p, const struct pbc_service *s, struct pool_ports *of)
{
    const bool transparent = s->proxy && p->proxies[s->proxy - 1].flags & PBC_PROXY_TRANSPARENT;
    const bool own = mode_is(s->mode, MODE_OWN_SOURCE) && !transparent;
    struct some_ports *to = own ? of->own : of->kept;
    if (!mode_is(s->mode, MODE_REWRITES | MODE_OWN_SOURCE)) return;
    for (uint32_t e = s->endpoints; e < s->endpoints + s->endpoint_count; e++) {
        const unsigned protos = protos_of(p->endpoints[e].proto);
        const bool query = protos == 1u << ROLE_QUERY;
        for (unsigned i = 0; i < ROLE_PROTOS; i++)
            if (protos >> i & 1)
                ports_join(&to[i], query ? 0 : p->endpoints[e].port_lo, query ? UINT16_MAX : p->endpoints[e].port_hi);
    }
}

static void add_server(struct making *m, const struct pbc_server *s, enum role role, enum role_proto proto,
                       const struct some_ports *ports)
{
    const bool one = s->port && proto != ROLE_QUERY;
    for (unsigned i = 0; i < ports->count; i++) {
        add_port_range(m, s->family, s->addr, role, proto, one ? s->port : ports->lo[i], one ? s->port : ports->hi[i]);
        if (one) return;
    }
}

/* Add the pool's sources, at most PBC_SOURCES_MAX (verified). Return their families. */
static unsigned add_sources(struct making *m, const struct pbc_pool *pool)
{
    struct address_walk w = address_walk(m->p, pool->sources, pool->source_count, 0);
    struct address_range one;
    unsigned families = 0;
    while (address_each(&w, &one)) {
        families |= one.family == 4 ? PBC_FAMILY_4 : PBC_FAMILY_6;
        for (unsigned i = 0; i < ROLE_OTHER; i++)
            add_port_range(m, one.family, one.lo, ROLE_OUTSIDE, (enum role_proto)i, pool->source_port_lo,
                           pool->source_port_hi);
    }
    return families;
}

static bool any_ports(const struct some_ports of[ROLE_PROTOS])
{
    for (unsigned i = 0; i < ROLE_PROTOS; i++)
        if (of[i].count) return true;
    return false;
}

static void add_pool(struct making *m, const struct pbc_pool *pool, const struct pool_ports *ports)
{
    const unsigned sources = any_ports(ports->own) ? add_sources(m, pool) : 0;
    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++) {
        const struct pbc_server *s = &m->p->servers[i];
        const bool own = !(sources & (s->family == 4 ? PBC_FAMILY_4 : PBC_FAMILY_6));
        for (unsigned proto = 0; proto < ROLE_PROTOS; proto++) {
            add_server(m, s, ROLE_SERVER, (enum role_proto)proto, &ports->kept[proto]);
            if (own) add_server(m, s, ROLE_OWN_POOL, (enum role_proto)proto, &ports->own[proto]);
        }
    }
}

static void add_pools(struct making *m)
{
    const struct program *p = m->p;
    struct pool_ports *ports = calloc((size_t)p->pools_count + 1, sizeof *ports);
    m->failed |= !ports;
    for (uint32_t i = 0; ports && i < p->branches_count; i++)
        for (uint32_t s = p->branches[i].shares; s < p->branches[i].shares + branch_shares(&p->branches[i]); s++)
            join_service(p, &p->services[p->branches[i].service], &ports[p->shares[s].pool]);
    for (uint32_t i = 0; ports && i < p->pools_count; i++) add_pool(m, &p->pools[i], &ports[i]);
    free(ports);
}

/* Add the addresses that a nat forwards, and their targets. */
static void add_forward(struct making *m, const struct pbc_nat *n)
{
    const unsigned to = n->flags & PBC_NAT_TO_SELF ? (n->family == 4 ? ROLE_SELF4 : ROLE_SELF6) : n->family;
    const uint16_t lo = n->target_port ? n->target_port : n->port_lo;
    if (n->flags & PBC_NAT_TO_ANY)
        add_protocols(m, ROLE_ANY, n->to, ROLE_LED, n->proto, n->port_lo, n->port_hi);
    else
        add_protocols(m, to, n->to, ROLE_SERVICE, n->proto, n->port_lo, n->port_hi);
    add_protocols(m, n->family, n->target, ROLE_SERVER, n->proto, lo, (uint16_t)(lo + (n->port_hi - n->port_lo)));
}

/* Add the outside addresses, at most PBC_OUTSIDES_MAX in all (verified). Identifiers of queries may be any number. */
static void add_outsides(struct making *m, const struct pbc_nat *n)
{
    struct address_walk w = address_walk(m->p, n->outside, n->outside_count, n->family);
    struct address_range one;
    while (address_each(&w, &one)) {
        add_port_range(m, n->family, one.lo, ROLE_OUTSIDE, ROLE_TCP, n->port_lo, n->port_hi);
        add_port_range(m, n->family, one.lo, ROLE_OUTSIDE, ROLE_UDP, n->port_lo, n->port_hi);
        add_port_range(m, n->family, one.lo, ROLE_OUTSIDE, ROLE_QUERY, 0, UINT16_MAX);
        add_port_range(m, n->family, one.lo, ROLE_KEPT, ROLE_SCTP, 0, UINT16_MAX);
        add_port_range(m, n->family, one.lo, ROLE_KEPT, ROLE_OTHER, 0, UINT16_MAX);
    }
}

static void add_nats(struct making *m, struct roles *r)
{
    for (uint32_t i = 0; i < m->p->nats_count; i++) {
        const struct pbc_nat *n = &m->p->nats[i];
        if (n->kind == PBC_NAT_FORWARD) add_forward(m, n);
        if (n->kind == PBC_NAT_SOURCE) add_outsides(m, n);
        if (n->kind == PBC_NAT_MASQUERADE)
            r->masquerades[r->masquerades_count++] = (struct role_masquerade){n->iface, n->port_lo, n->port_hi};
    }
}

/* Keep the roles of earlier programs for a while, so that their flows keep their owners. */
static void add_before(struct making *m, const struct roles *before, uint64_t now_ns)
{
    for (uint32_t i = 0; before && i < before->parts_count; i++) {
        struct role_part part = before->parts[i];
        if (part.until_ns == UINT64_MAX) part.until_ns = time_after(now_ns, KEPT_NS);
        if (part.until_ns > now_ns) part_add(m, &part);
    }
}

static int place_order(const struct role_part *x, const struct role_part *y)
{
    return address_order(x->family, x->addr, y->family, y->addr);
}

static int by_role(const struct role_part *x, const struct role_part *y)
{
    if (x->role != y->role) return x->role < y->role ? -1 : 1;
    if (x->proto != y->proto) return x->proto < y->proto ? -1 : 1;
    return 0;
}

static int in_order(const void *a, const void *b)
{
    const struct role_part *x = a, *y = b;
    const int place = place_order(x, y), role = place ? place : by_role(x, y);
    if (role) return role;
    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Sort the parts, and join overlapping ranges; the result lasts as long as the longest. */
static void settle_parts(struct making *m)
{
    size_t kept = 0;
    qsort(m->parts, m->count, sizeof *m->parts, in_order);
    for (size_t i = 0; i < m->count; i++) {
        const struct role_part *part = &m->parts[i];
        struct role_part *last = kept ? &m->parts[kept - 1] : NULL;
        if (!last || place_order(last, part) || by_role(last, part) || part->lo > last->hi) {
            m->parts[kept++] = *part;
            continue;
        }
        if (part->hi > last->hi) last->hi = part->hi;
        if (part->until_ns > last->until_ns) last->until_ns = part->until_ns;
    }
    m->count = kept;
}

/* Enter each address where its look-up finds it. False: a look-up would need more than WHOSE_PROBES slots. */
static bool enter_addresses(struct roles *r)
{
    for (uint32_t i = 0; i < r->addresses_count; i++) {
        const struct role_part *part = &r->parts[r->addresses[i].first];
        uint32_t at = whose_slot(r->mask, part->family, whose_high(part->addr), whose_low(part->addr)), met = 1;
        for (; r->slots[at]; at = (at + 1) & r->mask)
            if (++met > WHOSE_PROBES) return false;
        r->slots[at] = i + 1;
    }
    return true;
}

static bool index_parts(struct roles *r)
{
    enum { SLOTS_MOST = 1 << 26 };
    uint32_t slots = 8;
    r->addresses = calloc((size_t)r->parts_count + 1, sizeof *r->addresses);
    if (!r->addresses) return false;
    for (uint32_t i = 0; i < r->parts_count; i++) {
        if (i == 0 || place_order(&r->parts[i - 1], &r->parts[i]) != 0)
            r->addresses[r->addresses_count++] = (struct role_address){.first = i};
        r->addresses[r->addresses_count - 1].count++;
        r->addresses[r->addresses_count - 1].roles |= r->parts[i].role;
    }
    while (slots < 2 * r->addresses_count) slots *= 2;
    for (; slots <= SLOTS_MOST; slots *= 2) {
        free(r->slots);
        r->mask = slots - 1;
        r->slots = calloc(slots, sizeof *r->slots);
        if (!r->slots) return false;
        if (enter_addresses(r)) return true;
    }
    return false;
}

/* Make the roles of the program, with those that are in m already. */
static struct roles *roles_make(struct making *m)
{
    const struct program *p = m->p;
    struct roles *r = calloc(1, sizeof *r);
    if (!r) {
        free(m->parts);
        return NULL;
    }
    r->masquerades = calloc((size_t)p->nats_count + 1, sizeof *r->masquerades);
    m->failed |= !r->masquerades;
    add_services(m);
    add_pools(m);
    if (r->masquerades) add_nats(m, r);
    if (!m->failed && m->count) settle_parts(m);
    r->parts = m->parts;
    r->parts_count = (uint32_t)m->count;
    if (!m->failed && index_parts(r)) return r;
    roles_free(r);
    return NULL;
}

struct roles *roles_new(const struct program *p, const struct roles *before, uint64_t now_ns)
{
    struct making m = {.p = p};
    add_before(&m, before, now_ns);
    return roles_make(&m);
}

/* ---- as bytes ---- */

/* Return the next part that the program itself does not give, from *at on; both lists are sorted. NULL: none. */
static const struct role_part *next_former(const struct roles *r, const struct roles *alone, uint32_t *at, uint32_t *in)
{
    for (; *at < r->parts_count; ++*at) {
        const struct role_part *part = &r->parts[*at];
        while (*in < alone->parts_count && in_order(&alone->parts[*in], part) < 0) ++*in;
        if (*in == alone->parts_count || memcmp(&alone->parts[*in], part, sizeof *part) != 0) return &r->parts[(*at)++];
    }
    return NULL;
}

void roles_write(const struct roles *r, const struct program *p, struct archive *a)
{
    struct roles *alone = roles_new(p, NULL, 0);
    uint32_t count = 0, at = 0, in = 0;
    a->bad |= !alone;
    while (alone && next_former(r, alone, &at, &in)) count++;
    ARCHIVE(a, count);
    at = in = 0;
    for (const struct role_part *part; alone && (part = next_former(r, alone, &at, &in));)
        if (!archive_part(a, (void *)(uintptr_t)part, sizeof *part)) break;
    roles_free(alone);
}

static bool part_is_sound(const struct role_part *part)
{
    const uint8_t f = part->family;
    return (f == ROLE_ANY || f == ROLE_SELF4 || f == ROLE_SELF6 || f == 4 || f == 6) && part->role &&
           part->role <= ROLE_LED && !(part->role & (part->role - 1)) && part->proto < ROLE_PROTOS && !part->reserved &&
           part->lo <= part->hi;
}

struct roles *roles_read(const struct program *p, struct archive *a)
{
    struct making m = {.p = p};
    uint32_t count = 0;
    ARCHIVE(a, count);
    archive_sound(a, count <= a->left / sizeof(struct role_part)); /* so it takes no more memory than was written */
    for (uint32_t i = 0; i < count && !a->bad && !m.failed; i++) {
        struct role_part part;
        if (ARCHIVE(a, part) && archive_sound(a, part_is_sound(&part))) part_add(&m, &part);
    }
    m.failed |= a->bad;
    return roles_make(&m);
}

void roles_free(struct roles *r)
{
    if (!r) return;
    free(r->parts);
    free(r->addresses);
    free(r->slots);
    free(r->masquerades);
    free(r);
}
