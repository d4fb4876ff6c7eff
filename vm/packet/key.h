/* The header key: the header fields that rules ask for most, parsed once, at fixed places.
 *
 * 64 bytes, 64-byte aligned (docs/kernel.md). Code names a 32-bit slot or a 16-bit half by its index; a classifier's
 * window cut reads a u64 word and shifts, so it can use halves as well as slots.
 * The key is full, and stays so: other header fields are read from the packet when a rule asks for them. Such a
 * condition is an IP_NUMBER of cond.def whose `at` is HEADER (`flowlabel` is one): its row names the place of its
 * bits, the instructions JHDR and JNHDR read them, and classifiers leave them to the code behind a hit. So a packet
 * costs nothing for fields that its program does not ask for; a second line would have to be cleared and filled for
 * every packet (README.md has both in nanoseconds). A field that a classifier must cut or compare must be here, and
 * takes the upper byte of a half that needs eight bits or fewer: icmp_type, icmp_code, ttl, dscp, proto.
 *
 * All numbers are in host order; an address is four words, most significant first, and a v4 address is word 0. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key {
    union {
        struct {
            uint32_t src[4], dst[4]; /* v4: word 0, the rest 0; not IP: all 0 */
            uint32_t kind;           /* enum kind_bit: the packet's kind, and which of the fields below are present */
            uint32_t marks; /* bits 0-7: TCP flags as in the header (FIN = 1); 8-11: flow state, enum flow_mark; 12 and
                               up: active schedules */
            uint16_t src_port, dst_port;
            uint16_t proto;      /* IP protocol after the IPv6 chain; 0: unknown (KIND_PROTO clear) */
            uint16_t ether_type; /* after all tags; 0: none (LLC) */
            uint16_t icmp_type, icmp_code;
            uint16_t vlan_outer, vlan_inner; /* VID 0..4095; 0 if absent, see KIND_VLAN, KIND_VLAN2 */
            uint16_t iface;                  /* interface id (below) */
            uint16_t length;                 /* IP total length; v6: payload + 40 (saturates at 65535) */
            uint16_t ttl, dscp;
        };
        uint32_t slot[16];
        uint16_t half[32];
        uint64_t word[8];
    };
} __attribute__((aligned(64)));
static_assert(sizeof(struct key) == 64, "one cache line (docs/kernel.md)");

/* Pairs of halves behind the ports that share a slot, with the slot's name. */
#define KEY_PAIRS(X)                                                                                                   \
    X(proto, ether_type, "proto+ether_type")                                                                           \
    X(icmp_type, icmp_code, "icmp_type+code")                                                                          \
    X(vlan_outer, vlan_inner, "vlan_outer+inner")                                                                      \
    X(iface, length, "iface+length")                                                                                   \
    X(ttl, dscp, "ttl+dscp")

#define KEY_SLOT(f) (offsetof(struct key, f) / 4)
#define KEY_HALF(f) (offsetof(struct key, f) / 2)

