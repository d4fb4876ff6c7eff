/* The packet of a test as the frame that would be on the wire: Ethernet, tags, IP or ARP, every checksum right.
 *
 *     destination and source MAC: 02:00 and the last four bytes of the IP address; groups have their group's MAC
 *     tags: 802.1Q; with an inner one the outer is 802.1ad
 *     IPv4: identification 1, no options unless asked for; a fragment `first` has more to come, as has a `later` one of
 *     whole eights
 *     TCP: the numbers of its conversation, window 64240, no options; ICMP: identifier 1, sequence 1
 *     after the payload: zeros up to `length`
 *     a tunnel's headers: TTL 64, whole; GUE variant 0 without flags, from port 49152, UDP checksum 0 (RFC 6935) */
#include "compiler/ruletest/ruletest.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/edit/write.h"

enum { OPTIONS_LEN = 4 }; /* no-ops, where there are any */

static uint32_t header_len(const struct test_packet *p)
{
    if (p->fragment == KIND_FRAG_LATER) return 0;
    switch (p->form) {
    case FORM_TCP: return TCP_LEN;
    case FORM_UDP: return UDP_LEN;
    case FORM_SCTP: return SCTP_LEN;
    case FORM_ICMP:
    case FORM_ICMP6: return ICMP_LEN;
    default: return 0;
    }
}

static uint32_t ip_len(const struct test_packet *p)
{
    const bool whole = p->fragment == KIND_FRAG_NO;

    if (p->form == FORM_ARP) return ARP_ETHER_LEN;
    if (p->family == 4) return IP4_LEN + (p->options ? OPTIONS_LEN : 0);
    return IP6_LEN + (whole ? 0 : IP6_FRAG_LEN);
}

uint32_t test_packet_least(const struct test_packet *p)
{
    uint32_t upper = header_len(p) + (uint32_t)(p->payload.len < UINT16_MAX ? p->payload.len : UINT16_MAX);

    if (p->fragment == KIND_FRAG_FIRST) upper = (upper + 7) / 8 * 8;
    if (p->fragment == KIND_FRAG_LATER && upper == 0) upper = 8;
    return ip_len(p) + upper;
}

uint32_t test_packet_carried(const struct test_packet *p)
{
    return (p->length ? p->length : test_packet_least(p)) - ip_len(p);
}

uint32_t test_tunnel_adds(const struct test_packet *p)
{
    const struct test_tunnel *t = p->tunnel;

    if (!t) return 0;
    return (t->family == 4 ? IP4_LEN : IP6_LEN) + (t->gue ? UDP_LEN + GUE_LEN : 0u);
}

/* Link layer ------------------------------------------------------------------------------------------------------- */

static uint32_t word_at(const uint8_t *bytes) { return wire_get32(bytes); }

/* RFC 1112, 6.4; RFC 2464, 7. */
static void write_mac(struct writer *w, const struct addr *a)
{
    const bool v4 = a->family == 4;
    const uint32_t last = word_at(a->bytes + (v4 ? 0 : 12));

    if (v4 && last == UINT32_MAX)
        write48(w, 0xffffffffffff);
    else if (v4 && last >> 28 == 0xe)
        write48(w, UINT64_C(0x01005e000000) | (last & 0x7fffff));
    else if (!v4 && a->bytes[0] == 0xff)
        write48(w, UINT64_C(0x333300000000) | last);
    else
        write48(w, UINT64_C(0x020000000000) | last);
}

static void write_link(struct writer *w, const struct test_packet *p)
{
    if (p->form == FORM_ARP && !p->arp_answer)
        write48(w, 0xffffffffffff);
    else if (p->dst_mac)
        write48(w, p->dst_mac);
    else
        write_mac(w, p->tunnel ? &p->tunnel->dst : &p->dst);
    if (p->src_mac)
        write48(w, p->src_mac);
    else
        write_mac(w, p->tunnel ? &p->tunnel->src : &p->src);
    for (unsigned i = 0; i < p->tags; i++) {
        write16(w, p->tags == 2 && i == 0 ? ETHER_QINQ : ETHER_VLAN);
        write16(w, p->vid[i]);
    }
    const uint8_t family = p->tunnel ? p->tunnel->family : p->family;
    write16(w, p->form == FORM_ARP ? ETHER_ARP : family == 4 ? ETHER_IP4 : ETHER_IP6);
}

