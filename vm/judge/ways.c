/* Look-ups in the route table by destination and by source; a choice among several legs is made once per packet */
#include "vm/judge/ways.h"

#include "vm/judge/decide.h"
#include "vm/judge/legs.h"
#include "vm/judge/route_share.h"
#include "vm/judge/routes.h"

/* Return the leg's device in the facts; NULL: the table does not name it. */
static const struct facts_device *leg_device(const struct facts *f, const struct route_leg *leg)
{
    return leg->device ? &f->devices[leg->device - 1] : NULL;
}

static uint16_t other_port(const struct facts *f, uint16_t iface)
{
    const struct facts_iface *one = f->bridges ? facts_iface(f, iface) : NULL;
    return one ? one->peer : IFACE_NONE;
}

static struct way_found way_unknown(enum way_why why)
{
    return (struct way_found){.kind = ROUTE_ASK, .why = (uint8_t)why};
}

static uint32_t lesser(uint32_t a, uint32_t b) { return !a || (b && b < a) ? b : a; }

/* Return the largest IP packet that leaves by the leg with that device; 0: unknown. */
static uint32_t mtu_of(const struct route_leg *leg, const struct facts_device *d) { return lesser(leg->mtu, d->mtu); }

/* Return the way out by an interface. as: its id in rules; iface: id of its frames. */
static struct way_found out_by(uint16_t as, uint16_t iface)
{
    return (struct way_found){.out = (uint16_t)(as + 1), .kind = ROUTE_VIA, .iface = iface};
}

/* True if this machine's stack forwards packets: then it chooses among legs, and marks may be set. */
static bool host_routes(const struct facts *f, const struct key *key)
{
    return key->kind & KIND_IP4 ? f->host_routes4 : f->host_routes6;
}

/* True if all legs are one interface to the rules. */
static bool one_way(const struct facts *f, const struct route_way *way)
{
    const struct facts_device *first = leg_device(f, &f->routes->legs[way->first]);
    for (unsigned i = 1; first && i < way->legs; i++) {
        const struct facts_device *d = leg_device(f, &f->routes->legs[way->first + i]);
        if (!d || d->as != first->as) return false;
    }
    return first;
}

/* Return the way by one of a route's legs. hosts: this machine's stack sends the packet on. */
static struct way_found by_legs(const struct facts *f, const struct key *key, const uint32_t to[4],
                                const struct route_way *way, bool hosts)
{
    if (way->legs > 1 && hosts && !one_way(f, way)) return way_unknown(WAY_SEVERAL);
    const uint32_t share = way->legs > 1 ? route_share(key->src, to, key) : 0;
    const struct route_leg *leg = routes_leg(f->routes, way, share, ROUTE_NO_PORT);
    const struct facts_device *d = leg_device(f, leg);
    if (!d) return way_unknown(WAY_OTHER);
    struct way_found found = out_by(d->as, d->iface);
    found.mtu = mtu_of(leg, d);
    return found;
}

/* A look-up of a way. hosts: this machine's stack sends the packet on; rules: the way is for rules, to which next
 * hops don't matter; by: the table's way, once a table is asked. */
struct asking {
    bool hosts, rules;
    const struct route_way *by;
};

/* Return the table's way to that destination. */
static const struct route_way *routes_to(const struct facts *f, const struct key *key, const struct pkt *pkt,
                                         const uint32_t to[4], const struct asking *a)
{
    const struct route_query q = {.to = to,
                                  .from = key->src,
                                  .key = key,
                                  .devices = f->devices,
                                  .in = pkt->iface,
                                  .family = key->kind & KIND_IP4 ? 4 : 6,
                                  .marked = a->hosts,
                                  .iface = a->rules};
    return routes_find(f->routes, &q);
}

static struct way_found routed(const struct facts *f, const struct key *key, const struct pkt *pkt,
                               const uint32_t to[4], struct asking *a)
{
    if (!f->routes || !(key->kind & KIND_IP)) return way_unknown(WAY_NO_ROUTES);
    const struct route_way *way = a->by = routes_to(f, key, pkt, to, a);
    return way->kind == ROUTE_VIA ? by_legs(f, key, to, way, a->hosts)
                                  : (struct way_found){.kind = way->kind, .why = way->why};
}

