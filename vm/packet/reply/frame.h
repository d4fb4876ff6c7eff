/* Packets of ours: frames made from what they are to say, frames that answer one that came, and which answer a rejected
 * packet gets.
 *
 * A frame from what it is to say: Ethernet, tags, IP or ARP, every checksum right. Tests of rule files, samples of
 * regions and the trial of a program are made of these. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/pbc.h"

/* What follows IP: a row of uppers[], or any other protocol; or that it is ARP. */
enum frame_form {
#define UPPERS_ALONE
#define UPPER(ident, ...) FORM_##ident,
#include "vm/proto.def"
    FORM_PROTO,
    FORM_ARP,
    FORM_COUNT
};
/* Of the bits that the form's header adds to key.kind, those that are among `bits`. */
static inline uint32_t form_adds(unsigned form, uint32_t bits) { return form < UPPERS ? uppers[form].there & bits : 0; }
/* The form of a protocol by its number, in IPv6 or not. */
uint8_t frame_form_of(uint8_t proto, bool six);

enum {
    FRAME_MOST = 14 + 8 + 65535,
    FRAME_LATER_OFFSET = 1480, /* of a later fragment that comes before all others of its kind */
};

/* The headers around a frame's IP packet: IP in IP, or GUE. */
struct frame_tunnel {
    uint8_t family;
    bool gue;
    uint16_t port; /* GUE: the destination's */
    uint32_t src[4], dst[4];
};

/* Addresses are as in struct key: host order, IPv4 in word 0 and zeros behind it. Nothing in it can fail to be built
 * but a `length` that is shorter than frame_least. */
struct frame_spec {
    uint8_t form;   /* enum frame_form */
    uint8_t family; /* 4 or 6 */
    uint8_t proto;  /* IP protocol; of FORM_ARP: none */
    uint8_t notes;  /* the caller's own: no byte of the frame */
    uint32_t src[4], dst[4];
    uint16_t src_port, dst_port;
    uint8_t flags;      /* TCP flags as in the header */
    uint8_t type, code; /* ICMP */
    uint8_t ttl;
    uint8_t tags; /* VLAN tags, outermost first */
    uint16_t vid[2];
    uint16_t iface;              /* id in the program, IFACE_NONE */
    uint32_t number[IP_NUMBERS]; /* of the IP header, but its TTL and its length */
    bool options;                /* IPv4: it has some */
    bool ah;                     /* IPv6: AH stands before what it carries */
    bool arp_answer;             /* FORM_ARP: it answers, and asks nothing */
    uint32_t seq, ack;           /* TCP */
    uint32_t rest;               /* ICMP: the second word of its header */
    uint32_t datagram, offset;   /* a fragment: identification, and where it lies, in bytes */
    uint32_t fragment;           /* KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER */
    uint32_t length;             /* of the IP packet; 0: what its parts need */
    uint64_t src_mac, dst_mac;   /* 0: as the addresses say */
    struct frame_payload {
        const uint8_t *bytes;
        uint32_t len;
    } payload;
    const struct frame_tunnel *tunnel; /* NULL: it comes bare */
    uint16_t way;                      /* no byte of the frame: as in struct pkt, where it is said */
    uint8_t source;                    /* likewise */
};

struct pkt;

/* Write the frame; returns its length, at most FRAME_MOST. */
uint32_t frame_write(const struct frame_spec *f, uint8_t frame[FRAME_MOST]);
/* A view of what was written, with what is said of its ways. */
void frame_spec_view(const struct frame_spec *f, const uint8_t *frame, uint32_t len, struct pkt *pkt);
/* Bytes of the IP packet without filling: headers and payload; those that it has behind its IP headers; those of the
 * headers of its tunnel. */
uint32_t frame_least(const struct frame_spec *f);
uint32_t frame_carried(const struct frame_spec *f);
uint32_t frame_tunnel_len(const struct frame_spec *f);

/* What a frame has unless something else is said: its TTL; of ICMP the second word, which errors use for an MTU, and
 * queries for identifier and number. */
uint8_t frame_ttl(const struct frame_spec *f);
uint32_t frame_icmp_rest(const struct frame_spec *f);
bool frame_is_icmp_error(const struct frame_spec *f);

/* Builders: complete frames that answer one that came, with every checksum right, written into a pool packet.
 *
 * The link layer is mirrored: an Ethernet request gives an Ethernet answer with the MACs exchanged and the whole VLAN
 * stack kept, in the bytes and taken off alike; any other link gives the bare IP packet (LINK_RAW). The answer comes
 * from the address the request went to. Nothing is padded to Ethernet's minimum: the device does that.
 *
 * All take a request that pkt_parse found well formed, and its key. They return 0 and the packet (the caller's, to be
 * put back), or a negative errno: -EINVAL the request is not one that this answers, -ENOBUFS the pool is empty,
 * -EMSGSIZE the answer does not fit a slot. Whether an answer is wise (broadcast, errors) is decided by answer_form. */

enum {
    BUILD_TTL_ND = 255,     /* neighbour discovery (RFC 4861, 7.1) */
    BUILD_TOS_ERROR = 0xc0, /* ICMP errors: internetwork control (RFC 1812, 4.3.2.5) */
    BUILD_QUOTE4 = 576,     /* most bytes of an ICMP error, its IP header included (RFC 1812, 4.3.2.3) */
    BUILD_QUOTE6 = 1280,    /* most bytes of an ICMPv6 error likewise (RFC 4443, 2.4 (c)) */
};

