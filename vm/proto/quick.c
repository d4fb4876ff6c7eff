/* pkt_parse, with a quick way for the ordinary frame: Ethernet, at most one VLAN tag, IPv4 without options or fragments or
 * IPv6 without extension headers, every header in the linear head.
 *
 * It reads all fields at their fixed places, gathers everything unusual into one number, and only then writes: the key in
 * six stores, the offsets in one. A table row a protocol replaces branches on it, so a mix of protocols costs no more than
 * one. What is unusual goes to the careful parser from the start, which finds the reason; the results are equal
 * wherever this way gives one (tests/unit/vm/test_proto_quick.c). */
#include "vm/proto/parse.h"
#include "vm/proto/sides.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* How the bytes after the IP header are read, by protocol. Masks are all ones where the field exists. */
struct shape {
    uint32_t kind;     /* KIND bits of a packet with its whole header */
    uint32_t ports;
    uint16_t icmp;     /* type and code */
    uint16_t udp;      /* the length field */
    uint16_t payload;
    uint8_t flags;
    uint8_t offset;    /* of the data offset, in bytes: 0x3c for TCP */
    uint8_t header;    /* bytes without what the data offset says */
    uint8_t least;     /* bytes at least */
    uint8_t careful;   /* 1: leave it to the careful parser */
    uint8_t pad[13];
};
static_assert(sizeof(struct shape) == 32, "a shift away");

#define SHAPES_OF_PORTS \
    [IPPROTO_NR_TCP] = {.kind = KIND_PROTO | KIND_TCP | KIND_PORTS | KIND_TCP_FLAGS, .ports = UINT32_MAX, .flags = 0xff, \
                        .offset = 0x3c, .least = TCP_LEN, .payload = UINT16_MAX}, \
    [IPPROTO_NR_UDP] = {.kind = KIND_PROTO | KIND_UDP | KIND_PORTS, .ports = UINT32_MAX, .udp = UINT16_MAX, \
                        .header = UDP_LEN, .least = UDP_LEN, .payload = UINT16_MAX}, \
    [IPPROTO_NR_SCTP] = {.kind = KIND_PROTO | KIND_SCTP | KIND_PORTS, .ports = UINT32_MAX, .header = SCTP_LEN, \
                         .least = SCTP_LEN, .payload = UINT16_MAX}
#define SHAPE_OF_ICMP(bit) \
    {.kind = KIND_PROTO | (bit) | KIND_ICMP_HEADER, .icmp = UINT16_MAX, .header = ICMP_LEN, .least = ICMP_LEN, .payload = UINT16_MAX}
#define CAREFUL {.careful = 1}

static const struct shape shapes4[256] __attribute__((aligned(64))) = {SHAPES_OF_PORTS, [IPPROTO_NR_ICMP] = SHAPE_OF_ICMP(KIND_ICMP)};
static const struct shape shapes6[256] __attribute__((aligned(64))) = {
    SHAPES_OF_PORTS,
    [IPPROTO_NR_ICMP6] = SHAPE_OF_ICMP(KIND_ICMP6),
    [IPPROTO_NR_HOPOPT] = CAREFUL, [IPPROTO_NR_ROUTING] = CAREFUL, [IPPROTO_NR_FRAGMENT] = CAREFUL, [IPPROTO_NR_AH] = CAREFUL,
    [IPPROTO_NR_DSTOPTS] = CAREFUL, [IPPROTO_NR_MOBILITY] = CAREFUL, [IPPROTO_NR_HIP] = CAREFUL, [IPPROTO_NR_SHIM6] = CAREFUL,
};

/* Two slots, or four halves, as the word of the key that holds them. */
static inline uint64_t slots(uint32_t first, uint32_t second)
{
    union { uint32_t slot[2]; uint64_t word; } u = {{first, second}};
    return u.word;
}

static inline uint64_t halves(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (uint64_t)(a | b << 16) | (uint64_t)(c | d << 16) << 32;
#else
    return (uint64_t)(a << 16 | b) << 32 | (c << 16 | d);
#endif
}

/* The frame up to its IP header. */
struct outer {
    const struct facts *facts;
    uint32_t l3;
    uint32_t kind;
    uint16_t ether_type, vlan;
};

