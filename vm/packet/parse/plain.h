/* The headers of a plain packet, read straight from its bytes. A plain packet is an ordinary packet
 * (forward/ordinary.h) of IPv4 without tags, in a complete Ethernet frame. A worker that forwards one by a recipe
 * does not need its key.
 *
 * A packet is plain here only if pkt_parse finds the same in it, and no fault; functions that need its key parse it
 * then (tests/unit/vm/test_proto_express.c). */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/ip4_header.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

/* Fields of a plain packet, with the names that they have in struct key */
struct plain {
    uint32_t src[1], dst[1], kind; /* kind: without what facts add (own addresses, direction) */
    uint16_t src_port, dst_port, proto, length;
};

static_assert(REASON_NONE == 0, "an outcome without a fault");

enum {
    PLAIN_L4 = ETHER_LEN + IP4_LEN,
    PLAIN_LEAST = PLAIN_L4 + TCP_FLAGS + 1, /* bytes that are read, whatever the protocol */
    PLAIN_HOSTS_END = 0xe0                  /* from here on: multicast, and addresses of no host (RFC 1112, 4) */
};

/* Return the header bytes of a segment with data or ACK, or of a UDP datagram; 0: it is neither, or its lengths are
 * wrong. bytes: of the IP packet behind its header. */
static inline uint32_t plain_header(const uint8_t *l4, uint8_t proto, uint32_t bytes)
{
    if (proto == IPPROTO_NR_UDP) {
        const uint32_t len = wire_get16(l4 + UDP_LENGTH);
        return len >= UDP_LEN && len <= bytes ? UDP_LEN : 0;
    }
    const uint32_t len = l4[TCP_OFFSET] >> 2 & 0x3cu;
    const bool ordinary = (l4[TCP_FLAGS] & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) == TCP_ACK;
    return proto == IPPROTO_NR_TCP && ordinary && len >= TCP_LEN && len <= bytes ? len : 0;
}

/* Write the fields into a key, whose other fields keep their values. */
static inline void plain_put(const struct plain *p, struct key *key)
{
    key->src[0] = p->src[0];
    key->dst[0] = p->dst[0];
    key->kind = p->kind;
    key->src_port = p->src_port;
    key->dst_port = p->dst_port;
    key->proto = p->proto;
    key->length = p->length;
}

/* Read the packet into *p, and set the fields of *pkt that pkt_parse sets. False: it is not plain, and nothing is
 * set. */
static inline bool plain_read(struct pkt *pkt, struct plain *p)
{
    const uint8_t *frame = pkt->data, *ip = frame + ETHER_LEN, *l4 = ip + IP4_LEN;
    if (pkt->link != LINK_ETHER || pkt->tag_count || pkt->head_len != pkt->wire_len ||
        pkt->head_len - PLAIN_LEAST > UINT16_MAX - PLAIN_LEAST)
        return false;
    if (wire_get16(frame + ETHER_TYPE_AT) != ETHER_IP4 || !header_ordinary(ip) || ip[IP4_TTL] < 2) return false;
    if (frame[0] & 1 || !(wire_raw32(frame) | wire_raw32(frame + 2))) return false;
    const uint32_t total = wire_get16(ip + IP4_TOTAL);
    if (total < IP4_LEN || ETHER_LEN + total > pkt->head_len) return false;
    const uint32_t header = plain_header(l4, ip[IP4_PROTO], total - IP4_LEN);
    if (!header || ip[IP4_DST] >= PLAIN_HOSTS_END || !header_sum_ok(ip)) return false;
    const uint32_t ports = wire_get32(l4);
    p->src[0] = wire_get32(ip + IP4_SRC);
    p->dst[0] = wire_get32(ip + IP4_DST);
    p->kind = KIND_IP4 | KIND_PROTO | KIND_PORTS | KIND_FRAG_NO | KIND_ETHER | KIND_ETHERTYPE |
              (ip[IP4_PROTO] == IPPROTO_NR_TCP ? KIND_TCP | KIND_TCP_FLAGS : KIND_UDP);
    p->src_port = (uint16_t)(ports >> 16);
    p->dst_port = (uint16_t)ports;
    p->proto = ip[IP4_PROTO];
    p->length = (uint16_t)total;
    pkt->l3 = ETHER_LEN;
    pkt->l4 = PLAIN_L4;
    pkt->payload = (uint16_t)(PLAIN_L4 + header);
    pkt->l3_end = (uint16_t)(ETHER_LEN + total);
    const uint8_t kept = pkt->flags & (uint8_t)~PKT_FOUND;
    pkt->outcome = 0; /* no reason, no tags, no extension headers */
    pkt->flags = kept;
    return true;
}
