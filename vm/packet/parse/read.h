/* Parts of a packet that the key lacks: bytes, own addresses, TCP's numbers and options, bodies of ARP, neighbour
 * discovery, ICMP and SCTP, and quotes of errors. */
#pragma once

#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/loop.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

/* A packet's bytes at an offset from the frame's first, in the head or in segments: checked access for all but the
 * parser. Nothing here reads outside the captured bytes. */

/* Copy up to `len` bytes from `at` on. Return their number. */
uint32_t bytes_copy(const struct pkt *pkt, uint32_t at, uint32_t len, uint8_t *out);

/* Return `len` contiguous bytes: in place if the head holds them, otherwise copied into scratch (`len` long). NULL: not
 * all were captured. */
static inline const uint8_t *bytes_at(const struct pkt *pkt, uint32_t at, uint32_t len, uint8_t *scratch)
{
    if ((uint64_t)at + len <= pkt->head_len) return PKT_BYTES(pkt) + WITHIN(at);
    return bytes_copy(pkt, at, len, scratch) == len ? scratch : NULL;
}

/* Do the same in an Ethernet frame as it was on the wire, with the tags that were taken off. */
const uint8_t *bytes_at_l2(const struct pkt *pkt, uint32_t at, uint32_t len, uint8_t *scratch);
/* Return the number of captured bytes of the frame as it was on the wire. */
uint32_t bytes_l2_len(const struct pkt *pkt);

/* Return one number; 0: it was not captured. */
uint8_t bytes_get8(const struct pkt *pkt, uint32_t at);
uint16_t bytes_get16(const struct pkt *pkt, uint32_t at);
uint32_t bytes_get32(const struct pkt *pkt, uint32_t at);

/* True if the bytes equal value wherever mask has ones. */
static inline bool bytes_match(const uint8_t *bytes, const uint8_t *value, const uint8_t *mask, unsigned len)
{
    uint64_t differ = 0;
    unsigned i = 0;
    for (; i + 8 <= len; i += 8) differ |= (wire_raw64(bytes + i) & wire_raw64(mask + i)) ^ wire_raw64(value + i);
    for (; i < len; i++) differ |= (uint64_t)((bytes[i] & mask[i]) ^ value[i]);
    return differ == 0;
}

/* Tests of a frame's first bytes before it is parsed. They are inline, because a replay applies them to most frames. */

/* True if a fragment header may follow: for any extension header or unknown protocol. */
static inline bool glance_ip6(uint8_t next)
{
    return next != IPPROTO_NR_TCP && next != IPPROTO_NR_UDP && next != IPPROTO_NR_ICMP6;
}

/* False only if the frame is certainly not a fragment. True without further test for VLANs, cooked links and IPv6
 * extension headers. */
static inline bool glance_fragment(const uint8_t *bytes, uint32_t cap_len, enum pkt_link link)
{
    enum { IP_HEAD = 8 /* bytes of the IP header that are read */ };
    if (link != LINK_ETHER || cap_len < ETHER_LEN + IP_HEAD) return true;
    const uint8_t *ip = bytes + ETHER_LEN;
    switch (wire_get16(bytes + ETHER_LEN - 2)) {
    case ETHER_IP4: return wire_get16(ip + IP4_FRAG) & (IP4_MF | IP4_OFFSET);
    case ETHER_IP6: return glance_ip6(ip[IP6_NEXT]);
    case ETHER_ARP: return false;
    default: return true;
    }
}

/* Sides of a packet: the SELF bits of its addresses, and the direction that follows from them (pkt.h, pkt_parse). */

static inline bool facts_have_self(const struct facts *f) { return f && (f->self4_count | f->self6_count) != 0; }

/* True for multicast, broadcast, and 0.0.0.0, which a host takes for broadcast. */
static inline bool sides_group4(uint32_t dst) { return dst >> 28 == 0xe || dst + 1 <= 1; }

/* Return the bits in `self` with the packet's direction. group: the packet is to multicast or broadcast. */
static inline uint32_t sides_direction(uint32_t self, bool group)
{
    if (self & KIND_SRC_SELF) return self | KIND_OUT;
    return self | ((self & KIND_DST_SELF) || group ? KIND_IN : KIND_FORWARD);
}

/* Return KIND_SRC_SELF, KIND_DST_SELF and one of KIND_IN, KIND_OUT, KIND_FORWARD for a packet with these addresses.
 * Own addresses must exist (facts_have_self). */
uint32_t sides_of4(const struct facts *f, uint32_t src, uint32_t dst);
uint32_t sides_of6(const struct facts *f, const uint32_t src[4], const uint32_t dst[4]);

static inline uint32_t sides4(const struct facts *f, uint32_t src, uint32_t dst)
{
    return __builtin_expect(facts_have_self(f), 0) ? sides_of4(f, src, dst) : KIND_IN;
}

static inline uint32_t sides6(const struct facts *f, const uint32_t src[4], const uint32_t dst[4])
{
    return __builtin_expect(facts_have_self(f), 0) ? sides_of6(f, src, dst) : KIND_IN;
}

