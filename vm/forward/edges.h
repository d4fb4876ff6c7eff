/* The edges of sending on: a packet with no hop left, and one longer than the path MTU. Errors about them are within
 * the limit of `rejects`, counted, and only sent if the packet may be answered (frame.h). The caller drops the packet,
 * as `ttl-exceeded` or `too-big`, whether or not an error leaves.
 *
 *     copy = pool_copy(…)
 *     if (routed && !ttl_decrement(copy, key)) { edge_expired(j, c); drop, ttl-exceeded }
 *     fit = edge_fit(pkt, key, edge_mtu(facts, iface), &told)  or, into a tunnel, tunnel_fit(&tunnel, pkt, key, &told)
 *     if (fit == TUNNEL_TOO_BIG) { edge_too_big(j, c, told, NULL); drop, too-big }
 *     … rewrite or encapsulate the copy …
 *     edge_send(j, copy, mtu, fit, id, &entry) */
#pragma once

#include "vm/context/context.h"
#include "vm/forward/service.h"
#include "vm/packet/edit/edit.h"

enum { EDGE_MTU = 1500 }; /* default if the facts have none */

/* Return the MTU of the interface by which a packet leaves. */
static inline uint32_t edge_mtu(const struct facts *f, uint16_t iface)
{
    const uint32_t mtu = facts_mtu(f, iface);
    return mtu ? mtu : EDGE_MTU;
}

/* Return the source MAC of a frame: the outgoing interface's if known; else the packet's destination MAC if that is
 * unicast; else the interface's, or one made from this machine's address. */
uint64_t edge_mac(const struct facts *f, uint16_t iface, const struct pkt *pkt);
/* Return the interface's MAC, or one made from the last word of an address. */
uint64_t edge_mac_for(const struct facts *f, uint16_t iface, uint32_t last_word);

/* The way back to an end whose packet was received: its interface, and its MAC there. */
struct way_back {
    uint64_t mac;   /* 0: unknown */
    uint16_t iface; /* IFACE_NONE: according to the routes */
};
/* Return the current way back: while the interface is down, that of the routes. */
static inline struct way_back edge_back(const struct facts *f, uint16_t iface, uint64_t mac)
{
    const struct facts_iface *one = facts_iface(f, iface);
    return one && one->down ? (struct way_back){0, IFACE_NONE} : (struct way_back){mac, iface};
}

/* Notify the sender of a packet with TTL 1 (or 0) that would be routed, from this machine's address (RFC 1812,
 * 4.3.2.4; RFC 4443, 3.3). */
void edge_expired(const struct job *j, const struct packet_ctx *c);

/* Notify the sender of a packet longer than the path MTU of `mtu`, from the address `from`; NULL: from the packet's
 * destination, the service (RFC 1191, 4; RFC 8201, 4). */
void edge_too_big(const struct job *j, const struct packet_ctx *c, uint32_t mtu, const uint32_t *from);

/* Send a finished packet by the entry `as`, whose pkt is ignored, in fragments of at most `mtu` bytes if `fit` asks
 * for it. The packet is in a slot, has its offsets set, and is taken over. id: of the datagram, for IPv6 in
 * fragments. Return 0; -ENOBUFS, and nothing leaves: no free entry or slot; -EMSGSIZE: more fragments than
 * FRAGMENTS_MOST; -ENODATA: the capture cut the packet, so fragments would lack bytes. */
int edge_send(const struct job *j, struct pkt *pkt, uint32_t mtu, enum tunnel_fit fit, uint32_t id,
              const struct tx_entry *as);
/* True for a packet to one address in a frame to a group of stations. Routers do not forward it (RFC 1812, 5.3.4),
 * but it may be for this machine. Bridges forward it. */
bool edge_to_stations(const struct facts *f, const struct pkt *pkt, const struct key *key);
/* True for a frame of a VLAN, by a tag with a VID or by two tags: its packet belongs to a VLAN device, or to none. */
static inline bool edge_in_vlan(const struct key *key)
{
    return key->kind & KIND_VLAN && (key->vlan_outer || key->kind & KIND_VLAN2);
}