static struct way_found way_searched(const struct facts *f, const struct key *key, const struct pkt *pkt,
                                     const uint32_t to[4], struct asking *a)
{
    if (key->kind & KIND_OUT) return key->iface == IFACE_NONE ? way_unknown(WAY_OTHER) : out_by(key->iface, key->iface);
    if (pkt->flags & PKT_WAY_SAID)
        return pkt->way ? out_by((uint16_t)(pkt->way - 1), (uint16_t)(pkt->way - 1)) : way_unknown(WAY_OTHER);
    if (!f) return way_unknown(WAY_NO_ROUTES);
    const uint16_t peer = other_port(f, pkt->iface);
    return peer != IFACE_NONE ? out_by(facts_known_as(f, peer), peer) : routed(f, key, pkt, to, a);
}

bool way_leg(const struct facts *f, const struct key *key, const struct pkt *pkt, unsigned at, struct way_found *leg)
{
    const struct asking a = {.hosts = true};
    if (!f || !f->routes || !(key->kind & KIND_IP) || !host_routes(f, key)) return false;
    const struct route_way *way = routes_to(f, key, pkt, key->dst, &a);
    if (way->kind != ROUTE_VIA || way->legs < 2 || at >= way->legs) return false;
    const struct route_leg *by = &f->routes->legs[way->first + at];
    const struct facts_device *d = leg_device(f, by);
    *leg = d ? out_by(d->as, d->iface) : way_unknown(WAY_OTHER);
    leg->mtu = d ? mtu_of(by, d) : 0;
    return true;
}

struct way_found way_find(const struct facts *f, const struct key *key, const struct pkt *pkt, const uint32_t to[4])
{
    struct asking a = {.hosts = f && host_routes(f, key)};
    return way_searched(f, key, pkt, to, &a);
}

struct way_found way_find_past(const struct facts *f, const struct key *key, const struct pkt *pkt,
                               const uint32_t to[4])
{
    struct asking a = {.hosts = false};
    return way_searched(f, key, pkt, to, &a);
}

enum way_why way_doubt(const struct facts *f, const struct key *key, const struct pkt *pkt, const uint32_t to[4])
{
    struct asking a = {.hosts = true};
    if (!f || !f->any_leg || !(key->kind & KIND_FORWARD)) return WAY_KNOWN;
    const struct way_found way = way_searched(f, key, pkt, to, &a);
    return way.kind == ROUTE_ASK && (way.why == WAY_SEVERAL || way.why == WAY_MARK) ? (enum way_why)way.why : WAY_KNOWN;
}

/* Return whether one of the ways leads back by the interface that the packet came by. came: the id of its frames or,
 * if it is not served, its id in rules. */
static enum pkt_source leads_back(const struct facts *f, const struct route_way *way, uint16_t came)
{
    bool known = true;
    for (unsigned i = 0; i < way->legs; i++) {
        const struct facts_device *d = leg_device(f, &f->routes->legs[way->first + i]);
        const enum pkt_source back = d ? leg_leads_back(d->iface, d->as, came) : SOURCE_UNKNOWN;
        if (back == SOURCE_REACHED) return back;
        known &= back == SOURCE_FAILED; /* otherwise it may be this leg */
    }
    return known ? SOURCE_FAILED : SOURCE_UNKNOWN;
}

/* Return the table's way to the source of an IP packet, without its policy rules. */
static const struct route_way *routes_back(const struct facts *f, const struct key *key)
{
    const struct route_query q = {
        .to = key->src,
        .from = key->dst,
        .key = key,
        .devices = f->devices,
        .in = ROUTE_IN_NONE,
        .family = key->kind & KIND_IP4 ? 4 : 6,
        .returns = true,
        .iface = true,
    };
    return routes_find(f->routes, &q);
}

uint32_t ways_back_mtu(const struct facts *f, const struct key *key)
{
    uint32_t least = 0;
    if (!f || !f->routes || !(key->kind & KIND_IP) || ways_no_route(key)) return 0;
    const struct route_way *way = routes_back(f, key);
    for (unsigned i = 0; way->kind == ROUTE_VIA && i < way->legs; i++) {
        const struct route_leg *leg = &f->routes->legs[way->first + i];
        const struct facts_device *d = leg_device(f, leg);
        if (d) least = lesser(least, mtu_of(leg, d));
    }
    return least;
}

void ways_least_mtus(const struct facts *f, uint32_t least[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) least[i] = facts_mtu(f, (uint16_t)i);
    for (uint32_t i = 0; f && f->routes && i < f->routes->size.legs; i++) {
        const struct route_leg *leg = &f->routes->legs[i];
        const struct facts_device *d = leg_device(f, leg);
        if (d && d->iface < count) least[d->iface] = lesser(least[d->iface], leg->mtu);
    }
}

