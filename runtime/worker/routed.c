/* Packets with addresses that no router forwards are left to the host; then come the TTL, the MTU, and fragments */
#include "runtime/worker/routed.h"

#include "vm/forward/service.h"
#include "vm/packet/reply/frame.h"

bool routed_wanted(const struct program *p, unsigned ports, bool forwards)
{
    bool judged = p->meta->flags & PBC_CLAMPS;
    for (uint32_t i = 0; i < p->services_count; i++) judged |= mode_is(p->services[i].mode, MODE_INLINE);
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        judged |= p->firewalls[i].direction == PBC_DIR_FORWARD ||
                  (forwards && firewall_judges(&p->firewalls[i], PBC_DIR_FORWARD));
    return judged && ports > 1;
}

bool routed_hidden(const struct program *p, unsigned ports) { return p->nats_count && ports > 1; }

/* True for a single host's address, neither loopback nor "this network" (RFC 1812, 5.3.7; RFC 6890). */
static bool is_host4(uint32_t a) { return a >> 24 != 0 && a >> 24 != 127 && a >> 24 < 224; }

/* True for a routable unicast address: not unspecified, loopback, link-local or multicast (RFC 4291, 2.5). */
static bool is_host6(const uint32_t a[4])
{
    const bool low = !(a[0] | a[1] | a[2]) && a[3] <= 1;
    return !low && a[0] >> 22 != 0xfe80u >> 6 && a[0] >> 24 != 0xff;
}

bool routed_parse(const struct facts *f, struct pkt *pkt, struct key *key)
{
    if ((pkt->link != LINK_ETHER && pkt->link != LINK_RAW) || !(pkt->flags & PKT_WRITABLE) ||
        pkt_parse(pkt, f, key) != REASON_NONE)
        return false;
    const bool crosses = key->kind & KIND_FORWARD && key->kind & KIND_IP && !(key->kind & KIND_VLAN);
    if (!crosses || (pkt->link == LINK_ETHER && pkt->data[0] & 1)) return false;
    return key->kind & KIND_IP4 ? is_host4(key->src[0]) && is_host4(key->dst[0])
                                : is_host6(key->src) && is_host6(key->dst);
}

static struct pkt *expired(const struct facts *f, const struct pkt *pkt, const struct key *key, struct pool *pool)
{
    uint32_t own[4];
    struct pkt *out;
    return build_time_exceeded(pkt, key, edge_own(f, pkt->iface, key, own), pool, &out) ? NULL : out;
}

static struct pkt *too_big(const struct facts *f, const struct pkt *pkt, const struct key *key, uint32_t told,
                           struct pool *pool)
{
    uint32_t own[4];
    struct pkt *out;
    return build_too_big(pkt, key, told, edge_own(f, pkt->iface, key, own), pool, &out) ? NULL : out;
}

struct routed routed_hop(const struct facts *f, struct pkt *pkt, uint32_t mtu, struct pool *pool, struct limit *answers,
                         uint64_t now_ns)
{
    struct key key;
    uint32_t told;
    struct routed r = {.fate = ROUTED_LEAVES, .pkts = {pkt}, .count = 1};
    pkt_parse(pkt, f, &key);
    const enum tunnel_fit fit = edge_fit(pkt, &key, mtu, &told);
    if (key.ttl <= 1)
        r.fate = ROUTED_EXPIRED;
    else if (fit == TUNNEL_TOO_BIG)
        r.fate = ROUTED_TOO_BIG;
    else if (ttl_decrement(pkt, &key) && fit == TUNNEL_IN_FRAGMENTS) {
        /* Fragment a packet that is longer than the MTU and whose sender allows that. */
        if (pkt->flags & PKT_CSUM_PARTIAL) checksum_fill(pkt, &key);
        const int count = fragment(pkt, mtu, 0, pool, r.pkts); /* only IPv4 packets are fragmented */
        r.fate = count > 0 ? ROUTED_LEAVES : ROUTED_NO_SLOT;
        r.count = count > 0 ? (unsigned)count : 0;
    }
    if (r.fate == ROUTED_LEAVES) return r;
    r.count = 0;
    if (r.fate == ROUTED_NO_SLOT || !answer_allowed(pkt, &key) || !limit_take(answers, now_ns)) return r;
    r.answer = r.fate == ROUTED_EXPIRED ? expired(f, pkt, &key, pool) : too_big(f, pkt, &key, told, pool);
    return r;
}
