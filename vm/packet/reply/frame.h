/* Frames that prey makes from a specification, or as replies to frames; and the choice of the reply to a rejected
 * packet.
 *
 * A frame from a specification: Ethernet, tags, IP or ARP, every checksum right. Tests of rule files, samples of
 * regions and the trial of a program use these. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/pbc.h"

/* Payload of the frame: IP with a row of uppers[] or with any other protocol, or ARP. */
enum frame_form {
#define UPPERS_ALONE
#define UPPER(ident, ...) FORM_##ident,
#include "vm/proto.def"
    FORM_PROTO,
    FORM_ARP,
    FORM_COUNT
};
/* Return those bits of `bits` that the form's header adds to key.kind. */
static inline uint32_t form_adds(unsigned form, uint32_t bits) { return form < UPPERS ? uppers[form].there & bits : 0; }
/* Return the form of a protocol by its number, in IPv6 or not. */
uint8_t frame_form_of(uint8_t proto, bool six);

enum {
    FRAME_MOST = 14 + 8 + 65535,
    FRAME_LATER_OFFSET = 1480, /* offset of a later fragment that arrives before all others of its datagram */
};

/* Headers around a frame's IP packet: IP in IP, or GUE. */
struct frame_tunnel {
    uint8_t family;
    bool gue;
    uint16_t port; /* destination port of GUE */
    uint32_t src[4], dst[4];
};

/* Specification of a frame. Addresses are as in struct key: host order, IPv4 in word 0 and zeros behind it. Every
 * specification can be written, unless `length` is shorter than frame_least. */
struct frame_spec {
    uint8_t form;   /* enum frame_form */
    uint8_t family; /* 4 or 6 */
    uint8_t proto;  /* IP protocol; unused with FORM_ARP */
    uint8_t notes;  /* for the caller; not part of the frame */
    uint32_t src[4], dst[4];
    uint16_t src_port, dst_port;
    uint8_t flags;      /* TCP flags as in the header */
    uint8_t type, code; /* type and code of ICMP */
    uint8_t ttl;
    uint8_t tags; /* number of VLAN tags, outermost first */
    uint16_t vid[2];
    uint16_t iface;              /* id in the program, or IFACE_NONE */
    uint32_t number[IP_NUMBERS]; /* numbers of the IP header, except TTL and length */
    bool options;                /* IPv4: with options */
    bool ah;                     /* IPv6: AH before the upper layer */
    bool arp_answer;             /* FORM_ARP: a reply, not a request */
    uint32_t seq, ack;           /* TCP's sequence and acknowledgement numbers */
    uint32_t rest;               /* ICMP: second word of the header */
    uint32_t datagram, offset;   /* fragment: identification, and offset in bytes */
    uint32_t fragment;           /* KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER */
    uint32_t length;             /* length of the IP packet; 0: as long as its parts */
    uint64_t src_mac, dst_mac;   /* 0: derived from the addresses */
    struct frame_payload {
        const uint8_t *bytes;
        uint32_t len;
    } payload;
    const struct frame_tunnel *tunnel; /* NULL: no tunnel */
    uint16_t way;                      /* not part of the frame: struct pkt's way; 0: not set */
    uint8_t source;                    /* not part of the frame: struct pkt's source */
    live_bits live[2]; /* live sets that hold the source and the destination, for those who judge the frame */
};

struct pkt;

/* Write the frame. Return its length, at most FRAME_MOST. */
uint32_t frame_write(const struct frame_spec *f, uint8_t frame[FRAME_MOST]);
/* Make a view of the written frame, with its way and source. */
void frame_spec_view(const struct frame_spec *f, const uint8_t *frame, uint32_t len, struct pkt *pkt);
/* Return lengths in bytes: of the IP packet without padding (headers and payload); of its part behind the IP
 * headers; of the tunnel's headers. */
uint32_t frame_least(const struct frame_spec *f);
uint32_t frame_carried(const struct frame_spec *f);
uint32_t frame_tunnel_len(const struct frame_spec *f);

/* Return defaults of a frame: its TTL, and the second word of ICMP, which is the MTU in errors, and identifier and
 * number in queries. */
uint8_t frame_ttl(const struct frame_spec *f);
uint32_t frame_icmp_rest(const struct frame_spec *f);
bool frame_is_icmp_error(const struct frame_spec *f);

/* Builders of complete replies to a frame, with every checksum right, written into a packet of a pool.
 *
 * The link layer is mirrored: an Ethernet request gets an Ethernet reply with the MACs swapped and all VLAN tags
 * kept, both those in the bytes and those taken off; any other link gets a bare IP packet (LINK_RAW). The reply's
 * source is the address that the request went to. Nothing is padded to Ethernet's minimum: the device does that.
 *
 * All builders take a request that pkt_parse found well formed, and its key. They return 0 and a packet, which the
 * caller puts back, or a negative errno: -EINVAL no reply to such a request, -ENOBUFS the pool is empty, -EMSGSIZE
 * the reply does not fit a slot. answer_form decides whether a reply is wise (broadcast, errors). */

enum {
    BUILD_TTL_ND = 255,     /* neighbour discovery (RFC 4861, 7.1) */
    BUILD_TOS_ERROR = 0xc0, /* ICMP errors: internetwork control (RFC 1812, 4.3.2.5) */
    BUILD_QUOTE4 = 576,     /* most bytes of an ICMP error, its IP header included (RFC 1812, 4.3.2.3) */
    BUILD_QUOTE6 = 1280,    /* the same for ICMPv6 (RFC 4443, 2.4 (c)) */
};

enum build_unreachable { UNREACHABLE_NET, UNREACHABLE_HOST, UNREACHABLE_PORT, UNREACHABLE_PROHIBITED };

