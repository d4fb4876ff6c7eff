/* The express parser of pkt_parse for the ordinary frame: at most one VLAN tag, IPv4 without options or fragments or
 * IPv6 without extension headers, every header in the linear head; it is quickest for whole Ethernet frames.
 *
 * It reads fields at their fixed places, gathers everything unusual into the sign of one number, and only then
 * writes. A table with a row for each protocol takes the place of branches, so a mix of protocols costs no more than
 * one. An unusual frame goes to the careful parser, which parses it from the start and finds the reason. A result of
 * the express parser is always the careful one's (tests/unit/vm/test_proto_express.c).
 *
 * The parser is inlined into pkt_parse (all.c) and into the kernel's first stage. Code for the kernel first defines
 * QUICK_CAREFUL, which calls for the careful parser. */
#pragma once

#include "vm/packet/parse/ip4_header.h"
#include "vm/packet/parse/parse.h"
#include "vm/packet/parse/read.h"

#ifndef QUICK_CAREFUL
#define QUICK_CAREFUL(pkt, facts, key) parse_frame(pkt, facts, key)
#endif

#define likely(x)     __builtin_expect(!!(x), 1)
#define unlikely(x)   __builtin_expect(!!(x), 0)
#define inline_always static inline __attribute__((always_inline))

/* Shape of the bytes after the IP header, by protocol. Masks are all ones where the field exists. The layer's own
 * length is the sum of `fixed`, the TCP data offset and the UDP length; it must be at least `least` and fit the
 * packet. */
struct shape {
    uint32_t kind; /* KIND bits of a packet with the whole header of this protocol */
    uint32_t ports;
    uint32_t icmp;    /* mask of key.icmp_type and key.icmp_code */
    uint16_t udp;     /* mask of the length field */
    uint16_t payload; /* mask of pkt.payload */
    uint8_t marks;    /* mask of the TCP flags */
    uint8_t offset;   /* mask of the data offset in bytes: 0x3c for TCP */
    uint8_t header;   /* bytes of the header besides the data offset */
    uint8_t fixed;
    uint8_t least; /* IMPOSSIBLE: only the careful parser reads the protocol */
    uint8_t pad[11];
};
static_assert(sizeof(struct shape) == 32, "a shift away");
enum { IMPOSSIBLE = 255 };

/* The part of pkt.outcome that the parser keeps: flags without PKT_FOUND. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PKT_OUTCOME_KEPT ((uint32_t)(UINT8_MAX & ~PKT_FOUND))
#else
#define PKT_OUTCOME_KEPT ((uint32_t)(UINT8_MAX & ~PKT_FOUND) << 24)
#endif

#define SHAPE_OF_TCP                                                                                                   \
    {                                                                                                                  \
        .kind = KIND_TCP | KIND_PORTS | KIND_TCP_FLAGS, .ports = UINT32_MAX, .marks = 0xff, .offset = 0x3c,            \
        .least = TCP_LEN, .payload = UINT16_MAX                                                                        \
    }
#define SHAPE_OF_UDP                                                                                                   \
    {                                                                                                                  \
        .kind = KIND_UDP | KIND_PORTS, .ports = UINT32_MAX, .udp = UINT16_MAX, .header = UDP_LEN, .least = UDP_LEN,    \
        .payload = UINT16_MAX                                                                                          \
    }
#define SHAPES_OF_PORTS                                                                                                \
    [IPPROTO_NR_TCP] = SHAPE_OF_TCP, [IPPROTO_NR_UDP] = SHAPE_OF_UDP,                                                  \
    [IPPROTO_NR_SCTP] = {.kind = KIND_SCTP | KIND_PORTS,                                                               \
                         .ports = UINT32_MAX,                                                                          \
                         .header = SCTP_LEN,                                                                           \
                         .fixed = SCTP_LEN,                                                                            \
                         .least = SCTP_LEN,                                                                            \
                         .payload = UINT16_MAX}
#define SHAPE_OF_ICMP(bit)                                                                                             \
    {                                                                                                                  \
        .kind = (bit) | KIND_ICMP_HEADER, .icmp = 0xff00ff, .header = ICMP_LEN, .fixed = ICMP_LEN, .least = ICMP_LEN,  \
        .payload = UINT16_MAX                                                                                          \
    }
#define CAREFUL                                                                                                        \
    {                                                                                                                  \
        .least = IMPOSSIBLE                                                                                            \
    }

static const struct shape shapes4[256] __attribute__((aligned(64))) = {
    SHAPES_OF_PORTS, [IPPROTO_NR_ICMP] = SHAPE_OF_ICMP(KIND_ICMP), [IPPROTO_NR_AH] = {.kind = KIND_AH}};
static const struct shape shapes6[256] __attribute__((aligned(64))) = {
    SHAPES_OF_PORTS,
    [IPPROTO_NR_ICMP6] = SHAPE_OF_ICMP(KIND_ICMP6),
    [IPPROTO_NR_HOPOPT] = CAREFUL,
    [IPPROTO_NR_ROUTING] = CAREFUL,
    [IPPROTO_NR_FRAGMENT] = CAREFUL,
    [IPPROTO_NR_AH] = CAREFUL,
    [IPPROTO_NR_DSTOPTS] = CAREFUL,
    [IPPROTO_NR_MOBILITY] = CAREFUL,
    [IPPROTO_NR_HIP] = CAREFUL,
    [IPPROTO_NR_SHIM6] = CAREFUL,
};

/* Combine two slots, or four halves, into the word of the key or packet that holds them. */
inline_always uint64_t slots(uint64_t first, uint64_t second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return first | second << 32;
#else
    return first << 32 | second;
#endif
}

