/* Translation: other addresses and ports in a packet's headers, every checksum kept as right, or as wrong, as it was.
 *
 * | protocol | besides the addresses | checksum |
 * |---|---|---|
 * | TCP | ports | incremental, pseudo header with it |
 * | UDP | ports | the same; 0 says "none" and stays 0 (RFC 768; IPv6: RFC 6935), a computed 0 becomes 0xffff |
 * | SCTP | ports | CRC32c, incremental too: nothing but the length is asked of the bytes that follow; 0 (not computed,
 * RFC 9653) stays 0 | | ICMP, ICMPv6 queries | identifier | incremental; ICMPv6 with its pseudo header, whatever the
 * type | | DCCP, UDP-Lite | nothing | pseudo header | | any other | nothing | none |
 *
 * Checksums are updated by RFC 1624, eqn. 3. A packet that the capture cut is translated like any other, since its
 * headers are whole. A first fragment is too, without the rest of the datagram, but for SCTP's ports: their CRC depends
 * on the datagram's length, which a fragment does not say. A later fragment gets its addresses only. PKT_CSUM_PARTIAL
 * stays: the sum in the field is one over the pseudo header alone, and only the addresses change it. IPv6 packets on a
 * routing header's way keep the destination of their pseudo header, which stands in that header (RFC 8200, 8.1). */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

enum translate_what {
    TRANSLATE_SRC = 1 << 0, /* address */
    TRANSLATE_DST = 1 << 1,
    TRANSLATE_SRC_PORT = 1 << 2,
    TRANSLATE_DST_PORT = 1 << 3,
    TRANSLATE_SEQ = 1 << 4, /* TCP's sequence number */
};
/* What the packet is to say. The port of an ICMP query is its identifier, and belongs to the side that asks: the source
 * port of a request, the destination port of a reply (RFC 5508, 3). */
struct translation {
    uint32_t src[4], dst[4]; /* as in struct key, of the packet's family */
    uint16_t src_port, dst_port;
    uint8_t what; /* enum translate_what: the rest stays as it is */
    uint32_t seq; /* by how much the sequence number moves */
};

/* Translate a packet in a slot that pkt_parse found well formed. The key is of the packet as it was parsed, and stays.
 * 0, or nothing is changed: -EINVAL not IP, -EROFS a view, -EOPNOTSUPP ports of an SCTP fragment. */
int translate(struct pkt *pkt, const struct key *key, const struct translation *to);
