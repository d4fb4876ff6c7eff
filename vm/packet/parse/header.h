/* Numbers of the protocols that the parser and the builders know: types, offsets, lengths. An offset counts from the
 * first byte of the header that its name begins with. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ether_type {
    ETHER_IP4 = 0x0800,
    ETHER_ARP = 0x0806,
    ETHER_VLAN = 0x8100,     /* 802.1Q */
    ETHER_QINQ = 0x88a8,     /* 802.1ad */
    ETHER_QINQ_OLD = 0x9100, /* before 802.1ad */
    ETHER_IP6 = 0x86dd,
    ETHER_LLDP = 0x88cc,
    ETHER_TYPE_LEAST = 0x600, /* below, the field is a length and LLC follows (IEEE 802.3, 3.2.6) */
};

enum { ETHER_LEN = 14, ETHER_TYPE_AT = 12, VLAN_LEN = 4, VLAN_VID = 0xfff, VLAN_TAGS_MOST = 16 };
enum { SLL_LEN = 16, SLL_TYPE_AT = 14, SLL_KIND_AT = 0 };
enum { SLL2_LEN = 20, SLL2_TYPE_AT = 0, SLL2_KIND_AT = 10 };
enum { SLL_KIND_BROADCAST = 1, SLL_KIND_MULTICAST = 2 };
enum { LOOP_LEN = 4 };

/* ARP: RFC 826. These offsets of addresses hold for Ethernet and IPv4 only. */
enum { ARP_LEN = 8, ARP_HTYPE = 0, ARP_PTYPE = 2, ARP_HLEN = 4, ARP_PLEN = 5, ARP_OP = 6 };
enum { ARP_SENDER_MAC = 8, ARP_SENDER_IP = 14, ARP_TARGET_MAC = 18, ARP_TARGET_IP = 24, ARP_ETHER_LEN = 28 };
enum { ARP_REQUEST = 1, ARP_REPLY = 2, ARP_HTYPE_ETHER = 1 };

enum { BUILD_TTL = 64 }; /* TTL of packets that prey makes (IANA's default, RFC 1700) */

/* IPv4: RFC 791. */
enum {
    IP4_LEN = 20,
    IP4_MOST = 60,
    IP4_TOS = 1,
    IP4_TOTAL = 2,
    IP4_ID = 4,
    IP4_FRAG = 6,
    IP4_TTL = 8,
    IP4_PROTO = 9,
    IP4_SUM = 10,
    IP4_SRC = 12,
    IP4_DST = 16
};
enum { IP4_DF = 0x4000, IP4_MF = 0x2000, IP4_OFFSET = 0x1fff };
enum { IP4_OPT_END = 0, IP4_OPT_NOP = 1, IP4_OPT_COPIED = 0x80, IP4_OPTIONS_MOST = 40 };

/* IPv6: RFC 8200. */
enum { IP6_LEN = 40, IP6_PAYLOAD = 4, IP6_NEXT = 6, IP6_HOPS = 7, IP6_SRC = 8, IP6_DST = 24 };
enum { IP6_EXT_MOST = 16, IP6_FRAG_LEN = 8, IP6_FRAG_OFFSET = 2, IP6_FRAG_ID = 4, IP6_ROUTING_TYPE = 2, AH_LEN = 12 };
enum { IP6_ROUTING_LEFT = 3, IP6_MORE = 1, IP6_LEAST_MTU = 1280, IP6_LABEL = 0xfffff };
enum { IP6_OPT_PAD1 = 0, IP6_OPT_JUMBO = 0xc2, IP6_OPTIONS_BYTES = 256 * 8 };