inline_always uint32_t pair(uint32_t first, uint32_t second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return first | second << 16;
#else
    return first << 16 | second;
#endif
}

inline_always uint64_t halves(uint32_t a, uint32_t b, uint32_t c, uint32_t d) { return slots(pair(a, b), pair(c, d)); }

/* The part of the frame before the IP header, and the extent of the head; constants, except the VID. */
struct outer {
    uint32_t l3, kind;
    uint16_t vlan;
    bool tag;   /* the tag is in the frame's bytes */
    bool whole; /* head_len is wire_len, and at most LARGEST */
};

enum {
    L4_READ = TCP_FLAGS + 1, /* bytes after the IP header that are read, whatever the protocol */
    LARGEST = UINT16_MAX,    /* longest frame whose offsets all fit */
};

inline_always uint32_t offset_len(const struct shape *s, const uint8_t *l4)
{
    return l4[TCP_OFFSET] >> 2 & (uint32_t)s->offset;
}

/* True if the lengths of the upper layer are as usual. Each possible fault makes one difference negative. l4: offset of
 * that layer, which begins at p; segment: its bytes by the IP length. */
inline_always bool lengths_ok(const uint8_t *p, const struct pkt *pkt, const struct outer *o, const struct shape *s,
                              uint32_t l4, int32_t segment)
{
    int32_t offset = (int32_t)offset_len(s, p);
    int32_t len = offset + (wire_get16(p + UDP_LENGTH) & s->udp) + s->fixed, end = (int32_t)l4 + segment;
    int32_t signs = (len - s->least) | (segment - len);
    if (o->whole) return likely((signs | ((int32_t)pkt->head_len - end)) >= 0);
    int64_t head = (int64_t)pkt->head_len - ((int64_t)l4 + s->header + offset), wire = (int64_t)pkt->wire_len - end;
    return (signs | head | wire | (LARGEST - end)) >= 0;
}

/* Write the fields common to both families. Every field is read where it is written, which is cheaper than holding
 * all of them in registers since the checks. */
inline_always void write_upper(const uint8_t *p, struct pkt *pkt, struct key *key, const struct outer *o,
                               const struct shape *s, uint32_t l4, uint32_t end, uint32_t proto_and_type, uint32_t kind)
{
    key->word[4] = slots(o->kind | kind | s->kind, p[TCP_FLAGS] & (uint32_t)s->marks);
    uint32_t ports = wire_get32(p);
    key->word[5] = slots(pair(ports >> 16, ports & UINT16_MAX) & s->ports, proto_and_type);
    key->word[6] = slots(pair(p[0], p[ICMP_CODE]) & s->icmp, pair(o->vlan, 0));
    pkt->l3 = (uint16_t)o->l3;
    pkt->l4 = (uint16_t)l4;
    pkt->payload = (uint16_t)(l4 + s->header + offset_len(s, p)) & s->payload;
    pkt->l3_end = (uint16_t)end;
    pkt->outcome &= PKT_OUTCOME_KEPT;
    if (!o->whole && pkt->cap_len < pkt->wire_len) pkt->flags |= PKT_SNAPPED;
    if (o->tag) pkt->tags_in_frame = 1;
}

/* Finish the key if the machine has own addresses, or the header checksum is wrong. */
static __attribute__((noinline)) enum pkt_reason finish4(struct pkt *pkt, const struct facts *f, struct key *key,
                                                         bool bad_sum)
{
    if (bad_sum) {
        if (f && f->drop_bad_checksum) return QUICK_CAREFUL(pkt, f, key);
        pkt->flags |= PKT_BAD_CSUM;
    }
    key->kind = (key->kind & ~(uint32_t)KIND_IN) | sides4(f, key->src[0], key->dst[0]);
    return REASON_NONE;
}

