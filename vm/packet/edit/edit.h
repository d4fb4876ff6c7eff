/* Editing of a packet in a slot: checked access at offsets from the frame's first byte, changes of checksums by an
 * edit; hops, full checksums, fragments, tunnels. Bytes that are not there read as 0 and are not written. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

/* A copy of the place of a packet's head. Without the copy, the compiler would read data and length again after each
 * store into bytes, because the store might change the packet itself. */
struct stretch {
    uint8_t *data;
    uint32_t len;
};
static inline struct stretch stretch_of(const struct pkt *pkt) { return (struct stretch){pkt->data, pkt->head_len}; }
/* Return the part of the head before `end`. */
static inline struct stretch stretch_upto(const struct pkt *pkt, uint32_t end)
{
    return (struct stretch){pkt->data, end < pkt->head_len ? end : pkt->head_len};
}

static inline bool stretch_has(struct stretch s, uint32_t at, uint32_t len)
{
    return __builtin_expect((uint64_t)at + len <= s.len, 1);
}
static inline uint8_t stretch_get8(struct stretch s, uint32_t at) { return stretch_has(s, at, 1) ? s.data[at] : 0; }
static inline uint16_t stretch_get16(struct stretch s, uint32_t at)
{
    return stretch_has(s, at, 2) ? wire_get16(s.data + at) : 0;
}
static inline uint32_t stretch_get32(struct stretch s, uint32_t at)
{
    return stretch_has(s, at, 4) ? wire_get32(s.data + at) : 0;
}
static inline void stretch_put16(struct stretch s, uint32_t at, uint16_t v)
{
    if (stretch_has(s, at, 2)) wire_put16(s.data + at, v);
}
static inline void stretch_put32(struct stretch s, uint32_t at, uint32_t v)
{
    if (stretch_has(s, at, 4)) wire_put32(s.data + at, v);
}
/* Write a field, and return by how much a sum over it changed (csum_delta16). The field is at an even offset from
 * the first byte of that sum. */
static inline uint64_t stretch_swap16(struct stretch s, uint32_t at, uint16_t v)
{
    if (!stretch_has(s, at, 2)) return 0;
    uint16_t from = wire_get16(s.data + at);
    wire_put16(s.data + at, v);
    return csum_delta16(from, v);
}
static inline uint64_t stretch_swap32(struct stretch s, uint32_t at, uint32_t v)
{
    if (!stretch_has(s, at, 4)) return 0;
    uint32_t from = wire_get32(s.data + at);
    wire_put32(s.data + at, v);
    return csum_delta32(from, v);
}

/* Write an IPv6 address, completely or not at all, and return the change of a sum over it. */
static inline uint64_t stretch_swap_addr6(struct stretch s, uint32_t at, const uint32_t addr[4])
{
    uint64_t delta = 0;
    if (!stretch_has(s, at, 16)) return 0;
    for (unsigned i = 0; i < 4; i += 2) {
        uint8_t *half = s.data + at + 4 * i;
        uint64_t from = wire_get64(half), to = (uint64_t)addr[i] << 32 | addr[i + 1];
        wire_put64(half, to);
        delta += (~from >> 32) + (uint32_t)~from + (to >> 32) + (uint32_t)to;
    }
    return delta;
}

