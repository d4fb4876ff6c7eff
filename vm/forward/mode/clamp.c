/* Clamp the MSS of forwarded SYNs (mode.h) */
#include "vm/forward/edges.h"
#include "vm/forward/mode/mode.h"
#include "vm/forward/service.h"
#include "vm/judge/ways.h"
#include "vm/packet/edit/edit.h"

/* Return the clamp of an interface by its id in rules; 0: none. */
static uint16_t mss_of(const struct program *p, uint16_t id) { return id < p->ifaces_count ? p->ifaces[id].mss : 0; }

static uint32_t lesser(uint32_t a, uint32_t b) { return !a || (b && b < a) ? b : a; }

/* Return the MTU of an interface that is served; 0: unknown. */
static uint32_t mtu_of(const struct facts *f, uint16_t iface)
{
    const struct facts_iface *one = facts_iface(f, iface);
    return one ? one->mtu : 0;
}

uint32_t clamp_arrival_mtu(const struct facts *f, const struct key *key)
{
    const uint32_t served = mtu_of(f, key->iface);
    return served ? served : ways_back_mtu(f, key);
}

void clamp_crossing(const struct program *p, const struct facts *f, struct pkt *pkt, const struct key *key,
                    const struct way_found *out)
{
    const bool v6 = key->kind & KIND_IP6;
    if (!(p->meta->flags & PBC_CLAMPS) || !(key->marks & TCP_SYN) || !(key->kind & KIND_TCP_FLAGS)) return;
    const uint16_t clamps[] = {mss_of(p, facts_known_as(f, key->iface)), mss_of(p, (uint16_t)(out->out - 1))};
    /* The MTU that both the incoming and the outgoing interface carry */
    uint32_t mtu = lesser(clamp_arrival_mtu(f, key), out->mtu);
    if (out->out) mtu = lesser(mtu, mtu_of(f, out->iface));
    if (!mtu) mtu = edge_mtu(f, IFACE_NONE);
    for (unsigned i = 0; i < 2; i++)
        if (clamps[i]) mss_clamp(pkt, key, clamps[i] == PBC_MSS_AUTO ? mss_of_mtu(mtu, v6) : clamps[i]);
}

void clamp_routed(const struct program *p, const struct facts *f, struct pkt *pkt, const struct key *key)
{
    struct way_found way = way_find(f, key, pkt, key->dst);
    way.iface = pkt->iface; /* the packet was taken as it leaves by that interface */
    if (key->kind & KIND_FORWARD) clamp_crossing(p, f, pkt, key, &way);
}

void clamp_accepted(const struct program *p, const struct facts *f, struct pkt *pkt)
{
    struct key key;
    if (!(p->meta->flags & PBC_CLAMPS) || pkt_parse(pkt, f, &key) != REASON_NONE || !(key.kind & KIND_FORWARD)) return;
    if (!(key.marks & TCP_SYN)) return;
    struct way_found way = way_find(f, &key, pkt, key.dst);
    clamp_crossing(p, f, pkt, &key, &way);
    /* The host takes one of several legs, and it may take another later, so the connection must fit all. */
    for (unsigned at = 0; way_leg(f, &key, pkt, at, &way); at++) clamp_crossing(p, f, pkt, &key, &way);
}