/* Compare addresses as in struct key. */
static inline bool address_equal(const uint32_t a[4], const uint32_t b[4])
{
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

/* Return the byte of the IP header that holds the DSCP, without its ECN bits. */
static inline uint8_t key_tos(const struct key *key) { return (uint8_t)(key->dscp << 2); }

/* Interface ids: those of the program are its numbers in IFACES; ids from their count on are others, which rules
 * never name and `not on` matches (IFACE_OTHER stands for any of them); IFACE_NONE: the interface is unknown. */
#define IFACE_NONE  0xffffu
#define IFACE_OTHER 0xfffeu
/* Flow state of the packet in key.marks, at most one bit. No bit: the packet has no state (not IP, a later
 * fragment), or the program keeps no flows. */
enum flow_mark {
    MARK_NONE = 0,
    MARK_NEW = 1u << 8,
    MARK_ESTABLISHED = 1u << 9,
    MARK_RELATED = 1u << 10,
    MARK_INVALID = 1u << 11,
};
#define MARK_STATES    (MARK_NEW | MARK_ESTABLISHED | MARK_RELATED | MARK_INVALID)
#define MARK_SCHEDULES 12u /* key.marks: the bit of schedule 0 */

enum kind_bit {
    KIND_IP4 = 1u << 0,
    KIND_IP6 = 1u << 1,
    KIND_ARP = 1u << 2,
    KIND_TCP = 1u << 3, /* the protocol is known and is TCP; ports may be absent (later fragment) */
    KIND_UDP = 1u << 4,
    KIND_SCTP = 1u << 5,
    KIND_ICMP = 1u << 6,         /* protocol 1 over v4 */
    KIND_ICMP6 = 1u << 7,        /* protocol 58 over v6 */
    KIND_PROTO = 1u << 8,        /* key.proto is known */
    KIND_PORTS = 1u << 9,        /* src_port, dst_port are there */
    KIND_TCP_FLAGS = 1u << 10,   /* marks holds TCP flags */
    KIND_ICMP_HEADER = 1u << 11, /* icmp_type, icmp_code are there */
    KIND_FRAG_NO = 1u << 12,     /* IP, and not a fragment (an atomic v6 fragment is not counted as one) */
    KIND_FRAG_FIRST = 1u << 13,
    KIND_FRAG_LATER = 1u << 14,
    KIND_OPTIONS = 1u << 15, /* IPv4 header over 20 bytes */
    KIND_VLAN = 1u << 16,    /* at least one tag */
    KIND_VLAN2 = 1u << 17,   /* at least two tags */
    KIND_SRC_SELF = 1u << 18,
    KIND_DST_SELF = 1u << 19,
    KIND_IN = 1u << 20, /* every frame has exactly one of IN, OUT, FORWARD */
    KIND_OUT = 1u << 21,
    KIND_FORWARD = 1u << 22,
    KIND_ETHER = 1u << 23,     /* the link has MAC addresses */
    KIND_ETHERTYPE = 1u << 24, /* ether_type is there (not LLC) */
    KIND_ND = 1u << 25,        /* ICMPv6 133..136 with hop limit 255 */
    KIND_AH = 1u << 26,        /* AH: protocol 51 over v4; over v6, a header before the protocol */
};
#define KIND_IP       (KIND_IP4 | KIND_IP6)
#define KIND_FRAGMENT (KIND_FRAG_FIRST | KIND_FRAG_LATER)
/* All protocols that have a bit. */
#define KIND_UPPER      (KIND_TCP | KIND_UDP | KIND_SCTP | KIND_ICMP | KIND_ICMP6)
#define KIND_WITH_PORTS (KIND_TCP | KIND_UDP | KIND_SCTP)

/* Return 1 if the address with this first word is a group (multicast or broadcast), otherwise 0. There is no branch,
 * because the kernel's verifier would follow it twice. */
static inline uint64_t key_group4(uint32_t first)
{
    return ((first >> 28 ^ UINT64_C(0xe)) * (uint32_t)~first - 1) >> 63;
}
static inline uint64_t key_group6(uint32_t first) { return ((first >> 24 ^ UINT64_C(0xff)) - 1) >> 63; }

/* True if the IP packet's destination is multicast or broadcast. */
static inline bool key_is_to_group(const struct key *key)
{
    return key->kind & KIND_IP6 ? key_group6(key->dst[0]) : key_group4(key->dst[0]);
}

enum tcp_flag {
    TCP_FIN = 1,
    TCP_SYN = 2,
    TCP_RST = 4,
    TCP_PSH = 8,
    TCP_ACK = 16,
    TCP_URG = 32,
    TCP_ECE = 64,
    TCP_CWR = 128
};

/* True for a SYN without ACK, whatever its other flags. */
static inline bool key_is_bare_syn(const struct key *key)
{
    return key->kind & KIND_TCP_FLAGS && (key->marks & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* True if the packet's ports are those of DHCP or DHCPv6. */
static inline bool key_is_dhcp(const struct key *key)
{
    const uint32_t low = key->kind & KIND_IP4 ? 67 : 546;
    return (key->kind & (KIND_UDP | KIND_PORTS)) == (KIND_UDP | KIND_PORTS) && key->src_port - low < 2 &&
           key->dst_port - low < 2;
}
