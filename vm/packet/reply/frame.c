/* Writing of a frame from its parts (frame.h):
 *
 *     destination and source MAC: 02:00 and the last four bytes of the IP address; groups have their group's MAC
 *     tags: 802.1Q; with an inner one the outer is 802.1ad
 *     IPv4: identification 1, no options unless asked for
 *     fragments: more follow a first one, and a later one whose length is a multiple of eight
 *     IPv6 with AH: behind the fragment header, where hosts put it (RFC 8200, 4.1); its check value is 96 zero bits
 *     TCP: the numbers of its conversation, window 64240, no options; ICMP: identifier 1, sequence 1
 *     after the payload: zeros up to `length`
 *     a tunnel's headers: TTL 64, whole; GUE variant 0 without flags, from port 49152, UDP checksum 0 (RFC 6935) */
#include "vm/packet/reply/frame.h"

#include <string.h>

#include "vm/packet/edit/write.h"
#include "vm/packet/ip_bits.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

enum {
    OPTIONS_LEN = 4,    /* no-ops, if there are options */
    AH_WITH_VALUE = 24, /* length of an AH, a multiple of eight bytes as IPv6 needs (RFC 4302, 2.6) */
};

uint8_t frame_form_of(uint8_t proto, bool six)
{
    for (uint8_t i = 0; i < UPPERS; i++)
        if (uppers[i].number == proto && uppers[i].families & (six ? KIND_IP6 : KIND_IP4)) return i;
    return FORM_PROTO;
}

/* True if the frame has an AH. A later fragment has only the protocol number of the AH in the first. */
static bool writes_ah(const struct frame_spec *p) { return p->ah && p->fragment != KIND_FRAG_LATER; }

static uint32_t ip_len(const struct frame_spec *p)
{
    const bool whole = p->fragment == KIND_FRAG_NO;
    if (p->form == FORM_ARP) return ARP_ETHER_LEN;
    if (p->family == 4) return IP4_LEN + (p->options ? OPTIONS_LEN : 0);
    return IP6_LEN + (whole ? 0u : IP6_FRAG_LEN) + (writes_ah(p) ? AH_WITH_VALUE : 0u);
}

uint32_t frame_least(const struct frame_spec *p)
{
    uint32_t upper = p->fragment == KIND_FRAG_LATER || p->form >= UPPERS ? 0 : uppers[p->form].header;
    upper += p->payload.len < UINT16_MAX ? p->payload.len : UINT16_MAX;
    if (p->fragment == KIND_FRAG_FIRST) upper = (upper + 7) / 8 * 8;
    if (p->fragment == KIND_FRAG_LATER && upper == 0) upper = 8;
    return ip_len(p) + upper;
}

uint32_t frame_carried(const struct frame_spec *p) { return (p->length ? p->length : frame_least(p)) - ip_len(p); }

uint32_t frame_tunnel_len(const struct frame_spec *p)
{
    const struct frame_tunnel *t = p->tunnel;
    if (!t) return 0;
    return (t->family == 4 ? IP4_LEN : IP6_LEN) + (t->gue ? UDP_LEN + GUE_LEN : 0u);
}

/* Return the default TTL: 255 for neighbour discovery, which hosts accept with no other hop limit (RFC 4861). */
uint8_t frame_ttl(const struct frame_spec *p)
{
    return p->form == FORM_ICMP6 && p->type >= ICMP6_ND_FIRST && p->type <= ICMP6_REDIRECT ? 255 : 64;
}

bool frame_is_icmp_error(const struct frame_spec *p)
{
    return (p->form == FORM_ICMP || p->form == FORM_ICMP6) && icmp_type_is_error(p->form == FORM_ICMP6, p->type);
}

/* Return the default second word of ICMP. Fragmentation needed (RFC 1191) and packet too big name the least MTU of
 * IPv6; queries have identifier 1, number 1. */
uint32_t frame_icmp_rest(const struct frame_spec *p)
{
    if (!frame_is_icmp_error(p)) return 1 << 16 | 1;
    const bool big = p->form == FORM_ICMP6 ? p->type == ICMP6_TOO_BIG
                                           : p->type == ICMP4_UNREACHABLE && p->code == ICMP4_CODE_TOO_BIG;
    return big ? IP6_LEAST_MTU : 0;
}

/* Write the MAC of an address; groups: RFC 1112, 6.4; RFC 2464, 7. */
static void write_mac(struct writer *w, const uint32_t addr[4], uint8_t family)
{
    const bool v4 = family == 4;
    const uint32_t last = addr[v4 ? 0 : 3];
    if (v4 && last == UINT32_MAX)
        write48(w, 0xffffffffffff);
    else if (v4 && last >> 28 == 0xe)
        write48(w, UINT64_C(0x01005e000000) | (last & 0x7fffff));
    else if (!v4 && addr[0] >> 24 == 0xff)
        write48(w, UINT64_C(0x333300000000) | last);
    else
        write48(w, UINT64_C(0x020000000000) | last);
}

