/* See offload.h. Partial checksums that the vm cannot update, those of inner packets and SCTP, are completed on
 * arrival; they are rare. So above this file a partial checksum is always that of TCP or UDP at pkt->l4. */
#include "runtime/io/offload.h"

#include <string.h>

#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4 /* since Linux 6.2 */
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

uint32_t offload_l4(const struct pkt *pkt, uint32_t *l3, uint8_t *proto)
{
    const bool bare = pkt->link == LINK_RAW;
    uint32_t at = bare ? 0 : ETHER_LEN;
    if (pkt->head_len < at + IP6_LEN) return 0;
    uint16_t type = bare ? pkt->data[0] >> 4 == 4 ? ETHER_IP4 : ETHER_IP6 : wire_get16(pkt->data + ETHER_TYPE_AT);
    for (; (type == ETHER_VLAN || type == ETHER_QINQ || type == ETHER_QINQ_OLD) &&
           at + VLAN_LEN + IP6_LEN <= pkt->head_len;
         at += VLAN_LEN)
        type = wire_get16(pkt->data + at + 2);
    const uint8_t *ip = pkt->data + at;
    *l3 = at;
    *proto = type == ETHER_IP4 ? ip[IP4_PROTO] : ip[IP6_NEXT];
    if (*proto != IPPROTO_NR_TCP && *proto != IPPROTO_NR_UDP) return 0;
    if (type == ETHER_IP4) return at + (ip[0] & 15u) * 4;
    return type == ETHER_IP6 ? at + IP6_LEN : 0;
}

static uint32_t sum_at(uint8_t proto) { return proto == IPPROTO_NR_TCP ? TCP_SUM : UDP_SUM; }

/* Complete the checksum. The field holds the sum of the pseudo header, or 0 for SCTP. */
static void offload_sum(struct pkt *pkt, uint32_t from, uint32_t field)
{
    const uint32_t end = pkt->head_len;
    const bool sctp = field == from + SCTP_SUM;
    if (from > end || field + (sctp ? 4 : 2) > end) return;
    if (sctp) {
        memset(pkt->data + field, 0, 4);
        const uint32_t crc = htole32(csum_sctp(pkt->data + from, end - from));
        memcpy(pkt->data + field, &crc, sizeof crc);
        return;
    }
    const uint16_t sum = csum_fold(csum_add(0, pkt->data + from, end - from));
    wire_put16(pkt->data + field, csum_udp(sum)); /* 0 and 0xffff mean the same sum */
}

/* Return the L4 offset (as offload_l4) of an IPv6 packet with extension headers. */
static uint32_t walked_l4(struct pkt *pkt, uint32_t *l3, uint8_t *proto)
{
    static const struct facts none;
    struct key key;
    const uint8_t flags = pkt->flags;
    const bool fine =
        pkt_parse(pkt, &none, &key) == REASON_NONE && key.kind & KIND_PROTO && !(key.kind & KIND_FRAGMENT);
    const uint32_t l4 = pkt->l4;
    *l3 = pkt->l3;
    *proto = (uint8_t)key.proto;
    pkt->flags = flags;
    return fine ? l4 : 0;
}

static bool complete_sctp(uint8_t *packet, uint32_t len)
{
    static const uint8_t zero[4];
    if (len < SCTP_LEN || memcmp(packet + SCTP_SUM, zero, 4) != 0) return false;
    const uint32_t crc = htole32(csum_sctp(packet, len));
    memcpy(packet + SCTP_SUM, &crc, sizeof crc);
    return true;
}

/* Return the length of the upper-layer packet from l4 on, by the IP header: padding may follow. 0: incomplete, or a
 * fragment, whose checksum is complete. */
static uint32_t upper_len(const struct pkt *pkt, uint32_t l3, uint32_t l4)
{
    const uint8_t *ip = pkt->data + l3;
    const bool v4 = ip[0] >> 4 == 4;
    if (v4 && wire_get16(ip + IP4_FRAG) & 0x3fff) return 0;
    const uint32_t end = l3 + (v4 ? wire_get16(ip + IP4_TOTAL) : wire_get16(ip + IP6_PAYLOAD) + (uint32_t)IP6_LEN);
    return end <= pkt->head_len && end > l4 ? end - l4 : 0;
}

static uint64_t pseudo(const uint8_t *ip, uint8_t proto, uint32_t len)
{
    const bool v4 = ip[0] >> 4 == 4;
    return csum_add((uint64_t)proto + len, ip + (v4 ? (uint32_t)IP4_SRC : (uint32_t)IP6_SRC), v4 ? 8 : 32);
}