/* The same functions for a packet's head. */
static inline bool edit_has(const struct pkt *pkt, uint32_t at, uint32_t len)
{
    return stretch_has(stretch_of(pkt), at, len);
}
static inline uint8_t edit_get8(const struct pkt *pkt, uint32_t at) { return stretch_get8(stretch_of(pkt), at); }
static inline uint16_t edit_get16(const struct pkt *pkt, uint32_t at) { return stretch_get16(stretch_of(pkt), at); }
static inline uint32_t edit_get32(const struct pkt *pkt, uint32_t at) { return stretch_get32(stretch_of(pkt), at); }
static inline void edit_get_addr6(const struct pkt *pkt, uint32_t at, uint32_t addr[4])
{
    for (unsigned i = 0; i < 4; i++) addr[i] = edit_get32(pkt, at + 4 * i);
}
static inline void edit_put8(struct pkt *pkt, uint32_t at, uint8_t v)
{
    if (edit_has(pkt, at, 1)) pkt->data[at] = v;
}
static inline void edit_put16(struct pkt *pkt, uint32_t at, uint16_t v) { stretch_put16(stretch_of(pkt), at, v); }
static inline void edit_put32(struct pkt *pkt, uint32_t at, uint32_t v) { stretch_put32(stretch_of(pkt), at, v); }
static inline void edit_put_addr6(struct pkt *pkt, uint32_t at, const uint32_t addr[4])
{
    for (unsigned i = 0; i < 4; i++) edit_put32(pkt, at + 4 * i, addr[i]);
}
static inline uint64_t edit_swap16(struct pkt *pkt, uint32_t at, uint16_t v)
{
    return stretch_swap16(stretch_of(pkt), at, v);
}

/* Add the bytes from `from` up to `to` to a running sum; add nothing unless all are there. */
static inline uint64_t edit_sum(const struct pkt *pkt, uint64_t sum, uint32_t from, uint32_t to)
{
    return from <= to && to <= pkt->head_len ? csum_add(sum, pkt->data + from, to - from) : sum;
}

/* Copy bytes out of the packet, or into it. False, with nothing done, unless all are there. */
static inline bool edit_read(const struct pkt *pkt, uint32_t at, uint32_t len, uint8_t *out)
{
    if (!edit_has(pkt, at, len)) return false;
    memcpy(out, pkt->data + at, len);
    return true;
}
static inline bool edit_write(struct pkt *pkt, uint32_t at, uint32_t len, const uint8_t *from)
{
    if (!edit_has(pkt, at, len)) return false;
    memcpy(pkt->data + at, from, len);
    return true;
}

/* Open `len` bytes of unset content at `at`: the bytes before it move into the headroom. Offsets that pkt_parse set
 * do not change. False, with nothing done: no room. */
bool edit_open(struct pkt *pkt, uint32_t at, uint32_t len);
/* Remove `len` bytes at `at`: the bytes before them move up. False: not all of them exist. */
bool edit_close(struct pkt *pkt, uint32_t at, uint32_t len);
/* End the frame at `end`, on the wire as in the capture. A shorter frame does not change. */
void edit_cut(struct pkt *pkt, uint32_t end);
/* Set the link layer for an IP packet of this family at pkt->l3. Ethernet gets the type, behind its tags; any other
 * link is removed, and leaves a bare IP packet (LINK_RAW, l3 0). */
void edit_link(struct pkt *pkt, uint16_t ether_type);
/* Set the MAC addresses of an Ethernet frame, 48-bit numbers. */
void edit_macs(struct pkt *pkt, uint64_t dst, uint64_t src);
/* Remove the link and its tags, which leaves a bare IP packet (LINK_RAW, offsets moved with it). */
void edit_strip(struct pkt *pkt);
/* Remove any link but Ethernet, which leaves a bare IP packet (LINK_RAW, offsets moved with it). */
void edit_bare(struct pkt *pkt);
/* Put an Ethernet header with these tags, outermost first, before a bare IP packet of this type (LINK_RAW, l3 0), with
 * its offsets moved. False: no headroom. */
struct edit_tag {
    uint16_t tpid, tci;
};
bool edit_ether(struct pkt *pkt, uint64_t dst, uint64_t src, const struct edit_tag tags[], unsigned count,
                uint16_t ether_type);

/* Decrease TTL or hop limit by one, and update IPv4's checksum (RFC 1812, 5.3.1; RFC 8200, 3). The packet is well
 * formed and in a slot. False, with nothing changed: the packet is not IP, or has no hop left (1 or 0). Without a
 * hop left, the caller notifies the sender (build_time_exceeded). */