static void write_link(struct writer *w, const struct frame_spec *p)
{
    const struct frame_tunnel *t = p->tunnel;
    const uint8_t family = t ? t->family : p->family;
    if (p->form == FORM_ARP && !p->arp_answer && !p->dst_mac)
        write48(w, 0xffffffffffff);
    else if (p->dst_mac)
        write48(w, p->dst_mac);
    else
        write_mac(w, t ? t->dst : p->dst, family);
    if (p->src_mac)
        write48(w, p->src_mac);
    else
        write_mac(w, t ? t->src : p->src, family);
    for (unsigned i = 0; i < p->tags; i++) {
        write16(w, p->tags == 2 && i == 0 ? ETHER_QINQ : ETHER_VLAN);
        write16(w, p->vid[i]);
    }
    write16(w, p->form == FORM_ARP ? ETHER_ARP : family == 4 ? ETHER_IP4 : ETHER_IP6);
}

/* Write the MAC of one side of ARP: the given one, or that of its address. */
static void write_side(struct writer *w, uint64_t mac, const uint32_t addr[4])
{
    if (mac)
        write48(w, mac);
    else
        write_mac(w, addr, 4);
}

static void write_arp(struct writer *w, const struct frame_spec *p)
{
    write16(w, ARP_HTYPE_ETHER);
    write16(w, ETHER_IP4);
    write8(w, 6);
    write8(w, 4);
    write16(w, p->arp_answer ? ARP_REPLY : ARP_REQUEST);
    write_side(w, p->src_mac, p->src);
    write32(w, p->src[0]);
    if (p->arp_answer)
        write_side(w, p->dst_mac, p->dst);
    else
        write48(w, 0);
    write32(w, p->dst[0]);
}

/* True if more bytes of the datagram follow: a fragment that is not the last carries a multiple of eight bytes. */
static bool has_more(const struct frame_spec *p, uint32_t carried)
{
    return p->fragment == KIND_FRAG_FIRST || (p->fragment == KIND_FRAG_LATER && carried % 8 == 0);
}

/* Write the numbers of the IP header that begins at `at`, each at the place in its row. */
static void put_numbers(struct writer *w, const struct frame_spec *p, uint32_t at)
{
    for (unsigned i = 0; i < IP_NUMBERS; i++)
        if (p->number[i])
            ip_bits_put(w->pkt->data + at, cond_info[ip_number_conds[i]].ip[p->family == 6], p->number[i]);
}

static void write_ip4(struct writer *w, const struct frame_spec *p, uint32_t length)
{
    const uint32_t at = w->pkt->head_len;
    write16(w, p->options ? 0x4600 : 0x4500);
    write16(w, (uint16_t)length);
    write16(w, (uint16_t)p->datagram);
    write16(w, (uint16_t)(p->offset / 8 | (has_more(p, length - ip_len(p)) ? IP4_MF : 0)));
    write8(w, p->ttl);
    write8(w, p->proto);
    write16(w, 0);
    write32(w, p->src[0]);
    write32(w, p->dst[0]);
    if (p->options) write32(w, 0x01010101);
    put_numbers(w, p, at);
    write_patch16(w, at + IP4_SUM, csum_fold(write_sum(w, 0, at, w->pkt->head_len)));
}

/* Write an AH (RFC 4302, 2) with the first index that is not reserved, number 1. */
static void write_ah(struct writer *w, uint8_t next)
{
    write8(w, next);
    write8(w, AH_WITH_VALUE / 4 - 2);
    write16(w, 0);
    write32(w, 256);
    write32(w, 1);
    for (unsigned at = AH_LEN; at < AH_WITH_VALUE; at += 4) write32(w, 0);
}

static void write_ip6(struct writer *w, const struct frame_spec *p, uint32_t length)
{
    const bool whole = p->fragment == KIND_FRAG_NO;
    const uint8_t next = p->ah ? IPPROTO_NR_AH : p->proto;
    const uint32_t at = w->pkt->head_len;
    write32(w, 6u << 28);
    write16(w, (uint16_t)(length - IP6_LEN));
    write8(w, whole ? next : IPPROTO_NR_FRAGMENT);
    write8(w, p->ttl);
    write_addr6(w, p->src);
    write_addr6(w, p->dst);
    put_numbers(w, p, at);
    if (!whole) {
        write8(w, next);
        write8(w, 0);
        write16(w, (uint16_t)(p->offset | has_more(p, length - ip_len(p))));
        write32(w, p->datagram);
    }
    if (writes_ah(p)) write_ah(w, p->proto);
}