/* A question who has the destination's address, or the answer to it. */
static void write_arp(struct writer *w, const struct test_packet *p)
{
    write16(w, ARP_HTYPE_ETHER);
    write16(w, ETHER_IP4);
    write8(w, 6);
    write8(w, 4);
    write16(w, p->arp_answer ? ARP_REPLY : ARP_REQUEST);
    write_mac(w, &p->src);
    write32(w, word_at(p->src.bytes));
    if (p->arp_answer)
        write_mac(w, &p->dst);
    else
        write48(w, 0);
    write32(w, word_at(p->dst.bytes));
}

/* IP --------------------------------------------------------------------------------------------------------------- */

static void write_addr(struct writer *w, const struct addr *a)
{
    for (unsigned i = 0; i < (a->family == 4 ? 4 : 16); i++) write8(w, a->bytes[i]);
}

/* Do more bytes of its datagram follow? A fragment that is not the last carries whole eights. */
static bool has_more(const struct test_packet *p, uint32_t carried)
{
    return p->fragment == KIND_FRAG_FIRST || (p->fragment == KIND_FRAG_LATER && carried % 8 == 0);
}

static void write_ip4(struct writer *w, const struct test_packet *p, uint32_t length)
{
    const uint32_t at = w->pkt->head_len;

    write16(w, (uint16_t)((p->options ? 0x4600 : 0x4500) | p->dscp << 2));
    write16(w, (uint16_t)length);
    write16(w, (uint16_t)p->datagram);
    write16(w, (uint16_t)(p->offset / 8 | (has_more(p, length - ip_len(p)) ? IP4_MF : 0)));
    write8(w, p->ttl);
    write8(w, p->proto);
    write16(w, 0);
    write_addr(w, &p->src);
    write_addr(w, &p->dst);
    if (p->options) write32(w, 0x01010101);
    write_patch16(w, at + IP4_SUM, csum_fold(write_sum(w, 0, at, w->pkt->head_len)));
}

static void write_ip6(struct writer *w, const struct test_packet *p, uint32_t length)
{
    const bool whole = p->fragment == KIND_FRAG_NO;

    write32(w, 6u << 28 | (uint32_t)p->dscp << 22);
    write16(w, (uint16_t)(length - IP6_LEN));
    write8(w, whole ? p->proto : IPPROTO_NR_FRAGMENT);
    write8(w, p->ttl);
    write_addr(w, &p->src);
    write_addr(w, &p->dst);
    if (whole) return;
    write8(w, p->proto);
    write8(w, 0);
    write16(w, (uint16_t)(p->offset | has_more(p, length - ip_len(p))));
    write32(w, p->datagram);
}

/* The headers around it: the outer packet is a whole one whose upper layer is the tunnel's. */
static void write_tunnel(struct writer *w, const struct test_packet *p, uint32_t length)
{
    enum { IPV4_INSIDE = 4, IPV6_INSIDE = 41, GUE_SOURCE_PORT = 49152 };
    const struct test_tunnel *t = p->tunnel;
    const uint8_t inside = p->family == 4 ? IPV4_INSIDE : IPV6_INSIDE;
    const struct test_packet outer = {.family = t->family,
                                      .proto = t->gue ? IPPROTO_NR_UDP : inside,
                                      .src = t->src,
                                      .dst = t->dst,
                                      .ttl = 64,
                                      .fragment = KIND_FRAG_NO,
                                      .datagram = 1};

    if (t->family == 4)
        write_ip4(w, &outer, length + test_tunnel_adds(p));
    else
        write_ip6(w, &outer, length + test_tunnel_adds(p));
    if (!t->gue) return;
    write16(w, GUE_SOURCE_PORT);
    write16(w, t->port);
    write16(w, (uint16_t)(UDP_LEN + GUE_LEN + length));
    write16(w, 0);
    write32(w, (uint32_t)inside << 16);
}

/* What IP carries -------------------------------------------------------------------------------------------------- */

static void write_tcp(struct writer *w, const struct test_packet *p)
{
    write16(w, p->src_port);
    write16(w, p->dst_port);
    write32(w, p->seq);
    write32(w, p->flags & TCP_ACK ? p->ack : 0);
    write8(w, TCP_LEN / 4 << 4);
    write8(w, p->flags);
    write16(w, 64240);
    write32(w, 0);
}

