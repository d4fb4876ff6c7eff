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

struct facts_device ways_routed(const struct facts *f, const struct key *key)
{
    const struct routes *r = f ? f->routes : NULL;
    const struct facts_device nowhere = {.iface = IFACE_NONE, .as = IFACE_NONE};
    if (!r || !(key->kind & KIND_IP)) return nowhere;
    const struct route_query q = {
        .to = key->dst, .from = key->src, .family = key->kind & KIND_IP4 ? 4 : 6, .in = ROUTE_SOME_PORT};
    const struct route_way *way = routes_find(r, &q);
    if (way->kind != ROUTE_VIA) return nowhere;
    const uint32_t share = way->legs > 1 ? route_share(key->src, key->dst, key) : 0;
    const struct facts_device *d = device_of(f, routes_leg(r, way, share, ROUTE_NO_PORT));
    return d ? *d : nowhere;
}

static uint16_t way_of(const struct facts *f, const struct key *key, const struct pkt *pkt)
{
    if (!f || !(key->kind & KIND_FORWARD)) return 0;
    const uint16_t peer = other_port(f, pkt->iface);
    const uint16_t way = peer != IFACE_NONE ? facts_known_as(f, peer) : ways_routed(f, key).as;
    return (uint16_t)(way + 1); /* IFACE_NONE becomes 0 */
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