enum ip_proto {
    IPPROTO_NR_HOPOPT = 0,
    IPPROTO_NR_ICMP = 1,
    IPPROTO_NR_IP4 = 4,
    IPPROTO_NR_TCP = 6,
    IPPROTO_NR_UDP = 17,
    IPPROTO_NR_DCCP = 33,
    IPPROTO_NR_IP6 = 41,
    IPPROTO_NR_ROUTING = 43,
    IPPROTO_NR_FRAGMENT = 44,
    IPPROTO_NR_AH = 51,
    IPPROTO_NR_ICMP6 = 58,
    IPPROTO_NR_NONE = 59, /* nothing follows (RFC 8200, 4.7) */
    IPPROTO_NR_DSTOPTS = 60,
    IPPROTO_NR_SCTP = 132,
    IPPROTO_NR_MOBILITY = 135,
    IPPROTO_NR_UDPLITE = 136,
    IPPROTO_NR_HIP = 139,
    IPPROTO_NR_SHIM6 = 140,
};

enum {
    TCP_LEN = 20,
    TCP_SEQ = 4,
    TCP_ACKNO = 8,
    TCP_OFFSET = 12,
    TCP_FLAGS = 13,
    TCP_WINDOW = 14,
    TCP_SUM = 16,
    TCP_URGENT = 18
};
/* Options: RFC 9293, 3.1; SACK: RFC 2018; timestamps: RFC 7323. Lengths include the kind and length bytes. */
enum {
    TCP_OPT_END = 0,
    TCP_OPT_NOP = 1,
    TCP_OPT_MSS = 2,
    TCP_OPT_SCALE = 3,
    TCP_OPT_SACK_OK = 4,
    TCP_OPT_SACK = 5,
    TCP_OPT_STAMPS = 8,
    TCP_OPT_MSS_LEN = 4,
    TCP_OPT_SCALE_LEN = 3,
    TCP_OPT_SACK_OK_LEN = 2,
    TCP_OPT_STAMPS_LEN = 10,
    TCP_OPT_SACK_BLOCK = 8,
    TCP_OPTIONS_MOST = 40
};
enum { DHCP_SERVER = 67, DHCP_CLIENT = 68, DHCP6_CLIENT = 546, DHCP6_SERVER = 547 }; /* ports of UDP */
enum { UDP_LEN = 8, UDP_LENGTH = 4, UDP_SUM = 6, SCTP_LEN = 12, SCTP_TAG = 4, SCTP_SUM = 8 };
enum { DCCP_SUM = 6, UDPLITE_SUM = 6 }; /* RFC 4340, 5.1; RFC 3828, 3.1 */
enum { ICMP_LEN = 8, ICMP_CODE = 1, ICMP_SUM = 2, ICMP_REST = 4 };
/* Length field of the quoted packet in an error, if it has one (RFC 4884, 4): in words of 4 bytes; ICMPv6: of 8
 * bytes. */
enum { ICMP4_QUOTE_LEN = 5, ICMP4_QUOTE_UNIT = 4, ICMP6_QUOTE_LEN = 4, ICMP6_QUOTE_UNIT = 8 };

/* Generic UDP encapsulation (draft-ietf-intarea-gue-09): a header of four bytes in variant 0 (3.1), none in variant
 * 1 (4). The first two bits show the variant; an IP version begins with 01, which means variant 1. */
enum { GUE_LEN = 4, GUE_PROTO = 1, GUE_FLAGS = 2 };
enum { GUE_VARIANT_SHIFT = 6, GUE_CONTROL = 0x20, GUE_HLEN = 0x1f };
enum { GUE_PORTS_FROM = 49152, GUE_PORTS_MASK = 0x3fff }; /* source ports */

enum { ECN_MASK = 3, ECN_NONE = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 }; /* RFC 3168, 5 */