/* What both families find in the bytes after the IP header. */
struct inner {
    uint32_t kind, ports, icmp, flags, payload;
    uint32_t odd; /* not 0: leave it to the careful parser */
};

enum { INNER_READ = TCP_FLAGS + 1 }; /* bytes that read_inner reads, whatever the protocol */

/* l4: offset of those bytes; segment: how many there are by the IP length (negative: it is wrong). */
static inline struct inner read_inner(const struct pkt *pkt, const struct shape *s, uint32_t l4, int32_t segment)
{
    const uint8_t *p = pkt->data + l4;
    int32_t header = s->header + (p[TCP_OFFSET] >> 2 & s->offset);
    uint32_t ports = wire_get32(p) & s->ports, type_code = wire_get16(p) & (uint32_t)s->icmp;
    uint32_t udp = wire_get16(p + UDP_LENGTH);
    /* One unsigned comparison says "under 8 or past the segment". */
    uint32_t bad_udp = (udp - UDP_LEN > (uint32_t)segment - UDP_LEN) & s->udp;
    return (struct inner){
        .kind = s->kind | KIND_PROTO | KIND_FRAG_NO,
        .ports = ports << 16 | ports >> 16,
        .icmp = type_code >> 8 | (type_code & 0xff) << 16,
        .flags = p[TCP_FLAGS] & (uint32_t)s->flags,
        .payload = (l4 + (uint32_t)header) & s->payload,
        .odd = s->careful | bad_udp | (uint32_t)(header < s->least) | (uint32_t)(segment < header) |
               (uint32_t)(l4 + (uint32_t)header > pkt->head_len),
    };
}

static inline void write_pkt(struct pkt *pkt, const struct outer *o, const struct inner *in, uint32_t l4, uint32_t l3_end,
                             uint32_t flags)
{
    uint32_t snapped = pkt->cap_len < pkt->wire_len ? PKT_SNAPPED : 0;
    pkt->offsets = halves(o->l3, l4, in->payload, l3_end);
    pkt->flags = (uint8_t)((pkt->flags & ~(uint32_t)(PKT_SNAPPED | PKT_BAD_CSUM | PKT_NOT_LINEAR)) | flags | snapped);
    pkt->reason = REASON_NONE;
    pkt->tags_in_frame = o->l3 != ETHER_LEN;
    pkt->ext_headers = 0;
}

static inline void write_key(struct key *key, const struct pkt *pkt, const struct outer *o, const struct inner *in, uint32_t kind,
                             uint8_t proto, uint64_t tail)
{
    key->word[4] = slots(o->kind | in->kind | kind, in->flags);
    key->word[5] = halves(in->ports & 0xffff, in->ports >> 16, proto, o->ether_type);
    key->word[6] = halves(in->icmp & 0xffff, in->icmp >> 16, o->vlan, 0);
    key->word[7] = tail | halves(pkt->iface, 0, 0, 0);
}

/* Is the one's complement sum of a 20-byte header all ones? */
static inline bool header_sum_ok(const uint8_t *ip)
{
    uint64_t a = wire_raw64(ip), sum = a + wire_raw64(ip + 8);
    sum += sum < a;
    uint64_t c = wire_raw32(ip + 16);
    sum += c;
    sum += sum < c;
    uint64_t high = sum + (sum << 32 | sum >> 32);
    uint32_t sum32 = (uint32_t)(high >> 32);
    sum32 += sum32 << 16 | sum32 >> 16;
    return sum32 >> 16 == 0xffff;
}

