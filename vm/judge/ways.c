#include "vm/judge/ways.h"

#include "vm/judge/route_share.h"
#include "vm/judge/routes.h"

/* Return the leg's device in the facts; NULL: the table does not name it. */
static const struct facts_device *device_of(const struct facts *f, const struct route_leg *leg)
{
    return leg->device ? &f->devices[leg->device - 1] : NULL;
}

static uint16_t other_port(const struct facts *f, uint16_t iface)
{
    const struct facts_iface *one = f->bridges ? facts_iface(f, iface) : NULL;
    return one ? one->peer : IFACE_NONE;
}

static struct way_out way_unknown(enum way_why why) { return (struct way_out){.kind = ROUTE_ASK, .why = (uint8_t)why}; }

static struct way_out routed(const struct facts *f, const struct key *key, const uint32_t to[4])
{
    const struct routes *r = f->routes;
    const struct route_query q = {
        .to = to, .from = key->src, .family = key->kind & KIND_IP4 ? 4 : 6, .in = ROUTE_SOME_PORT};
    if (!r) return way_unknown(WAY_NO_ROUTES);
    const struct route_way *way = routes_find(r, &q);
    if (way->kind == ROUTE_ASK) return way_unknown(WAY_OTHER);
    if (way->kind != ROUTE_VIA) return (struct way_out){.kind = way->kind};
    const uint32_t share = way->legs > 1 ? route_share(key->src, to, key) : 0;
    const struct facts_device *d = device_of(f, routes_leg(r, way, share, ROUTE_NO_PORT));
    if (!d) return way_unknown(WAY_OTHER);
    return (struct way_out){.out = (uint16_t)(d->as + 1), .kind = ROUTE_VIA};
}

struct way_out way_find(const struct facts *f, const struct key *key, const struct pkt *pkt, const uint32_t to[4])
{
    if (pkt->flags & PKT_WAY_SAID && pkt->way) return (struct way_out){.out = pkt->way, .kind = ROUTE_VIA};
    if (!f || pkt->flags & PKT_WAY_SAID) return way_unknown(WAY_NO_ROUTES);
    const uint16_t peer = other_port(f, pkt->iface);
    if (peer != IFACE_NONE) return (struct way_out){.out = (uint16_t)(facts_known_as(f, peer) + 1), .kind = ROUTE_VIA};
    return key->kind & KIND_IP ? routed(f, key, to) : way_unknown(WAY_OTHER);
}

static uint16_t way_of(const struct facts *f, const struct key *key, const struct pkt *pkt)
{
    return key->kind & KIND_FORWARD ? way_find(f, key, pkt, key->dst).out : 0;
}

/* Return whether one of the ways leads back by the interface that the packet came by. */
static enum pkt_source leads_back(const struct facts *f, const struct route_way *way, uint16_t came)
{
    bool known = true;
    for (unsigned i = 0; i < way->legs; i++) {
        const struct facts_device *d = device_of(f, &f->routes->legs[way->first + i]);
        const bool many = d && (d->iface == IFACE_SEVERAL || (d->iface == IFACE_OTHER && came == IFACE_OTHER));
        if (!d || many) /* even if the packet came by one of these */
            known = false;
        else if (d->iface == came)
            return SOURCE_REACHED;
    }
    return known ? SOURCE_FAILED : SOURCE_UNKNOWN;
}

static enum pkt_source source_of(const struct facts *f, const struct key *key, const struct pkt *pkt)
{
    if (!(key->kind & KIND_IP) || key->kind & KIND_OUT || ways_no_route(key)) return SOURCE_REACHED;
    if (!f || !f->routes || pkt->iface == IFACE_NONE || other_port(f, pkt->iface) != IFACE_NONE) return SOURCE_UNKNOWN;
    const struct route_query q = {
        .to = key->src, .from = key->dst, .family = key->kind & KIND_IP4 ? 4 : 6, .in = ROUTE_NO_PORT};
    const struct route_way *way = routes_find(f->routes, &q);
    return way->kind == ROUTE_ASK ? SOURCE_UNKNOWN : leads_back(f, way, pkt->iface);
}

bool ways_settle(uint32_t flags, const struct facts *facts, const struct key *key, struct pkt *pkt)
{
    bool known = true;
    if (flags & PBC_ASKS_WAY) {
        if (!(pkt->flags & PKT_WAY_SAID)) pkt->way = way_of(facts, key, pkt);
        known = pkt->way || !(key->kind & KIND_FORWARD);
    }
    if (flags & PBC_ASKS_SOURCE) {
        if (!(pkt->flags & PKT_SOURCE_SAID)) pkt->source = (uint8_t)source_of(facts, key, pkt);
        known &= pkt->source != SOURCE_UNKNOWN;
    }
    return known;
}