static enum pkt_source source_by(const struct facts *f, const struct key *key, uint16_t came)
{
    const struct route_way *way = routes_back(f, key);
    return way->kind == ROUTE_ASK ? SOURCE_UNKNOWN : leads_back(f, way, came);
}

static enum pkt_source source_seen(const struct facts *f, const struct key *key, const struct pkt *pkt)
{
    if (!(key->kind & KIND_IP) || key->kind & KIND_OUT || ways_no_route(key)) return SOURCE_REACHED;
    if (!f || !f->routes || pkt->iface == IFACE_NONE || other_port(f, pkt->iface) != IFACE_NONE) return SOURCE_UNKNOWN;
    return source_by(f, key, pkt->iface);
}

enum pkt_source ways_source(const struct facts *f, const struct key *key, uint16_t came)
{
    if (!(key->kind & KIND_IP) || ways_no_route(key)) return SOURCE_REACHED;
    return !f || !f->routes || came == IFACE_NONE ? SOURCE_UNKNOWN : source_by(f, key, came);
}

enum pkt_source ways_reply(const struct facts *f, const struct key *key, const struct pkt *pkt)
{
    if (!f || !f->routes || key->kind & KIND_OUT || !(key->kind & KIND_IP) || ways_no_route(key)) return SOURCE_REACHED;
    if (pkt->iface == IFACE_NONE || other_port(f, pkt->iface) != IFACE_NONE) return SOURCE_UNKNOWN;
    const struct route_query q = {
        .to = key->src,
        .from = key->dst,
        .key = key,
        .devices = f->devices,
        .in = ROUTE_IN_UNKNOWN,
        .family = key->kind & KIND_IP4 ? 4 : 6,
        .returns = true,
        .marked = true,
        .iface = true,
    };
    const struct route_way *way = routes_find(f->routes, &q);
    return way->kind == ROUTE_ASK ? SOURCE_UNKNOWN : leads_back(f, way, pkt->iface);
}

/* Choose the leg for the rules (ways_settle). A separate function, because few routes have several legs. */
static __attribute__((noinline)) void settle_leg(const struct program *p, const struct facts *f, const struct key *key,
                                                 struct pkt *pkt, const struct route_way *way)
{
    struct legs_tried tried = {0};
    uint16_t last = 0;
    for (unsigned i = 0; i < way->legs; i++) {
        const struct facts_device *d = leg_device(f, &f->routes->legs[way->first + i]);
        pkt->way = d ? (uint16_t)(d->as + 1) : 0;
        if (i && pkt->way == last) continue;
        const struct decision by = program_decide(p, key, pkt);
        legs_take(&tried, pkt->way, decided_lets_in(decided_as(by.rule, (enum action)by.action, by.firewall)));
        last = pkt->way;
    }
    pkt->way = tried.out;
    pkt->way_why = (uint8_t)legs_why(&tried);
}

static void settle_way(const struct program *p, const struct facts *f, const struct key *key, struct pkt *pkt)
{
    struct asking a = {.hosts = f && host_routes(f, key), .rules = true};
    const struct way_found way =
        key->kind & KIND_FORWARD ? way_searched(f, key, pkt, key->dst, &a) : (struct way_found){0};
    pkt->way = way.out;
    pkt->way_why = way.why;
    if (a.by && a.by->legs > 1 && (way.why == WAY_SEVERAL || (f->any_leg && !one_way(f, a.by))))
        settle_leg(p, f, key, pkt, a.by);
}

bool ways_settle(const struct program *p, const struct facts *facts, const struct key *key, struct pkt *pkt)
{
    const uint32_t flags = p->meta->flags;
    bool known = true;
    if (flags & PBC_ASKS_SOURCE) {
        if (!(pkt->flags & PKT_SOURCE_SAID)) pkt->source = (uint8_t)source_seen(facts, key, pkt);
        known = pkt->source != SOURCE_UNKNOWN;
    }
    if (flags & PBC_ASKS_WAY) { /* after the source, because rules may ask for it, too */
        pkt->way_why = WAY_KNOWN;
        if (!(pkt->flags & PKT_WAY_SAID)) settle_way(p, facts, key, pkt);
        known &= !(key->kind & KIND_FORWARD) || (pkt->way && pkt->way_why == WAY_KNOWN);
    }
    return known;
}