static void write_udp(struct writer *w, const struct frame_spec *p, uint32_t len)
{
    write16(w, p->src_port);
    write16(w, p->dst_port);
    write16(w, (uint16_t)len);
    write16(w, 0);
}

/* Write the tunnel's headers: the outer packet is not fragmented, and its upper layer is the tunnel. */
static void write_tunnel(struct writer *w, const struct frame_spec *p, uint32_t length)
{
    const struct frame_tunnel *t = p->tunnel;
    const uint8_t inner = p->family == 4 ? IPPROTO_NR_IP4 : IPPROTO_NR_IP6;
    struct frame_spec outer = {.family = t->family,
                               .proto = t->gue ? IPPROTO_NR_UDP : inner,
                               .ttl = 64,
                               .fragment = KIND_FRAG_NO,
                               .datagram = 1,
                               .src_port = GUE_PORTS_FROM,
                               .dst_port = t->port};
    memcpy(outer.src, t->src, sizeof(outer.src));
    memcpy(outer.dst, t->dst, sizeof(outer.dst));
    if (t->family == 4)
        write_ip4(w, &outer, length + frame_tunnel_len(p));
    else
        write_ip6(w, &outer, length + frame_tunnel_len(p));
    if (!t->gue) return;
    write_udp(w, &outer, UDP_LEN + GUE_LEN + length);
    write32(w, (uint32_t)inner << 16);
}

static void write_tcp(struct writer *w, const struct frame_spec *p)
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

/* Write an SCTP header. Every association has tag 1, but an INIT has none (RFC 9260, 8.5.1). */
static void write_sctp(struct writer *w, const struct frame_spec *p)
{
    const bool init = p->payload.len && *p->payload.bytes == SCTP_INIT;
    write16(w, p->src_port);
    write16(w, p->dst_port);
    write32(w, !init);
    write32(w, 0);
}

static void write_icmp(struct writer *w, const struct frame_spec *p)
{
    write8(w, p->type);
    write8(w, p->code);
    write16(w, 0);
    write32(w, p->rest);
}

static void write_upper(struct writer *w, const struct frame_spec *p, uint32_t len)
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

static uint64_t pseudo_sum(const struct frame_spec *p, uint32_t len)
{
    if (p->form == FORM_ICMP) return 0;
    return p->family == 4 ? csum_pseudo4(p->src[0], p->dst[0], p->proto, len)
                          : csum_pseudo6(p->src, p->dst, p->proto, len);
}

/* Write the upper checksum. In a first fragment it covers that fragment, as if the datagram ended there. */
static void seal_upper(struct writer *w, const struct frame_spec *p, uint32_t at)
{
    const uint32_t end = w->pkt->head_len;
    if (p->fragment == KIND_FRAG_LATER || p->form >= UPPERS) return;
    const uint32_t place = at + uppers[p->form].sum;
    if (p->form == FORM_SCTP) {
        const uint32_t crc = csum_sctp(w->pkt->data + at, end - at);
        write_patch16(w, place, (uint16_t)((crc & 0xff) << 8 | (crc >> 8 & 0xff)));
        write_patch16(w, place + 2, (uint16_t)((crc >> 16 & 0xff) << 8 | crc >> 24));
    } else {
        const uint16_t sum = csum_fold(write_sum(w, pseudo_sum(p, end - at), at, end));
        write_patch16(w, place, p->form == FORM_UDP ? csum_udp(sum) : sum);
    }
}

static void write_bytes(struct writer *w, const uint8_t *bytes, uint32_t len)
{
    uint8_t *room = write_room(w, len);
    if (!room) return;
    if (bytes)
        memcpy(room, bytes, len);
    else
        memset(room, 0, len);
}

uint32_t frame_write(const struct frame_spec *p, uint8_t frame[FRAME_MOST])
{
    const uint32_t least = frame_least(p), length = p->length ? p->length : least;
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
    pkt.tailroom = UINT16_MAX; /* the headers are written; the rest fits, but with them exceeds 16 bits */
    write_bytes(&w, p->payload.bytes, p->payload.len);
    pkt.tailroom = UINT16_MAX;
    write_bytes(&w, NULL, l3 + length - pkt.head_len);
    seal_upper(&w, p, l4);
    return pkt.head_len;
}

void frame_spec_view(const struct frame_spec *f, const uint8_t *frame, uint32_t len, struct pkt *pkt)
{
    pkt_view(pkt, frame, len, len, LINK_ETHER, f->iface);
    pkt->way = f->way;
    pkt->source = f->source;
    pkt->flags |= (uint8_t)((f->way ? PKT_WAY_SAID : 0) | (f->source ? PKT_SOURCE_SAID : 0));
}
