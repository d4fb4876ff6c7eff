/* Rewrite addresses, then ports, then the checksums that cover them. */
#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/edit_priv.h"
#include "vm/packet/parse/header.h"

/* Changes of sums: over the pseudo header, over the L4 packet, over everything. */
struct change {
    uint64_t pseudo, upper, all;
};

static void addresses4(struct stretch s, const struct place *p, const struct translation *to, struct change *c)
{
    if (to->what & TRANSLATE_SRC) c->pseudo += stretch_swap32(s, p->l3 + IP4_SRC, to->src[0]);
    if (to->what & TRANSLATE_DST) c->pseudo += stretch_swap32(s, p->l3 + IP4_DST, to->dst[0]);
    uint16_t sum = csum_apply(stretch_get16(s, p->l3 + IP4_SUM), c->pseudo);
    c->all += c->pseudo + stretch_swap16(s, p->l3 + IP4_SUM, sum);
}

static void addresses6(struct stretch s, const struct place *p, const struct translation *to, struct change *c)
{
    uint64_t src = to->what & TRANSLATE_SRC ? stretch_swap_addr6(s, p->l3 + IP6_SRC, to->src) : 0;
    uint64_t dst = to->what & TRANSLATE_DST ? stretch_swap_addr6(s, p->l3 + IP6_DST, to->dst) : 0;
    c->pseudo += src + (p->dst_elsewhere ? 0 : dst);
    c->all += src + dst;
}

static void ports(struct stretch s, const struct place *p, const struct translation *to, struct change *c)
{
    if (to->what & TRANSLATE_SEQ && p->proto == IPPROTO_NR_TCP)
        c->upper += stretch_swap32(s, p->l4 + TCP_SEQ, stretch_get32(s, p->l4 + TCP_SEQ) + to->seq);
    if (to->what & TRANSLATE_SRC_PORT) c->upper += stretch_swap16(s, p->l4, to->src_port);
    if (to->what & TRANSLATE_DST_PORT) c->upper += stretch_swap16(s, p->l4 + 2, to->dst_port);
}

/* Rewrite the identifier of ICMP requests and replies: echo, timestamp, information and address mask; ICMPv6: echo. */
static void query_id(struct stretch s, const struct place *p, const struct translation *to, struct change *c)
{
    const uint8_t type = stretch_get8(s, p->l4);
    const struct icmp_query *q = icmp_query_of(p->v6, type);
    if (!q || (p->v6 && q->pair)) return; /* node information has no identifier there */
    const bool asks = type == q->asks;
    if (to->what & (asks ? TRANSLATE_SRC_PORT : TRANSLATE_DST_PORT))
        c->upper += stretch_swap16(s, p->l4 + ICMP_REST, asks ? to->src_port : to->dst_port);
}

/* Update the internet checksum in the field at `at`. */
static void update_sum(struct stretch s, const struct place *p, uint32_t at, bool partial, struct change *c)
{
    if (!stretch_has(s, at, sizeof(uint16_t))) return;
    uint16_t from = stretch_get16(s, at), sum;
    if (partial)
        sum = (uint16_t)~csum_apply((uint16_t)~from, c->pseudo);
    else
        sum = csum_apply(from, c->pseudo + c->upper);
    bool udp = p->proto == IPPROTO_NR_UDP || p->proto == IPPROTO_NR_UDPLITE;
    if (udp) sum = csum_udp_updated(from, sum);
    c->upper += stretch_swap16(s, at, sum);
}

static void update_crc(struct stretch s, const struct place *p, uint32_t before, bool partial, struct change *c)
{
    uint32_t at = p->l4 + SCTP_SUM, after = stretch_get32(s, p->l4);
    if (partial || !stretch_has(s, p->l4, SCTP_LEN) || p->upper_len == 0) return;
    uint32_t from = __builtin_bswap32(stretch_get32(s, at));
    if (from == 0 || before == after) return;
    c->upper += stretch_swap32(s, at, __builtin_bswap32(csum_sctp_update(from, before, after, p->upper_len)));
}

/* Return the offset of the protocol's internet checksum; 0: it has none. */
static uint32_t sum_place(const struct place *p)
{
    switch (p->proto) {
    case IPPROTO_NR_TCP: return TCP_SUM;
    case IPPROTO_NR_UDP: return UDP_SUM;
    case IPPROTO_NR_DCCP: return DCCP_SUM;
    case IPPROTO_NR_UDPLITE: return UDPLITE_SUM;
    case IPPROTO_NR_ICMP: return p->v6 ? 0 : ICMP_SUM; /* the other family's number is not ICMP */
    case IPPROTO_NR_ICMP6: return p->v6 ? ICMP_SUM : 0;
    default: return 0;
    }
}

static void upper(struct stretch s, const struct place *p, const struct translation *to, bool partial, struct change *c)
{
    uint32_t sum_at = sum_place(p), before = stretch_get32(s, p->l4);
    bool sctp = p->proto == IPPROTO_NR_SCTP;
    if (sctp || p->proto == IPPROTO_NR_TCP || p->proto == IPPROTO_NR_UDP) ports(s, p, to, c);
    if (sctp) update_crc(s, p, before, partial, c);
    if (sum_at == ICMP_SUM) {
        if (!p->v6) c->pseudo = 0;
        query_id(s, p, to, c);
    }
    if (sum_at) update_sum(s, p, p->l4 + sum_at, partial, c);
}

uint64_t rewrite(struct pkt *pkt, const struct place *p, const struct translation *to, uint64_t body, bool partial)
{
    struct change c = {.upper = body};
    struct stretch s =
        stretch_upto(pkt, p->end); /* a field that is cut off, or belongs to another packet, is not written */
    if (p->v6)
        addresses6(s, p, to, &c);
    else
        addresses4(s, p, to, &c);
    if (p->l4) upper(s, p, to, partial, &c);
    return c.all + c.upper - body;
}
