/* Translation: other addresses and ports in a packet's headers. A right checksum stays right, and a wrong one stays
 * wrong.
 *
 * | protocol | besides the addresses | checksum |
 * | TCP | ports | incremental, with the pseudo header |
 * | UDP | ports | the same; 0 means none and stays (RFC 768; IPv6: RFC 6935), a computed 0 becomes 0xffff |
 * | SCTP | ports | CRC32c, incremental: needs only the packet's length; 0 (not computed, RFC 9653) stays |
 * | ICMP, ICMPv6 queries | identifier | incremental; for every type of ICMPv6 with the pseudo header |
 * | DCCP, UDP-Lite | nothing | pseudo header |
 * | any other | nothing | none |
 *
 * Checksums are updated by RFC 1624, eqn. 3. A packet that the capture cut is translated like any other, since its
 * headers are complete. So is a first fragment, except for SCTP's ports: their CRC depends on the length of the
 * datagram, which a fragment does not contain. Only the addresses of a later fragment change. PKT_CSUM_PARTIAL
 * stays: the sum covers the pseudo header only, and only addresses change it. IPv6 packets that a routing header
 * directs keep their pseudo header's destination, which is in that header (RFC 8200, 8.1). */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

enum translate_what {
    TRANSLATE_SRC = 1 << 0, /* source address */
    TRANSLATE_DST = 1 << 1,
    TRANSLATE_SRC_PORT = 1 << 2,
    TRANSLATE_DST_PORT = 1 << 3,
    TRANSLATE_SEQ = 1 << 4, /* sequence number of TCP */
};
/* The new values. The port of an ICMP query is its identifier, and belongs to the asking side: the source port of a
 * request, the destination port of a reply (RFC 5508, 3). */
struct translation {
    uint32_t src[4], dst[4]; /* as in struct key, of the packet's family */
    uint16_t src_port, dst_port;
    uint8_t what; /* enum translate_what; the rest does not change */
    uint32_t seq; /* added to the sequence number */
};

/* Translate a packet in a slot that pkt_parse found well formed. The key describes it as it was parsed, and does not
 * change. Return 0, or with nothing changed -EINVAL not IP, -EROFS a view, -EOPNOTSUPP ports of an SCTP fragment. */
int translate(struct pkt *pkt, const struct key *key, const struct translation *to);

/* ICMP and ICMPv6 errors about translated packets: the quoted packet must read as its sender sent it, and the error
 * must have addresses that its receiver knows (RFC 5508, 4; RFC 7915, 4.4). */

/* Rewrite an error in a slot that pkt_parse found well formed. `outer`: its own new addresses (ports are not used);
 * `inner`: those of the quoted packet. All existing fields of the quote are rewritten: addresses, ports or query
 * identifier, and checksums, incrementally, so that a wrong or cut one stays wrong. An SCTP checksum follows if the
 * quote shows its packet's length. The error's own checksum follows every changed byte.
 *
 * Return 0, or a negative errno with nothing changed: -EINVAL not an ICMP error, or a quote without a complete IP
 * header of its family; -EROFS a view. */
int quoted_translate(struct pkt *pkt, const struct key *key, const struct translation *outer,
                     const struct translation *inner);
