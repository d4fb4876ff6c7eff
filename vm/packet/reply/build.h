/* Builders: complete frames that answer one that came, with every checksum right, written into a pool packet.
 *
 * The link layer is mirrored: an Ethernet request gives an Ethernet answer with the MACs exchanged and the whole VLAN
 * stack kept, in the bytes and taken off alike; any other link gives the bare IP packet (LINK_RAW). The answer comes
 * from the address the request went to. Nothing is padded to Ethernet's minimum: the device does that.
 *
 * All take a request that pkt_parse found well formed, and its key. They return 0 and the packet (the caller's, to be
 * put back), or a negative errno: -EINVAL the request is not one that this answers, -ENOBUFS the pool is empty,
 * -EMSGSIZE the answer does not fit a slot. Whether an answer is wise (broadcast, errors) is decided in answer.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/packet/pool.h"

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
