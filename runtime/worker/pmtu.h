/* Routers' errors about packets in prey's own tunnels: the way to a server has a smaller MTU than its interface. The
 * host stack ignores them, because the outer packets belong to none of its connections. */
#pragma once

#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"

struct pmtu_note {
    uint32_t addr[4]; /* address of the server, as in struct key */
    uint8_t family;
    uint32_t mtu; /* MTU for outer packets, in bytes: at least 576, for IPv6 1,280 */
};

/* True if, by its first bytes, an accepted or dropped packet may be such an error. pkt_parse must have seen the
 * packet. */
static inline bool pmtu_maybe(const struct pkt *pkt)
{
    return pkt->l4 && pkt->l4 < pkt->head_len && (pkt->data[pkt->l4] == 3 || pkt->data[pkt->l4] == 2);
}

/* True if the packet is an ICMP "fragmentation needed" or ICMPv6 "packet too big" (RFC 1191, RFC 8201) to the source of
 * a quoted packet, which belongs to one of the program's tunnels to a server and is longer than the new MTU. The packet
 * is parsed again. Takes time in proportion to services and servers. */
bool pmtu_told(const struct program *p, const struct facts *f, struct pkt *pkt, struct pmtu_note *note);