static inline bool quick_ip4(struct pkt *pkt, struct key *key, const struct outer *o)
{
    const uint8_t *ip = pkt->data + o->l3;
    uint32_t first = wire_get32(ip), total = first & 0xffff;
    const struct shape *s = &shapes4[ip[IP4_PROTO]];
    uint32_t l4 = o->l3 + IP4_LEN;
    struct inner in = read_inner(pkt, s, l4, (int32_t)total - IP4_LEN);
    bool bad_sum = !header_sum_ok(ip), drop = o->facts && o->facts->drop_bad_checksum;
    uint32_t odd = in.odd | (first >> 24 ^ 0x45) | (wire_get16(ip + IP4_FRAG) & (uint32_t)(IP4_MF | IP4_OFFSET)) |
                   (uint32_t)(o->l3 + total > pkt->wire_len) | (uint32_t)(bad_sum & drop);
    if (unlikely(odd)) return false;

    uint32_t src = wire_get32(ip + IP4_SRC), dst = wire_get32(ip + IP4_DST);
    uint32_t l3_end = o->l3 + total;
    key->word[0] = slots(src, 0);
    key->word[1] = 0;
    key->word[2] = slots(dst, 0);
    key->word[3] = 0;
    write_key(key, pkt, o, &in, KIND_IP4 | sides4(o->facts, src, dst), ip[IP4_PROTO],
              halves(0, total, ip[IP4_TTL], first >> 18 & 0x3f));
    write_pkt(pkt, o, &in, l4, l3_end > UINT16_MAX ? UINT16_MAX : l3_end, bad_sum ? PKT_BAD_CSUM : 0);
    return true;
}

static inline bool quick_ip6(struct pkt *pkt, struct key *key, const struct outer *o)
{
    const uint8_t *ip = pkt->data + o->l3;
    uint32_t first = wire_get32(ip), bytes = wire_get16(ip + IP6_PAYLOAD), total = bytes + IP6_LEN;
    uint8_t next = ip[IP6_NEXT], hops = ip[IP6_HOPS];
    uint32_t l4 = o->l3 + IP6_LEN;
    struct inner in = read_inner(pkt, &shapes6[next], l4, (int32_t)bytes);
    uint32_t odd = in.odd | (first >> 28 ^ 6) | (uint32_t)(o->l3 + total > pkt->wire_len);
    if (unlikely(odd)) return false;

    uint32_t src[4], dst[4], l3_end = o->l3 + total, type = in.icmp & 0xffff;
    for (unsigned i = 0; i < 4; i++) {
        src[i] = wire_get32(ip + IP6_SRC + 4 * i);
        dst[i] = wire_get32(ip + IP6_DST + 4 * i);
    }
    memcpy(key->src, src, sizeof(src));
    memcpy(key->dst, dst, sizeof(dst));
    bool nd = (type - ICMP6_ND_FIRST <= ICMP6_ND_LAST - ICMP6_ND_FIRST) & (hops == 255);
    write_key(key, pkt, o, &in, KIND_IP6 | (nd ? KIND_ND : 0) | sides6(o->facts, src, dst), next,
              halves(0, total > UINT16_MAX ? UINT16_MAX : total, hops, first >> 22 & 0x3f));
    write_pkt(pkt, o, &in, l4, l3_end > UINT16_MAX ? UINT16_MAX : l3_end, 0);
    return true;
}

enum pkt_reason pkt_parse(struct pkt *pkt, const struct facts *facts, struct key *key)
{
    uint32_t head = pkt->head_len;
    if (likely(pkt->link == LINK_ETHER && pkt->tag_count == 0 && head >= ETHER_LEN + IP4_LEN + INNER_READ)) {
        struct outer o = {.facts = facts, .l3 = ETHER_LEN, .kind = KIND_ETHER | KIND_ETHERTYPE};
        uint16_t type = wire_get16(pkt->data + ETHER_TYPE_AT);
        if (type == ETHER_VLAN) {
            o.kind |= KIND_VLAN;
            o.vlan = wire_get16(pkt->data + ETHER_LEN) & VLAN_VID;
            o.l3 += VLAN_LEN;
            type = wire_get16(pkt->data + ETHER_LEN + 2);
        }
        o.ether_type = type;
        if (type == ETHER_IP4) {
            if (likely(head >= o.l3 + IP4_LEN + INNER_READ) && quick_ip4(pkt, key, &o)) return REASON_NONE;
        } else if (type == ETHER_IP6) {
            if (likely(head >= o.l3 + IP6_LEN + INNER_READ) && quick_ip6(pkt, key, &o)) return REASON_NONE;
        }
    }
    return parse_frame(pkt, facts, key);
}