static inline uint32_t sides_of(const struct facts *f, uint8_t family, const uint32_t src[4], const uint32_t dst[4])
{
    return family == 4 ? sides_of4(f, src[0], dst[0]) : sides_of6(f, src, dst);
}

/* A TCP header's numbers and the options of a SYN, for following connections. */

struct tcp_header {
    uint32_t seq, ack; /* as in the header, whatever the flags */
    uint16_t window;
    uint32_t payload_len; /* payload bytes of this packet by the IP length, captured or not */
};

/* Read the header of a packet in which pkt_parse found TCP without a fault, and which is not a later fragment. All
 * fields are 0 if bytes are missing, as in a view that was cut since. */
void tcp_header_read(const struct pkt *pkt, const struct key *key, struct tcp_header *out);

struct tcp_syn_options {
    bool has_scale;
    uint8_t scale; /* RFC 7323, 2.2: the shift as in the option */
    uint16_t mss;  /* RFC 9293, 3.7.1; 0: absent */
    bool sack;     /* SACK permitted (RFC 2018, 2) */
    bool has_stamps;
    uint32_t stamp, echo; /* RFC 7323, 3.2: TSval, TSecr; also read if the segment is not a SYN */
};

/* Read the options, up to the first that does not fit or is shorter than its own header. If two options are of one
 * kind, the later one counts. An option with a wrong length for its kind does not count. */
void tcp_syn_options_read(const struct pkt *pkt, struct tcp_syn_options *found);

/* Bodies of ARP and neighbour discovery, for replies and descriptions; fields of ICMP and SCTP for flows. */

/* ARP between Ethernet and IPv4 addresses. */
struct arp_body {
    uint16_t op;
    uint64_t sender_mac, target_mac;
    uint32_t sender_ip, target_ip;
};

/* Read an ARP body. False for any other ARP. The packet is well formed (pkt_parse). */
bool arp_read(const struct pkt *pkt, const struct key *key, struct arp_body *out);

/* Read the target of a neighbour solicitation. False unless the solicitation is valid by RFC 4861, 7.1.1, with its
 * ICMPv6 checksum. */
bool solicit_read(const struct pkt *pkt, const struct key *key, uint32_t target[4]);

/* Read the target of a solicitation or advertisement whose first 24 bytes were captured, valid or not. */
bool nd_target_read(const struct pkt *pkt, const struct key *key, uint32_t target[4]);

/* Return the field that holds the identifier of an ICMP or ICMPv6 query and its reply (RFC 792; in node information the
 * question's type, RFC 4620). The packet has an ICMP header. */
uint16_t icmp_query_read(const struct pkt *pkt);

/* Types of SCTP's chunks (RFC 9260, 3.2) */
enum sctp_chunk {
    SCTP_DATA,
    SCTP_INIT,
    SCTP_INIT_ACK,
    SCTP_SACK,
    SCTP_HEARTBEAT,
    SCTP_HEARTBEAT_ACK,
    SCTP_ABORT,
    SCTP_SHUTDOWN,
    SCTP_SHUTDOWN_ACK,
    SCTP_ERROR,
    SCTP_COOKIE_ECHO,
    SCTP_COOKIE_ACK,
    SCTP_SHUTDOWN_COMPLETE = 14,
    SCTP_OTHER, /* all from 15 on */
};
#define SCTP_HAS(chunk) (1 << (chunk))

/* Tags and chunks of an SCTP packet. Chunks are read up to the first data chunk, because chunks that change an
 * association precede data (RFC 9260, 6.10). */
struct sctp_packet {
    uint32_t tag;       /* verification tag */
    uint32_t init_tag;  /* tag that the sender of INIT or INIT ACK asks for; 0: cut off */
    uint16_t has;       /* SCTP_HAS of the chunks; 0: no chunk was captured, or their order is forbidden */
    uint16_t reflected; /* 1: T bit of ABORT and SHUTDOWN COMPLETE, which means that the tag is the sender's */
};
void sctp_read(const struct pkt *pkt, const struct key *key, struct sctp_packet *p);

/* The packet that an ICMP or ICMPv6 error quotes: its headers, as far as they were quoted (RFC 792, RFC 4443 2.4 (c)).
 *
 *     IP | ICMP error, 8 bytes | quoted IP header | (IPv6 extension headers) | at least 8 bytes of L4 | ...
 *
 * The sender of the error chose every byte of the quote: each length is checked against the existing bytes, and a
 * quote without a complete tuple is ignored. */

/* True if the well-formed packet is an error, which quotes another. Redirects of IPv4 are errors (RFC 1122, 3.2.2),
 * those of IPv6 are neighbour discovery. */
bool icmp_is_error(const struct key *key);

struct quoted {
    struct key key; /* addresses, kind (family, protocol, KIND_PORTS, KIND_ICMP_HEADER), ports, proto, ICMP type */
    uint32_t seq;   /* sequence number of TCP */
    uint16_t query; /* field of ICMP that holds a query's identifier */
};

/* Read the quote of a well-formed error. False: it lacks the fields to look up a flow, or is a later fragment. */
bool quoted_read(const struct pkt *pkt, const struct key *key, struct quoted *q);