static __attribute__((noinline)) enum pkt_reason finish6(const struct facts *f, struct key *key)
{
    key->kind = (key->kind & ~(uint32_t)KIND_IN) | sides6(f, key->src, key->dst);
    return REASON_NONE;
}

/* Result of express_read4 and express_read6. */
enum express_read {
    EXPRESS_NOT /* nothing is written: the careful parser takes over */,
    EXPRESS_GOOD,
    EXPRESS_BAD_SUM
};

/* Set key and offsets from an IP header and the bytes behind it, but not the bits that depend on own addresses, nor
 * the flag of a wrong sum. s: the shape of its protocol. */
inline_always enum express_read express_read4(const uint8_t *ip, struct pkt *pkt, struct key *key,
                                              const struct outer *o, const struct shape *s)
{
    uint32_t l4 = o->l3 + IP4_LEN, total = wire_get16(ip + IP4_TOTAL);
    if (unlikely(!header_ordinary(ip)) || !lengths_ok(ip + IP4_LEN, pkt, o, s, l4, (int32_t)total - IP4_LEN))
        return EXPRESS_NOT;
    key->word[0] = slots(wire_get32(ip + IP4_SRC), 0);
    key->word[1] = 0;
    key->word[2] = slots(wire_get32(ip + IP4_DST), 0);
    key->word[3] = 0;
    key->word[7] = halves(pkt->iface, total, ip[IP4_TTL], ip[IP4_TOS] >> 2);
    write_upper(ip + IP4_LEN, pkt, key, o, s, l4, o->l3 + total, pair(ip[IP4_PROTO], ETHER_IP4),
                KIND_IP4 | KIND_PROTO | KIND_FRAG_NO | KIND_IN);
    return header_sum_ok(ip) ? EXPRESS_GOOD : EXPRESS_BAD_SUM;
}

inline_always enum pkt_reason quick_ip4(struct pkt *pkt, const struct facts *facts, struct key *key,
                                        const struct outer *o)
{
    const uint8_t *ip = PKT_BYTES(pkt) + o->l3;
    const enum express_read found = express_read4(ip, pkt, key, o, &shapes4[ip[IP4_PROTO]]);
    if (unlikely(found == EXPRESS_NOT)) return QUICK_CAREFUL(pkt, facts, key);
    const bool bad_sum = found == EXPRESS_BAD_SUM;
    if (unlikely(bad_sum | facts_have_self(facts))) return finish4(pkt, facts, key, bad_sum);
    return REASON_NONE;
}

/* Return eight bytes of an address as two slots. */
inline_always uint64_t addr_word(const uint8_t *p)
{
    uint64_t v = wire_get64(p);
    return slots(v >> 32, v & UINT32_MAX);
}

/* Do the same for IPv6. */
inline_always enum express_read express_read6(const uint8_t *ip, struct pkt *pkt, struct key *key,
                                              const struct outer *o, const struct shape *s)
{
    uint32_t l4 = o->l3 + IP6_LEN, segment = wire_get16(ip + IP6_PAYLOAD), next = ip[IP6_NEXT];
    if (unlikely(ip[0] >> 4 != 6) || !lengths_ok(ip + IP6_LEN, pkt, o, s, l4, (int32_t)segment)) return EXPRESS_NOT;
    for (unsigned i = 0; i < 4; i++) key->word[i] = addr_word(ip + IP6_SRC + 8 * i);
    key->word[7] = halves(pkt->iface, segment + IP6_LEN, ip[IP6_HOPS], wire_get16(ip) >> 6 & 0x3f);
    uint32_t type = ip[IP6_LEN] - (uint32_t)ICMP6_ND_FIRST; /* 0 to 3 for neighbour discovery */
    uint32_t nd = (type >> 2 | (next ^ IPPROTO_NR_ICMP6) | (ip[IP6_HOPS] ^ 255u)) == 0 ? KIND_ND : 0;
    write_upper(ip + IP6_LEN, pkt, key, o, s, l4, l4 + segment, pair(next, ETHER_IP6),
                KIND_IP6 | KIND_PROTO | KIND_FRAG_NO | KIND_IN | nd);
    return EXPRESS_GOOD;
}

inline_always enum pkt_reason quick_ip6(struct pkt *pkt, const struct facts *facts, struct key *key,
                                        const struct outer *o)
{
    const uint8_t *ip = PKT_BYTES(pkt) + o->l3;
    const enum express_read found = express_read6(ip, pkt, key, o, &shapes6[ip[IP6_NEXT]]);
    if (unlikely(found == EXPRESS_NOT)) return QUICK_CAREFUL(pkt, facts, key);
    return unlikely(facts_have_self(facts)) ? finish6(facts, key) : REASON_NONE;
}

