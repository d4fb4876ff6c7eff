/* The edges of sending on: a packet with no hop left, one that is longer than the way bears. What answers it here is
 * within the limit of `rejects`, counted, and never sent to what may not be answered (frame.h). The caller drops the
 * packet, as `ttl-exceeded` or `too-big`, whether an answer may leave or not.
 *
 *     copy = pool_copy(…)
 *     if (routed && !ttl_decrement(copy, key)) { edge_expired(j, c); drop, ttl-exceeded }
 *     fit = edge_fit(pkt, key, edge_mtu(facts, iface), &told)      or, into a tunnel, tunnel_fit(&tunnel, pkt, key,
 * &told) if (fit == TUNNEL_TOO_BIG) { edge_too_big(j, c, told, NULL); drop, too-big } … rewrite or encapsulate the copy
 * … edge_send(j, copy, mtu, fit, id, &entry) */
#pragma once

#include "vm/context/context.h"
#include "vm/forward/service.h"
#include "vm/packet/edit/edit.h"

enum { EDGE_MTU = 1500 }; /* where facts know none */

/* MTU of the interface that a packet leaves by. */
static inline uint32_t edge_mtu(const struct facts *f, uint16_t iface)
{
    const uint32_t mtu = facts_mtu(f, iface);
    return mtu ? mtu : EDGE_MTU;
}

/* The MAC address that a frame leaves with: that of the interface that it leaves by, where it is known, or the one that
 * the packet was sent to, or, where that is no single station's, the interface's, or one made from this machine's
 * address. */
uint64_t edge_mac(const struct facts *f, uint16_t iface, const struct pkt *pkt);
/* The interface's, or one made from the last word of an address. */
uint64_t edge_mac_for(const struct facts *f, uint16_t iface, uint32_t last_word);

/* The packet, as it came, has TTL 1 (or 0) and would be routed: its sender is told so, from this
 * machine's address (RFC 1812, 4.3.2.4; RFC 4443, 3.3). */
void edge_expired(const struct job *j, const struct packet_ctx *c);

/* It is longer than the way bears: its sender is told of `mtu`, from the address `from` or, NULL, the one that was
 * asked: the service's (RFC 1191, 4; RFC 8201, 4). */
void edge_too_big(const struct job *j, const struct packet_ctx *c, uint32_t mtu, const uint32_t *from);

/* Let a finished packet leave as `as` says, but for its pkt: in pieces of at most `mtu` bytes where `fit` says so. It
 * is in a slot, has its offsets set, and is taken over. id: of the datagram where it is IPv6 that is cut. 0, or
 * -ENOBUFS and nothing leaves: no free entry or slot; -EMSGSIZE: more pieces than FRAGMENTS_MOST; -ENODATA: the capture
 * cut the packet, and pieces of it would lack bytes. */
int edge_send(const struct job *j, struct pkt *pkt, uint32_t mtu, enum tunnel_fit fit, uint32_t id,
              const struct tx_entry *as);