/* Build an ARP reply that gives `mac` for the requested address. For Ethernet and IPv4 requests (RFC 826). */
int build_arp_reply(const struct pkt *request, const struct key *key, uint64_t mac, struct pool *pool,
                    struct pkt **out);

/* Build an echo reply, ICMP or ICMPv6, with the request's data (RFC 792, RFC 4443 4.2). The request must be
 * complete, fully captured, with a right ICMP checksum, and to one host; IPv4 options are not returned. */
int build_echo_reply(const struct pkt *request, const struct key *key, struct pool *pool, struct pkt **out);

/* Build the RST for a segment without a connection (RFC 9293, 3.5.2): its sequence number is the segment's ACK, if
 * it has one; otherwise 0, with an ACK of the segment's full length. A RST gets none: -EINVAL. */
int build_rst(const struct pkt *request, const struct key *key, struct pool *pool, struct pkt **out);

/* Build destination unreachable, which quotes the captured part of the request, up to the allowed length. ICMP codes
 * 0, 1, 3, 13 (RFC 792, RFC 1812 5.2.7.1); ICMPv6 codes 0, 3, 4, 1 (RFC 4443, 3.1). */
int build_unreachable(const struct pkt *request, const struct key *key, enum build_unreachable what, struct pool *pool,
                      struct pkt **out);

/* Build time exceeded in transit: ICMP type 11, ICMPv6 type 3, code 0 (RFC 792, RFC 4443 3.3). from: source address, of
 * the request's family; NULL: the address that the request went to. */
int build_time_exceeded(const struct pkt *request, const struct key *key, const uint32_t from[4], struct pool *pool,
                        struct pkt **out);

/* Build the error for a packet longer than `mtu`: ICMP type 3 code 4 with the next hop's MTU (RFC 1191, 4; at most
 * 65,535), only for a request with DF; ICMPv6 packet too big, of at least 1,280 (RFC 4443, 3.2). from: as above. */
int build_too_big(const struct pkt *request, const struct key *key, uint32_t mtu, const uint32_t from[4],
                  struct pool *pool, struct pkt **out);

/* Options of a segment that prey makes; all 0: none. */
struct tcp_options {
    uint16_t mss; /* 0: absent */
    bool sack_ok; /* SACK permitted */
    bool has_scale, has_stamps;
    uint8_t scale;
    uint32_t stamp, echo;
};
/* A TCP segment without data, sent to one side of a flow in the name of the other. */
struct flow_segment {
    uint32_t src[4], dst[4]; /* as in struct key */
    uint16_t src_port, dst_port;
    uint32_t seq, ack;
    uint16_t window;
    uint8_t flags; /* enum tcp_flag */
    bool v6;
    struct tcp_options options;
};
/* Build the segment as a bare IP packet (LINK_RAW). A RST counts only if seq is exactly the next that `dst` expects
 * (RFC 5961, 3.2). That is the number that `dst` has acknowledged, or, if acknowledgements may lag behind, the end
 * of the bytes sent to `dst`. A side that has acknowledged nothing yet obeys a RST with ACK and an ack of all it
 * sent (RFC 9293, 3.5.2). */
int build_flow_segment(const struct flow_segment *s, struct pool *pool, struct pkt **out);
/* Build the segment as a reply to a TCP packet. Addresses, ports and link follow from that packet, not from `s`. */
int build_tcp_reply(const struct pkt *request, const struct key *key, const struct flow_segment *s, struct pool *pool,
                    struct pkt **out);

/* Build the segment in place of the request: with the request's addresses, ports, tags and TTL, without IP options. */
int build_tcp_instead(const struct pkt *request, const struct key *key, const struct flow_segment *s, struct pool *pool,
                      struct pkt **out);

/* Build the neighbour advertisement for the target of a valid solicitation (RFC 4861, 7.1.1 and 7.2.4), override
 * set, with link-layer address. router: the R flag. The reply to a solicitation from :: (duplicate detection) goes
 * to all nodes. */
int build_neighbour_advert(const struct pkt *request, const struct key *key, uint64_t mac, bool router,
                           struct pool *pool, struct pkt **out);

/* The reply to a rejected packet. There are two steps, so that the caller takes a token of its limit only for a
 * reply that may be sent: answer_form decides, answer_build writes.
 *
 *     form = answer_form(pkt, key, rule->answer);
 *     if (form != ANSWER_NONE && token) out = answer_build(pkt, key, form, pool);   NULL: no buffer */

enum answer_form {
    ANSWER_NONE, /* no reply */
    ANSWER_RST,
    ANSWER_PORT_UNREACHABLE,
    ANSWER_ADMIN_PROHIBITED,
};

/* Return in words why a packet gets no reply, neither error nor RST; NULL: it may get one. There is no reply to a
 * packet that is not IP or malformed, to or from broadcast and multicast (IP or MAC), from an address that is not a
 * single host's, to a later fragment, an ICMP error or unknown type, a RST (RFC 1122 3.2.2, RFC 4443 2.4 (e), RFC
 * 9293 3.5.2). */
const char *answer_withheld(const struct pkt *pkt, const struct key *key);
bool answer_allowed(const struct pkt *pkt, const struct key *key);

/* Return the form of the reply: by default a RST for TCP and port-unreachable for the rest. ANSWER_NONE: the reply
 * is withheld, or `with rst` meets a packet that is not TCP. */
enum answer_form answer_form(const struct pkt *pkt, const struct key *key, enum pbc_answer kind);

/* Build the reply, which the caller puts back. NULL: the pool has no slot, or there is no reply. */
struct pkt *answer_build(const struct pkt *pkt, const struct key *key, enum answer_form form, struct pool *pool);