enum icmp4 {
    ICMP4_ECHO_REPLY = 0,
    ICMP4_UNREACHABLE = 3,
    ICMP4_QUENCH = 4,
    ICMP4_REDIRECT = 5,
    ICMP4_ECHO = 8,
    ICMP4_TIME_EXCEEDED = 11,
    ICMP4_PARAMETER = 12,
    ICMP4_TIMESTAMP = 13,
    ICMP4_MASK_REPLY = 18,
    ICMP4_LAST_KNOWN = 18
};
enum { ICMP4_CODE_TOO_BIG = 4 }; /* code of unreachable: fragmentation needed, and DF set */
enum icmp6 {
    ICMP6_UNREACHABLE = 1,
    ICMP6_TOO_BIG = 2,
    ICMP6_TIME_EXCEEDED = 3,
    ICMP6_INFORMATIONAL = 128 /* lowest type that is not an error */,
    ICMP6_ECHO = 128,
    ICMP6_ECHO_REPLY = 129,
    ICMP6_ND_FIRST = 133,
    ICMP6_SOLICIT = 135,
    ICMP6_ADVERT = 136,
    ICMP6_ND_LAST = 136,
    ICMP6_REDIRECT = 137
};

/* Neighbour discovery: RFC 4861, 4.3 and 4.4; offsets from the ICMPv6 header. */
enum { ND_TARGET = 8, ND_OPTIONS = 24, ND_OPT_SOURCE_MAC = 1, ND_OPT_TARGET_MAC = 2, ND_OPT_MAC_LEN = 8 };
enum { ND_ROUTER = 0x80, ND_SOLICITED = 0x40, ND_OVERRIDE = 0x20 };

/* True for a header of the IPv6 chain that is walked (docs/semantics.md, Conditions). */
static inline bool ip6_is_extension(uint8_t next)
{
    switch (next) {
    case IPPROTO_NR_HOPOPT:
    case IPPROTO_NR_ROUTING:
    case IPPROTO_NR_FRAGMENT:
    case IPPROTO_NR_AH:
    case IPPROTO_NR_DSTOPTS:
    case IPPROTO_NR_MOBILITY:
    case IPPROTO_NR_HIP:
    case IPPROTO_NR_SHIM6: return true;
    default: return false;
    }
}

/* Return the length in bytes of an extension header by its length field: AH counts 4-byte units (RFC 4302, 2),
 * others 8-byte units. */
static inline uint32_t ip6_extension_len(uint8_t next, uint8_t len)
{
    if (next == IPPROTO_NR_FRAGMENT) return IP6_FRAG_LEN;
    return next == IPPROTO_NR_AH ? (len + 2u) * 4 : (len + 1u) * 8;
}

/* True if that type of ICMP (v6: ICMPv6) is an error, which quotes a packet. Redirects of IPv4 are errors (RFC 1122,
 * 3.2.2), those of IPv6 are neighbour discovery. */
static inline bool icmp_type_is_error(bool v6, unsigned type)
{
    if (v6) return type < ICMP6_INFORMATIONAL;
    return type == ICMP4_UNREACHABLE || type == ICMP4_QUENCH || type == ICMP4_REDIRECT || type == ICMP4_TIME_EXCEEDED ||
           type == ICMP4_PARAMETER;
}

/* An ICMP query and its reply; v6: ICMPv6. Both have the number `pair`. */
struct icmp_query {
    uint8_t v6, asks, answers, pair;
};

/* Return the query of a type; NULL: not a query's type. */
static inline const struct icmp_query *icmp_query_of(bool v6, unsigned type)
{
    static const struct icmp_query queries[] = {
        {0, 8, 0, 0},     /* echo (RFC 792) */
        {0, 13, 14, 1},   /* timestamp */
        {0, 15, 16, 2},   /* information */
        {0, 17, 18, 3},   /* address mask (RFC 950) */
        {1, 128, 129, 0}, /* echo (RFC 4443) */
        {1, 139, 140, 1}, /* node information (RFC 4620) */
    };
    for (unsigned i = 0; i < sizeof queries / sizeof *queries; i++)
        if (queries[i].v6 == v6 && (type == queries[i].asks || type == queries[i].answers)) return &queries[i];
    return NULL;
}