bool offload_complete(struct pkt *pkt)
{
    uint8_t proto = 0;
    uint32_t l3 = 0, l4 = offload_l4(pkt, &l3, &proto);
    const bool seen = pkt->head_len >= (pkt->link == LINK_RAW ? 0u : ETHER_LEN) + IP6_LEN && pkt->data[l3] >> 4 != 6 &&
                      proto != IPPROTO_NR_SCTP;
    if (!l4 && !seen) l4 = walked_l4(pkt, &l3, &proto);
    if (!l4 || l4 + UDP_LEN > pkt->head_len) return false;
    const uint32_t len = upper_len(pkt, l3, l4), field = proto == IPPROTO_NR_SCTP ? 0 : l4 + sum_at(proto);
    if (!len) return false;
    if (proto == IPPROTO_NR_SCTP) return complete_sctp(pkt->data + l4, len);
    if (field + 2 > l4 + len || (proto != IPPROTO_NR_TCP && proto != IPPROTO_NR_UDP)) return false;
    const uint16_t start = (uint16_t)~csum_fold(pseudo(pkt->data + l3, proto, len));
    if (wire_get16(pkt->data + field) != start) return false;
    const uint16_t sum = csum_fold(csum_add(0, pkt->data + l4, len));
    wire_put16(pkt->data + field, csum_udp(sum));
    return true;
}

/* Take TCP segments that a card has joined, and whose checksums it has verified. */
static bool take_joined(struct pkt *pkt, const struct virtio_net_hdr *h)
{
    uint8_t proto = 0;
    uint32_t l3 = 0;
    const uint32_t l4 = offload_l4(pkt, &l3, &proto), len = l4 ? upper_len(pkt, l3, l4) : 0;
    if (len < TCP_LEN || proto != IPPROTO_NR_TCP || !h->gso_size) return false;
    wire_put16(pkt->data + l4 + TCP_SUM, (uint16_t)~csum_fold(pseudo(pkt->data + l3, proto, len)));
    pkt->flags |= PKT_CSUM_PARTIAL;
    pkt->segment = h->gso_size;
    return true;
}

bool offload_take(struct pkt *pkt, const struct virtio_net_hdr *h, bool verified)
{
    const bool partial = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, super = h->gso_type != VIRTIO_NET_HDR_GSO_NONE;
    if (!partial) return !super || (verified && take_joined(pkt, h));
    uint8_t proto;
    uint32_t l3;
    const uint32_t l4 = offload_l4(pkt, &l3, &proto);
    if (!l4 || l4 != h->csum_start || sum_at(proto) != h->csum_offset) {
        if (!super) offload_sum(pkt, h->csum_start, (uint32_t)h->csum_start + h->csum_offset);
        return !super;
    }
    pkt->flags |= PKT_CSUM_PARTIAL;
    if (super) pkt->segment = h->gso_size;
    return !super || h->gso_size;
}

/* Return the length of the L4 header. *cwr: TCP has ECN's CWR, which only a super-packet's first segment keeps. */
static uint16_t l4_len(const struct pkt *pkt, bool tcp, bool *cwr)
{
    enum { CWR = 0x80 };
    *cwr = false;
    if (!tcp || pkt->l4 + (uint32_t)TCP_LEN > pkt->head_len) return UDP_LEN;
    *cwr = pkt->data[pkt->l4 + TCP_FLAGS] & CWR;
    return (uint16_t)((pkt->data[pkt->l4 + TCP_OFFSET] >> 4) * 4);
}

void offload_give(const struct pkt *pkt, struct virtio_net_hdr *h)
{
    *h = (struct virtio_net_hdr){0};
    if (!(pkt->flags & PKT_CSUM_PARTIAL) || pkt->l3 >= pkt->head_len) return;
    const bool v4 = pkt->data[pkt->l3] >> 4 == 4;
    const bool tcp = pkt->data[pkt->l3 + (v4 ? (uint32_t)IP4_PROTO : (uint32_t)IP6_NEXT)] == IPPROTO_NR_TCP;
    bool cwr;
    const uint16_t len = l4_len(pkt, tcp, &cwr);
    h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    h->csum_start = pkt->l4;
    h->csum_offset = tcp ? TCP_SUM : UDP_SUM;
    if (!pkt->segment) return;
    h->hdr_len = (uint16_t)(pkt->l4 + len);
    h->gso_size = pkt->segment;
    h->gso_type = tcp ? v4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_UDP_L4;
    if (cwr) h->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
}

void offload_put_tags(struct pkt *pkt)
{
    const uint32_t len = (uint32_t)VLAN_LEN * pkt->tag_count;
    if (!len || len > pkt->headroom || pkt->head_len < ETHER_LEN) return;
    memmove(pkt->data - len, pkt->data, ETHER_TYPE_AT);
    pkt->data -= len;
    pkt->headroom = (uint16_t)(pkt->headroom - len);
    pkt->head_len += len;
    pkt->cap_len += len;
    pkt->wire_len += len;
    pkt->l3 = (uint16_t)(pkt->l3 + len);
    if (pkt->l4) pkt->l4 = (uint16_t)(pkt->l4 + len);
    for (unsigned i = 0; i < pkt->tag_count; i++) {
        wire_put16(pkt->data + ETHER_TYPE_AT + VLAN_LEN * i, pkt->tags[i].tpid);
        wire_put16(pkt->data + ETHER_TYPE_AT + VLAN_LEN * i + 2, pkt->tags[i].tci);
    }
    pkt->tag_count = 0;
}