static void write_udp(struct writer *w, const struct test_packet *p, uint32_t len)
{
    write16(w, p->src_port);
    write16(w, p->dst_port);
    write16(w, (uint16_t)len);
    write16(w, 0);
}

static void write_sctp(struct writer *w, const struct test_packet *p)
{
    write16(w, p->src_port);
    write16(w, p->dst_port);
    write32(w, 1);
    write32(w, 0);
}

static void write_icmp(struct writer *w, const struct test_packet *p)
{
    write8(w, p->type);
    write8(w, p->code);
    write16(w, 0);
    write32(w, p->rest);
}

static void write_upper(struct writer *w, const struct test_packet *p, uint32_t len)
{
    if (p->fragment == KIND_FRAG_LATER) return;
    switch (p->form) {
    case FORM_TCP: write_tcp(w, p); break;
    case FORM_UDP: write_udp(w, p, len); break;
    case FORM_SCTP: write_sctp(w, p); break;
    case FORM_ICMP:
    case FORM_ICMP6: write_icmp(w, p); break;
    default: break;
    }
}

static uint64_t pseudo_sum(const struct test_packet *p, uint32_t len)
{
    uint32_t src[4], dst[4];

    if (p->form == FORM_ICMP) return 0;
    if (p->family == 4) return csum_pseudo4(word_at(p->src.bytes), word_at(p->dst.bytes), p->proto, len);
    for (unsigned i = 0; i < 4; i++) {
        src[i] = word_at(p->src.bytes + 4 * i);
        dst[i] = word_at(p->dst.bytes + 4 * i);
    }
    return csum_pseudo6(src, dst, p->proto, len);
}

/* Where the internet checksum of the upper layer stands; 0: it has none. */
static uint32_t sum_at(const struct test_packet *p)
{
    return p->form == FORM_TCP                             ? TCP_SUM
           : p->form == FORM_UDP                           ? 6
           : p->form == FORM_ICMP || p->form == FORM_ICMP6 ? ICMP_SUM
                                                           : 0;
}

/* Of a first fragment the sum covers what is there: the rest of its datagram is nowhere. */
static void seal_upper(struct writer *w, const struct test_packet *p, uint32_t at)
{
    const uint32_t end = w->pkt->head_len;

    if (p->fragment == KIND_FRAG_LATER) return;
    if (p->form == FORM_SCTP) {
        const uint32_t crc = csum_sctp(w->pkt->data + at, end - at);
        write_patch16(w, at + 8, (uint16_t)((crc & 0xff) << 8 | (crc >> 8 & 0xff)));
        write_patch16(w, at + 10, (uint16_t)((crc >> 16 & 0xff) << 8 | crc >> 24));
    } else if (sum_at(p)) {
        const uint16_t sum = csum_fold(write_sum(w, pseudo_sum(p, end - at), at, end));
        write_patch16(w, at + sum_at(p), p->form == FORM_UDP ? csum_udp(sum) : sum);
    }
}

static void write_bytes(struct writer *w, const char *bytes, uint32_t len)
{
    uint8_t *room = write_room(w, len);

    if (!room) return;
    if (bytes)
        memcpy(room, bytes, len);
    else
        memset(room, 0, len);
}

uint32_t test_frame_build(const struct test_packet *p, uint8_t frame[TEST_FRAME_MOST])
{
    const uint32_t least = test_packet_least(p), length = p->length ? p->length : least;
    struct pkt pkt = {.data = frame, .tailroom = UINT16_MAX};
    struct writer w = {.pkt = &pkt};

    write_link(&w, p);
    if (p->form == FORM_ARP) {
        write_arp(&w, p);
        return pkt.head_len;
    }
    if (p->tunnel) write_tunnel(&w, p, length);
    const uint32_t l3 = pkt.head_len, l4 = l3 + ip_len(p);
    if (p->family == 4)
        write_ip4(&w, p, length);
    else
        write_ip6(&w, p, length);
    write_upper(&w, p, length - ip_len(p));
    pkt.tailroom = UINT16_MAX; /* the headers are written, and what follows fits, but with them is past 16 bits */
    write_bytes(&w, p->payload.s, (uint32_t)p->payload.len);
    pkt.tailroom = UINT16_MAX;
    write_bytes(&w, NULL, l3 + length - pkt.head_len);
    seal_upper(&w, p, l4);
    return pkt.head_len;
}