bool ttl_decrement(struct pkt *pkt, const struct key *key);

/* Compute the checksum of TCP, UDP (0 becomes 0xffff), ICMP or ICMPv6, or the CRC, over the whole packet, and clear
 * PKT_CSUM_PARTIAL. Other protocols have no checksum that prey knows. The packet is well formed and in a slot. The old
 * value is lost, so a wrong checksum becomes right: the packet's bytes must be known to be right.
 *
 * Return 0, or a negative errno with nothing changed: -EINVAL not IP, malformed, a fragment, cut by the capture, or
 * with a routing header that holds the last destination, which the pseudo header needs; -EROFS a view. */
int checksum_fill(struct pkt *pkt, const struct key *key);
/* True if the checksum of a complete TCP packet is right, is still to be completed, or can't be checked because a
 * capture has truncated the packet. */
bool tcp_sum_is_right(const struct pkt *pkt, const struct key *key);

enum { FRAGMENTS_MOST = 8 }; /* most fragments of one packet */

/* Cut an IP packet without IPv6 extension headers, its offsets set, into fragments of at most `mtu` bytes, each in
 * its own slot behind a copy of the link header (RFC 791, 3.2; RFC 8200, 4.5). An IPv4 packet may be a fragment
 * itself, and keeps its identification; id6 is IPv6's. `out` has room for FRAGMENTS_MOST. The caller owns the packet
 * and the fragments.
 *
 * Return the number of fragments, or a negative errno with none: -EINVAL not such a packet, or DF is set; -ENODATA cut
 * by the capture; -EMSGSIZE more than FRAGMENTS_MOST; -ENOBUFS the pool is empty. */
int fragment(const struct pkt *pkt, uint32_t mtu, uint32_t id6, struct pool *pool, struct pkt *out[]);

/* Tunnels: an IP packet inside another, bare (RFC 2003, RFC 2473, RFC 4213) or behind UDP (GUE,
 * draft-ietf-intarea-gue-09): variant 0 with a header of four bytes, variant 1 without.
 *
 *   ipip  |link|outer IP|inner IP ...               protocol 4 or 41 by the inner family
 *   gue 0 |link|outer IP|UDP|GUE|inner IP ...       UDP checksum 0 (RFC 6935, RFC 6936), GUE without flags
 *   gue 1 |link|outer IP|UDP|inner IP ...           the same; the inner version shows the family
 *
 * Fields of the outer header: the traffic class of the inner one (RFC 6040, 4.1, normal mode), TTL 64, DF as in the
 * inner one; for IPv6 inside IPv4 no DF, because prey does not keep the size that a too-big message reports (RFC
 * 4213, 3.2.1). Without DF the identification is the caller's, with DF 0 (RFC 6864, 4.1). Outer IPv6 has a flow
 * label from the flow's hash (RFC 6438). */

enum tunnel_kind { TUNNEL_IPIP, TUNNEL_GUE, TUNNEL_GUE1, TUNNEL_KINDS }; /* GUE1: variant 1 */

struct tunnel {
    uint32_t src[4], dst[4]; /* addresses of the outer header, as in struct key */
    uint16_t port;           /* destination port of GUE */
    uint8_t kind;            /* enum tunnel_kind */
    bool v6;                 /* family of the outer header */
    uint32_t mtu;            /* most bytes of an outer packet on the way to the peer */
};

enum { TUNNEL_MTU_LEAST = 576 }; /* lowest MTU that is reported to the sender of an IPv4 packet */

/* Return the number of bytes that the tunnel adds. */
uint32_t tunnel_overhead(const struct tunnel *t);

