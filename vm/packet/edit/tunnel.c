/* Encapsulation: the test of the length, and the outer headers. */
#include <errno.h>

#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"

uint32_t tunnel_overhead(const struct tunnel *t)
{
    static const uint32_t behind[TUNNEL_KINDS] = {[TUNNEL_GUE] = UDP_LEN + GUE_LEN, [TUNNEL_GUE1] = UDP_LEN};
    return (uint32_t)(t->v6 ? IP6_LEN : IP4_LEN) + behind[t->kind];
}

static bool has_df(const struct pkt *pkt, const struct key *key)
{
    return key->kind & KIND_IP4 && edit_get16(pkt, pkt->l3 + (uint32_t)IP4_FRAG) & IP4_DF;
}

enum tunnel_fit tunnel_fit(const struct tunnel *t, const struct pkt *pkt, const struct key *key, uint32_t *inner_mtu)
{
    uint32_t overhead = tunnel_overhead(t), room = t->mtu > overhead ? t->mtu - overhead : 0;
    bool v6 = key->kind & KIND_IP6;
    uint32_t least = v6 ? IP6_LEAST_MTU : TUNNEL_MTU_LEAST;
    *inner_mtu = room > least ? room : least;
    if (key->length <= room) return TUNNEL_FITS;
    if (!v6 && !has_df(pkt, key)) return TUNNEL_IN_FRAGMENTS;
    return key->length > *inner_mtu ? TUNNEL_TOO_BIG : TUNNEL_IN_FRAGMENTS;
}

/* The outer headers being written, in the bytes that were opened for them. */
struct outer {
    struct pkt *pkt;
    uint32_t at;     /* place of the outer IP header */
    uint32_t inner;  /* length of the inner packet */
    uint8_t tos;     /* traffic class of both headers */
    uint8_t carried; /* protocol number of the inner family */
    bool df;
};

static uint8_t outer_proto(const struct outer *o, const struct tunnel *t)
{
    return t->kind == TUNNEL_IPIP ? o->carried : IPPROTO_NR_UDP;
}

/* Write the outer IPv4 header. Its sum is computed from the fields, because reading back just written bytes would
 * stall. */
static void outer4(const struct outer *o, const struct tunnel *t, uint16_t id)
{
    struct pkt *pkt = o->pkt;
    uint32_t at = o->at;
    uint16_t first = (uint16_t)(0x4500 | o->tos), total = (uint16_t)(tunnel_overhead(t) + o->inner);
    uint16_t frag = o->df ? IP4_DF : 0, ttl_proto = (uint16_t)(BUILD_TTL << 8 | outer_proto(o, t));
    if (o->df) id = 0;
    uint64_t sum = csum_pseudo4(t->src[0], t->dst[0], 0, 0) + first + total + id + frag + ttl_proto;
    edit_put16(pkt, at, first);
    edit_put16(pkt, at + IP4_TOTAL, total);
    edit_put16(pkt, at + IP4_ID, id);
    edit_put16(pkt, at + IP4_FRAG, frag);
    edit_put16(pkt, at + IP4_TTL, ttl_proto);
    edit_put16(pkt, at + IP4_SUM, csum_fold(sum));
    edit_put32(pkt, at + IP4_SRC, t->src[0]);
    edit_put32(pkt, at + IP4_DST, t->dst[0]);
}

static void outer6(const struct outer *o, const struct tunnel *t, uint32_t hash)
{
    struct pkt *pkt = o->pkt;
    uint32_t at = o->at, label = hash >> 8 & IP6_LABEL;
    edit_put32(pkt, at, 6u << 28 | (uint32_t)o->tos << 20 | (label ? label : 1)); /* 0 would mean no label */
    edit_put16(pkt, at + IP6_PAYLOAD, (uint16_t)(tunnel_overhead(t) - IP6_LEN + o->inner));
    edit_put8(pkt, at + IP6_NEXT, outer_proto(o, t));
    edit_put8(pkt, at + IP6_HOPS, BUILD_TTL);
    edit_put_addr6(pkt, at + IP6_SRC, t->src);
    edit_put_addr6(pkt, at + IP6_DST, t->dst);
}

static void udp_gue(const struct outer *o, const struct tunnel *t, uint32_t at, uint32_t hash)
{
    edit_put16(o->pkt, at, (uint16_t)(GUE_PORTS_FROM | ((hash ^ hash >> 16) & GUE_PORTS_MASK)));
    edit_put16(o->pkt, at + 2, t->port);
    edit_put16(o->pkt, at + UDP_LENGTH, (uint16_t)(UDP_LEN + (t->kind == TUNNEL_GUE ? GUE_LEN : 0u) + o->inner));
    edit_put16(o->pkt, at + UDP_SUM, 0);
    if (t->kind == TUNNEL_GUE1) return;
    edit_put16(o->pkt, at + UDP_LEN, o->carried); /* variant 0, no control message, no words after these four bytes */
    edit_put16(o->pkt, at + UDP_LEN + GUE_FLAGS, 0);
}

int tunnel_encap(struct pkt *pkt, const struct key *key, const struct tunnel *t, uint32_t hash, uint16_t id)
{
    if (pkt->reason || !(key->kind & KIND_IP) || pkt->flags & PKT_CSUM_PARTIAL) return -EINVAL;
    if (!(pkt->flags & PKT_WRITABLE)) return -EROFS;
    bool inner6 = key->kind & KIND_IP6;
    uint32_t overhead = tunnel_overhead(t), unused;
    struct outer o = {
        .pkt = pkt,
        .inner = inner6 ? (uint32_t)edit_get16(pkt, pkt->l3 + (uint32_t)IP6_PAYLOAD) + IP6_LEN : key->length,
        .tos = inner6 ? (uint8_t)(edit_get16(pkt, pkt->l3) >> 4) : edit_get8(pkt, pkt->l3 + (uint32_t)IP4_TOS),
        .carried = inner6 ? IPPROTO_NR_IP6 : IPPROTO_NR_IP4,
        .df = has_df(pkt, key) && tunnel_fit(t, pkt, key, &unused) != TUNNEL_IN_FRAGMENTS,
    };
    if (overhead > pkt->headroom || overhead + o.inner > UINT16_MAX) return -EMSGSIZE;
    edit_cut(pkt, pkt->l3 + o.inner);
    edit_open(pkt, pkt->l3, overhead);
    edit_link(pkt, t->v6 ? ETHER_IP6 : ETHER_IP4);
    o.at = pkt->l3;
    if (t->v6)
        outer6(&o, t, hash);
    else
        outer4(&o, t, id);
    pkt->l4 = (uint16_t)(o.at + (t->v6 ? IP6_LEN : IP4_LEN));
    pkt->payload = (uint16_t)(t->kind == TUNNEL_IPIP ? 0 : pkt->l4 + UDP_LEN);
    pkt->l3_end = (uint16_t)(o.at + overhead + o.inner < UINT16_MAX ? o.at + overhead + o.inner : UINT16_MAX);
    pkt->ext_headers = 0;
    if (t->kind != TUNNEL_IPIP) udp_gue(&o, t, pkt->l4, hash);
    return 0;
}