enum build_unreachable { UNREACHABLE_NET, UNREACHABLE_HOST, UNREACHABLE_PORT, UNREACHABLE_PROHIBITED };

/* ARP: "the address you ask for is at `mac`". For Ethernet and IPv4 requests (RFC 826). */
int build_arp_reply(const struct pkt *request, const struct key *key, uint64_t mac, struct pool *pool,
                    struct pkt **out);

/* Echo reply, ICMP or ICMPv6, with the request's data (RFC 792, RFC 4443 4.2). Only for a whole, captured request with
 * a right ICMP checksum, to one host; IPv4 options are not returned. */
int build_echo_reply(const struct pkt *request, const struct key *key, struct pool *pool, struct pkt **out);

/* The RST that RFC 9293, 3.5.2 prescribes where no connection exists: sequence from the segment's ACK if it has one,
 * else sequence 0 and an ACK of all it occupied. Not for a RST. */
int build_rst(const struct pkt *request, const struct key *key, struct pool *pool, struct pkt **out);

/* Destination unreachable, quoting as much of the request as was captured and is allowed. ICMP codes 0, 1, 3, 13 (RFC
 * 792, RFC 1812 5.2.7.1); ICMPv6 codes 0, 3, 4, 1 (RFC 4443, 3.1). */
int build_unreachable(const struct pkt *request, const struct key *key, enum build_unreachable what, struct pool *pool,
                      struct pkt **out);

/* Time exceeded in transit: ICMP type 11, ICMPv6 type 3, code 0 (RFC 792, RFC 4443 3.3). from: the address it comes
 * from, of the request's family, NULL for the one the request went to. */
int build_time_exceeded(const struct pkt *request, const struct key *key, const uint32_t from[4], struct pool *pool,
                        struct pkt **out);

/* The packet does not fit `mtu` bytes: ICMP type 3 code 4 with the next hop's MTU (RFC 1191, 4; at most 65,535), only
 * for a request with DF; ICMPv6 packet too big, of at least 1,280 (RFC 4443, 3.2). from: as above. */
int build_too_big(const struct pkt *request, const struct key *key, uint32_t mtu, const uint32_t from[4],
                  struct pool *pool, struct pkt **out);

/* Options of a segment that we make up; all 0: none. */
struct tcp_options {
    uint16_t mss; /* 0: absent */
    bool sack_ok; /* SACK permitted */
    bool has_scale, has_stamps;
    uint8_t scale;
    uint32_t stamp, echo;
};
/* A segment without data of a TCP flow, for one side of it as the other would send it. */
struct flow_segment {
    uint32_t src[4], dst[4]; /* as in struct key */
    uint16_t src_port, dst_port;
    uint32_t seq, ack;
    uint16_t window;
    uint8_t flags; /* enum tcp_flag */
    bool v6;
    struct tcp_options options;
};
/* A bare IP packet (LINK_RAW). A RST counts only if seq is exactly what `dst` expects next (RFC 5961, 3.2): what `dst`
 * has acknowledged, or, where that may lag behind, the end of what was sent to it. One who has acknowledged nothing yet
 * listens to ACK, and an ack of all it sent (RFC 9293, 3.5.2). */
int build_flow_segment(const struct flow_segment *s, struct pool *pool, struct pkt **out);
/* The same as an answer to a TCP packet, whose addresses, ports and link it takes, not those of `s`. */
int build_tcp_reply(const struct pkt *request, const struct key *key, const struct flow_segment *s, struct pool *pool,
                    struct pkt **out);

/* The same in its place: with its own addresses, ports, tags and TTL, no IP options. */
int build_tcp_instead(const struct pkt *request, const struct key *key, const struct flow_segment *s, struct pool *pool,
                      struct pkt **out);

/* Neighbour advertisement for the target of a valid solicitation (RFC 4861, 7.1.1 and 7.2.4), override set, with its
 * link-layer address. router: the R flag. A solicitation from :: (duplicate detection) is answered to all nodes. */
int build_neighbour_advert(const struct pkt *request, const struct key *key, uint64_t mac, bool router,
                           struct pool *pool, struct pkt **out);

/* What a rejected packet gets back. Two steps, so that the caller takes a token of its limit only for an answer that
 * may be sent: answer_form decides, answer_build writes.
 *
 *     form = answer_form(pkt, key, rule->answer);
 *     if (form != ANSWER_NONE && token) out = answer_build(pkt, key, form, pool);   NULL: no buffer */

enum answer_form {
    ANSWER_NONE, /* silent */
    ANSWER_RST,
    ANSWER_PORT_UNREACHABLE,
    ANSWER_ADMIN_PROHIBITED,
};

/* Why a packet gets no answer, neither an error nor a RST, in words; NULL: it may be answered. Not what is not IP or
 * malformed, to or from broadcast and multicast (IP or MAC), from an address that is no single host, a later fragment,
 * an ICMP error or unknown type, a RST (RFC 1122 3.2.2, RFC 4443 2.4 (e), RFC 9293 3.5.2). */
const char *answer_withheld(const struct pkt *pkt, const struct key *key);
bool answer_allowed(const struct pkt *pkt, const struct key *key);

/* The form of the answer: by default a RST for TCP and port-unreachable for the rest. ANSWER_NONE wherever an answer is
 * withheld; and for `with rst` where the packet is not TCP. */
enum answer_form answer_form(const struct pkt *pkt, const struct key *key, enum pbc_answer kind);

/* The packet to send, the caller's to put back; NULL when the pool has no slot for it. */
struct pkt *answer_build(const struct pkt *pkt, const struct key *key, enum answer_form form, struct pool *pool);