enum { TAGGED_LEN = ETHER_LEN + VLAN_LEN };

static __attribute__((noinline)) enum pkt_reason whole_ip6(struct pkt *pkt, const struct facts *facts, struct key *key)
{
    if (pkt->head_len < ETHER_LEN + IP6_LEN + L4_READ) return QUICK_CAREFUL(pkt, facts, key);
    return quick_ip6(pkt, facts, key,
                     &(struct outer){.l3 = ETHER_LEN, .kind = KIND_ETHER | KIND_ETHERTYPE, .whole = true});
}

static __attribute__((noinline)) enum pkt_reason whole_tagged(struct pkt *pkt, const struct facts *facts,
                                                              struct key *key)
{
    uint32_t tag = wire_get32(PKT_BYTES(pkt) + ETHER_LEN);
    uint16_t type = (uint16_t)tag;
    struct outer o = {.l3 = TAGGED_LEN,
                      .kind = KIND_ETHER | KIND_ETHERTYPE | KIND_VLAN,
                      .vlan = tag >> 16 & VLAN_VID,
                      .tag = true,
                      .whole = true};
    if (type == ETHER_IP4 && pkt->head_len >= TAGGED_LEN + IP4_LEN + L4_READ) return quick_ip4(pkt, facts, key, &o);
    if (type == ETHER_IP6 && pkt->head_len >= TAGGED_LEN + IP6_LEN + L4_READ) return quick_ip6(pkt, facts, key, &o);
    return QUICK_CAREFUL(pkt, facts, key);
}

/* Return the type of a frame's payload, and its place in o->l3; 0: left to the careful parser. */
static uint16_t carried(const struct pkt *pkt, struct outer *o)
{
    if (pkt->head_len < SLL2_LEN) return 0;
    switch ((enum pkt_link)pkt->link) {
    case LINK_ETHER:
        o->l3 = ETHER_LEN;
        o->kind |= KIND_ETHER;
        return wire_get16(PKT_BYTES(pkt) + ETHER_TYPE_AT);
    case LINK_SLL: o->l3 = SLL_LEN; return wire_get16(PKT_BYTES(pkt) + SLL_TYPE_AT);
    case LINK_SLL2: o->l3 = SLL2_LEN; return wire_get16(PKT_BYTES(pkt) + SLL2_TYPE_AT);
    case LINK_RAW: return PKT_BYTES(pkt)[0] >> 4 == 6 ? ETHER_IP6 : ETHER_IP4;
    case LINK_IP4: return ETHER_IP4;
    case LINK_IP6: return ETHER_IP6;
    default: return 0;
    }
}

/* Parse other links, frames that the capture or the buffer cut, and frames with a tag that the kernel took off. */
static __attribute__((noinline)) enum pkt_reason parse_other(struct pkt *pkt, const struct facts *facts,
                                                             struct key *key)
{
    struct outer o = {.kind = KIND_ETHERTYPE};
    uint16_t type = carried(pkt, &o);
    if (pkt->tag_count > 1) type = 0;
    if (pkt->tag_count == 1) {
        o.kind |= KIND_VLAN;
        o.vlan = pkt->tags[0].tci & VLAN_VID;
    }
    if (type == ETHER_IP4 && pkt->head_len >= o.l3 + IP4_LEN + L4_READ) return quick_ip4(pkt, facts, key, &o);
    if (type == ETHER_IP6 && pkt->head_len >= o.l3 + IP6_LEN + L4_READ) return quick_ip6(pkt, facts, key, &o);
    return QUICK_CAREFUL(pkt, facts, key);
}

inline_always enum pkt_reason parse_express(struct pkt *pkt, const struct facts *facts, struct key *key)
{
    const uint32_t least = ETHER_LEN + IP4_LEN + L4_READ;
    if (unlikely(pkt->link != LINK_ETHER || pkt->tag_count != 0 || pkt->head_len != pkt->wire_len ||
                 pkt->head_len - least > LARGEST - least))
        return parse_other(pkt, facts, key);
    uint16_t type = wire_get16(PKT_BYTES(pkt) + ETHER_TYPE_AT);
    if (likely(type == ETHER_IP4))
        return quick_ip4(pkt, facts, key,
                         &(struct outer){.l3 = ETHER_LEN, .kind = KIND_ETHER | KIND_ETHERTYPE, .whole = true});
    if (type == ETHER_IP6) return whole_ip6(pkt, facts, key);
    if (ether_is_tag(type)) return whole_tagged(pkt, facts, key);
    return QUICK_CAREFUL(pkt, facts, key);
}