enum tunnel_fit {
    TUNNEL_FITS,
    TUNNEL_TOO_BIG,      /* the caller reports `inner_mtu` to the sender, and does not encapsulate the packet */
    TUNNEL_IN_FRAGMENTS, /* the caller encapsulates the packet, and then fragments the outer packet */
};
/* Return how a packet goes into the tunnel. If it is too big, and has DF or is IPv6, its sender gets an MTU that is
 * never less than IPv6's least (1,280; RFC 2473, 7.1), nor less than 576 for IPv4. A packet within that bound, and
 * IPv4 without DF (RFC 2003, 3.1; RFC 2473, 7.2), is fragmented. */
enum tunnel_fit tunnel_fit(const struct tunnel *t, const struct pkt *pkt, const struct key *key, uint32_t *inner_mtu);

/* Encapsulate a packet in a slot that pkt_parse found well formed; bytes behind the IP packet in its frame are left
 * out. Ethernet and its tags stay in front, with the outer type; any other link is removed (edit_link). hash: the
 * flow's, for the source port (49152-65535) and the flow label. id: used without DF. Afterwards the packet's offsets
 * are the outer one's, and the key is no longer valid. The caller has checked TTL and length before.
 *
 * Return 0, or a negative errno with nothing changed: -EINVAL not IP, malformed, or its L4 checksum is still to be
 * completed; -EROFS a view; -EMSGSIZE no headroom, or longer than 65,535. */
int tunnel_encap(struct pkt *pkt, const struct key *key, const struct tunnel *t, uint32_t hash, uint16_t id);

/* Result of decapsulation. */
enum decap {
    DECAP_DONE,
    DECAP_OTHER,     /* another protocol or port */
    DECAP_READ_ONLY, /* the packet is a view */
    DECAP_FRAGMENT,  /* the outer packet is a fragment: it is reassembled elsewhere */
    DECAP_SHORT,     /* the packet ends inside the GUE or the inner header */
    DECAP_VARIANT,   /* GUE: neither variant 0 nor 1, or a control message */
    DECAP_FLAGS,     /* GUE: optional fields or private data */
    DECAP_VERSION,   /* the inner packet's version is unknown, or does not fit the protocol */
    DECAP_LENGTH,    /* the inner packet's length does not fit in the outer one's */
    DECAP_CHECKSUM,  /* GUE: the outer UDP checksum is wrong */
    DECAP_CONGESTED, /* congestion is marked, and the inner packet cannot carry the mark: dropped (RFC 6040, 4.2) */
};
/* Remove the outer headers of a packet in a slot that pkt_parse found well formed. port: of GUE; both kinds of GUE
 * take both variants. The caller checks where the packet came from. The inner ECN field is set by RFC 6040, 4.2; the
 * rest of its traffic class stays (RFC 2983, 3.1: the pipe). With DECAP_DONE the frame ends with the inner packet
 * and must be parsed again; otherwise nothing is changed. A GUE checksum counts as right if the capture cut the
 * packet. */
enum decap tunnel_decap(struct pkt *pkt, const struct key *key, enum tunnel_kind kind, uint16_t port);

/* Find the packet inside a tunnel's packet, by the same checks except the checksum. Nothing is changed. */
struct tunnel_inner {
    uint32_t at, len;
    bool v6;
};
bool tunnel_inner(const struct pkt *pkt, const struct key *key, enum tunnel_kind kind, uint16_t port,
                  struct tunnel_inner *inner);

/* The maximum segment size that a SYN announces, limited by the way's MTU. */

/* Lower the MSS option of a SYN or SYN+ACK, well formed and in a slot, to at most `most`; never raise it. An option
 * with an impossible length ends the search. A missing option is not added, because its absence means mss_default.
 * True if something changed. */
bool mss_clamp(struct pkt *pkt, const struct key *key, uint16_t most);

/* Return the MSS of a host that announces none (RFC 9293, 3.7.1). */
static inline uint16_t mss_default(bool v6) { return v6 ? 1220 : 536; }
/* Return the largest MSS whose segments fit this MTU without options: 40 less, for IPv6 60 (RFC 6691, 2). */
uint16_t mss_of_mtu(uint32_t mtu, bool v6);
