/* What routers say of packets that went into our own tunnels: the way to a server bears less than its interface does.
 * Nobody else listens: the outer packets are of no connection of the host's. */
#pragma once

#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"

struct pmtu_note {
    uint32_t addr[4]; /* of the server, as in struct key */
    uint8_t family;
    uint32_t mtu; /* bytes of an outer packet, at least 576, of IPv6 1,280 */
};

/* Might an accepted or dropped packet be such an error? By its first bytes: pkt_parse has seen it. */
static inline bool pmtu_maybe(const struct pkt *pkt)
{
    return pkt->l4 && pkt->l4 < pkt->head_len && (pkt->data[pkt->l4] == 3 || pkt->data[pkt->l4] == 2);
}

/* Is the packet an ICMP "fragmentation needed" or an ICMPv6 "packet too big" (RFC 1191, RFC 8201) to the source of a
 * packet that it quotes, which is one of a tunnel of the program's to a server, and longer than what is told? The
 * packet is parsed again. Work in proportion to services and servers. */
bool pmtu_told(const struct program *p, const struct facts *f, struct pkt *pkt, struct pmtu_note *note);
