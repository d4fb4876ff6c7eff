/* Tunnels: an IP packet inside another, bare (RFC 2003, RFC 2473, RFC 4213) or behind UDP (GUE,
 * draft-ietf-intarea-gue-09): variant 0 with a header of four bytes, variant 1 without.
 *
 *   ipip  |link|outer IP|inner IP ...           protocol 4 or 41 by the inner family
 *   gue 0 |link|outer IP|UDP|GUE|inner IP ...    UDP checksum 0 (RFC 6935, RFC 6936), GUE with no flags and that
 * protocol
 *   gue 1 |link|outer IP|UDP|inner IP ...        the same; the inner version says which it is
 *
 * What the outer header says: the traffic class of the inner one (RFC 6040, 4.1, normal mode), TTL 64, DF as the inner
 * one has it; IPv6 inside IPv4: no DF, since nobody keeps what a too-big from the way would say (RFC 4213, 3.2.1).
 * Without DF the identification is the caller's, with it 0 (RFC 6864, 4.1). Outer IPv6: a flow label from the flow's
 * hash (RFC 6438). */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

enum tunnel_kind { TUNNEL_IPIP, TUNNEL_GUE, TUNNEL_GUE1, TUNNEL_KINDS }; /* GUE1: variant 1 */

struct tunnel {
    uint32_t src[4], dst[4]; /* of the outer header, as in struct key */
    uint16_t port;           /* GUE: the destination port */
    uint8_t kind;            /* enum tunnel_kind */
    bool v6;                 /* of the outer header */
    uint32_t mtu;            /* of the way to the other end: bytes of an outer packet */
};

enum { TUNNEL_MTU_LEAST = 576 }; /* under it nothing is sent */

/* Bytes that the tunnel adds. */
uint32_t tunnel_overhead(const struct tunnel *t);

enum tunnel_fit {
    TUNNEL_FITS,
    TUNNEL_TOO_BIG,   /* the sender is told `inner_mtu`; nothing is encapsulated */
    TUNNEL_IN_PIECES, /* encapsulated, the outer packet is then cut (fragment.h) */
};
/* May a packet go into the tunnel? Too big with DF, or of IPv6: its sender is told, but never of less than IPv6's least
 * MTU (1,280; RFC 2473, 7.1) or 576 for IPv4; what is small enough for that, and IPv4 without DF (RFC 2003, 3.1; RFC
 * 2473, 7.2), goes in pieces. */
enum tunnel_fit tunnel_fit(const struct tunnel *t, const struct pkt *pkt, const struct key *key, uint32_t *inner_mtu);

/* Encapsulate a packet in a slot that pkt_parse found well formed; what follows the IP packet in its frame is left out.
 * Ethernet and its tags stay in front, with the outer type; any other link is taken off (edit_link). hash: of the flow,
 * for the source port (49152-65535) and the flow label. id: used without DF. The packet's own offsets are then the
 * outer one's; the key is no more. TTL, and whether it fits, are the caller's to see to before.
 *
 * 0, or nothing is changed: -EINVAL not IP, malformed, or its L4 checksum is still to be completed; -EROFS a view;
 * -EMSGSIZE no headroom, or longer than 65,535. */
int tunnel_encap(struct pkt *pkt, const struct key *key, const struct tunnel *t, uint32_t hash, uint16_t id);

/* Why a packet is not decapsulated. */
enum decap {
    DECAP_DONE,
    DECAP_OTHER,     /* not that kind of packet: protocol or port */
    DECAP_READ_ONLY, /* a view */
    DECAP_FRAGMENT,  /* the outer packet is one: it is put together elsewhere */
    DECAP_SHORT,     /* ends inside the GUE or the inner header */
    DECAP_VARIANT,   /* GUE: neither variant 0 nor 1, or a control message */
    DECAP_FLAGS,     /* GUE: optional fields or private data */
    DECAP_VERSION,   /* the inner packet is not of the version that the protocol says, or of none */
    DECAP_LENGTH,    /* the inner packet's length does not fit in the outer one's */
    DECAP_CHECKSUM,  /* GUE: the outer UDP checksum is there and wrong */
    DECAP_CONGESTED, /* marked on the way, and the inner packet cannot say so: dropped (RFC 6040, 4.2) */
};
/* Take the outer headers off a packet in a slot that pkt_parse found well formed. port: of GUE, either of whose kinds
 * takes both variants. Where the packet came
 * from is the caller's to check. The inner ECN field becomes what RFC 6040, 4.2 says; the rest of its traffic class
 * stays (RFC 2983, 3.1: the pipe). Unless DECAP_DONE nothing is changed; with it the frame ends with the inner packet
 * and is to be parsed again. A GUE checksum is taken for right where the capture cut the packet. */
enum decap tunnel_decap(struct pkt *pkt, const struct key *key, enum tunnel_kind kind, uint16_t port);

/* The packet inside a tunnel's, by the same checks but the sum's; nothing is changed. */
struct tunnel_inner {
    uint32_t at, len;
    bool v6;
};
bool tunnel_inside(const struct pkt *pkt, const struct key *key, enum tunnel_kind kind, uint16_t port,
                   struct tunnel_inner *inner);
