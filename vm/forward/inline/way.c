/* Ways of routed connections: packets forwarded from one served interface to another, with a router's duties */
#include "vm/forward/edges.h"
#include "vm/forward/forward_priv.h"
#include "vm/forward/inline/inline.h"
#include "vm/judge/routes.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/reply/frame.h"

/* Return the leg by which routes send a packet with these ends. NULL: unknown, or, with *known, none. */
static const struct route_leg *leg_of_way(const struct facts *f, const uint32_t from[4], const uint32_t to[4],
                                          const struct key *key, bool *known)
{
    *known = false;
    if (!f || !f->routes) return NULL;
    const struct route_query q = {
        .to = to, .from = from, .key = key, .family = key->kind & KIND_IP4 ? 4 : 6, .in = ROUTE_IN_UNKNOWN};
    const struct route_way *way = routes_find(f->routes, &q);
    *known = way->kind != ROUTE_ASK;
    if (way->kind != ROUTE_VIA) return NULL;
    return routes_leg(f->routes, way, way->legs > 1 ? route_share(from, to, key) : 0, ROUTE_NO_PORT);
}

bool inline_crosses(const struct facts *f, const struct key *key)
{
    bool known;
    if (key->kind & KIND_VLAN) return false;
    const struct route_leg *leg = leg_of_way(f, key->src, key->dst, key, &known);
    return leg ? leg->port != ROUTE_NO_PORT : !known;
}

bool inline_own_address(const struct facts *f, const struct inline_conn *c, uint32_t addr[4])
{
    const struct key ends = {.kind = c->v6 ? KIND_IP6 : KIND_IP4};
    bool known;
    if (!f) return false;
    const struct route_leg *leg = leg_of_way(f, c->client, c->to, &ends, &known);
    if (!leg && known) return false;
    const struct facts_device *by = leg && leg->device && f->devices ? &f->devices[leg->device - 1] : NULL;
    return facts_address(f, by ? by->iface : IFACE_NONE, c->v6, addr);
}

bool inline_has_hop(const struct job *j, struct packet_ctx *c)
{
    if (c->key->ttl > 1) return true;
    edge_expired(j, c);
    forward_refuse(c, REASON_TTL_EXCEEDED);
    return false;
}

/* Return the most bytes of an IP packet on the way to that end. */
static uint32_t mtu_to(const struct facts *f, const struct inline_conn *c, enum inline_at to, const struct key *key)
{
    const uint16_t iface = edge_back(f, c->side[to].iface, c->side[to].mac).iface;
    const bool client = to == AT_CLIENT;
    bool known;
    if (iface != IFACE_NONE) return edge_mtu(f, iface);
    const struct route_leg *leg = leg_of_way(f, client ? c->server : c->from, client ? c->client : c->to, key, &known);
    return leg && leg->mtu ? leg->mtu : UINT32_MAX;
}

uint32_t inline_mtu(const struct job *j, const struct inline_conn *c, enum inline_at to, const struct key *key)
{
    return mtu_to(j->in->facts, c, to, key);
}

uint16_t inline_mss(const struct job *j, const struct inline_conn *c, enum inline_at to, const struct key *key)
{
    const uint32_t mtu = mtu_to(j->in->facts, c, to, key);
    return mss_of_mtu(mtu < UINT16_MAX ? mtu : UINT16_MAX, c->v6);
}

enum tunnel_fit inline_fit(const struct job *j, const struct inline_conn *c, enum inline_at to, const struct pkt *pkt,
                           const struct key *key, uint32_t *mtu)
{
    struct pkt *out = NULL;
    uint32_t told;
    *mtu = mtu_to(j->in->facts, c, to, key);
    const enum tunnel_fit fit = edge_fit(pkt, key, *mtu, &told);
    if (fit != TUNNEL_TOO_BIG) return fit;
    if (j->vm->cfg.pool && !build_too_big(pkt, key, told, NULL, j->vm->cfg.pool, &out)) inline_give(j, out);
    return fit;
}
