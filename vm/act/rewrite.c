/* Addresses, then ports, then the checksums that cover them. */
#include "vm/act/rewrite.h"

#include "vm/proto/edit.h"
#include "vm/proto/header.h"

/* By how much sums have changed: over the pseudo header, over the L4 packet, over everything. */
struct change {
    uint64_t pseudo, upper, all;
};

static bool reaches(const struct place *p, uint32_t at, uint32_t len) { return at + len <= p->end; }

static void addresses4(struct span s, const struct place *p, const struct translation *to, struct change *c)
{
    if (to->what & TRANSLATE_SRC) c->pseudo += span_swap32(s, p->l3 + IP4_SRC, to->src[0]);
    if (to->what & TRANSLATE_DST) c->pseudo += span_swap32(s, p->l3 + IP4_DST, to->dst[0]);
    uint16_t sum = csum_apply(span_get16(s, p->l3 + IP4_SUM), c->pseudo);
    c->all += c->pseudo + span_swap16(s, p->l3 + IP4_SUM, sum);
}

static uint64_t address6(struct span s, uint32_t at, const uint32_t addr[4])
{
    uint64_t delta = 0;
    for (unsigned i = 0; i < 4; i++) delta += span_swap32(s, at + 4 * i, addr[i]);
    return delta;
}

static void addresses6(struct span s, const struct place *p, const struct translation *to, struct change *c)
{
    uint64_t src = to->what & TRANSLATE_SRC ? address6(s, p->l3 + IP6_SRC, to->src) : 0;
    uint64_t dst = to->what & TRANSLATE_DST ? address6(s, p->l3 + IP6_DST, to->dst) : 0;
    c->pseudo += src + (p->dst_elsewhere ? 0 : dst);
    c->all += src + dst;
}

static void swap_port(struct span s, const struct place *p, uint32_t at, uint16_t port, struct change *c)
{
    if (reaches(p, at, sizeof(port))) c->upper += span_swap16(s, at, port);
}

static void ports(struct span s, const struct place *p, const struct translation *to, struct change *c)
{
    if (to->what & TRANSLATE_SRC_PORT) swap_port(s, p, p->l4, to->src_port, c);
    if (to->what & TRANSLATE_DST_PORT) swap_port(s, p, p->l4 + 2, to->dst_port, c);
}

/* Echo, timestamp, information and address mask requests and replies; ICMPv6: echo. */
static void query_id(struct span s, const struct place *p, const struct translation *to, struct change *c)
{
    uint8_t type = span_get8(s, p->l4);
    bool asks, answers;
    if (p->v6) {
        asks = type == ICMP6_ECHO;
        answers = type == ICMP6_ECHO_REPLY;
    } else {
        bool later = type >= ICMP4_TIMESTAMP && type <= ICMP4_MASK_REPLY; /* pairs: the odd one asks */
        asks = type == ICMP4_ECHO || (later && type % 2 == 1);
        answers = type == ICMP4_ECHO_REPLY || (later && type % 2 == 0);
    }
    if (asks && to->what & TRANSLATE_SRC_PORT) swap_port(s, p, p->l4 + ICMP_REST, to->src_port, c);
    if (answers && to->what & TRANSLATE_DST_PORT) swap_port(s, p, p->l4 + ICMP_REST, to->dst_port, c);
}

/* The internet checksum in the field at `at`. */
static void update_sum(struct span s, const struct place *p, uint32_t at, bool partial, struct change *c)
{
    if (!reaches(p, at, sizeof(uint16_t))) return;
    uint16_t from = span_get16(s, at), sum;
    if (partial)
        sum = (uint16_t)~csum_apply((uint16_t)~from, c->pseudo);
    else
        sum = csum_apply(from, c->pseudo + c->upper);
    bool udp = p->proto == IPPROTO_NR_UDP || p->proto == IPPROTO_NR_UDPLITE;
    if (udp) sum = csum_udp_updated(from, sum);
    c->upper += span_swap16(s, at, sum);
}

static void update_crc(struct span s, const struct place *p, uint32_t before, bool partial, struct change *c)
{
    uint32_t at = p->l4 + SCTP_SUM, after = span_get32(s, p->l4);
    if (partial || !reaches(p, p->l4, SCTP_LEN) || p->upper_len == 0) return;
    uint32_t from = __builtin_bswap32(span_get32(s, at));
    if (from == 0 || before == after) return;
    c->upper += span_swap32(s, at, __builtin_bswap32(csum_sctp_update(from, before, after, p->upper_len)));
}

static void upper(struct span s, const struct place *p, const struct translation *to, bool partial, struct change *c)
{
    uint32_t before;
    switch (p->proto) {
    case IPPROTO_NR_TCP:
        ports(s, p, to, c);
        update_sum(s, p, p->l4 + TCP_SUM, partial, c);
        break;
    case IPPROTO_NR_UDP:
        ports(s, p, to, c);
        update_sum(s, p, p->l4 + UDP_SUM, partial, c);
        break;
    case IPPROTO_NR_SCTP:
        before = span_get32(s, p->l4);
        ports(s, p, to, c);
        update_crc(s, p, before, partial, c);
        break;
    case IPPROTO_NR_ICMP:
    case IPPROTO_NR_ICMP6:
        if (p->v6 != (p->proto == IPPROTO_NR_ICMP6)) break; /* the other family's is no ICMP */
        if (!p->v6) c->pseudo = 0;
        query_id(s, p, to, c);
        update_sum(s, p, p->l4 + ICMP_SUM, partial, c);
        break;
    case IPPROTO_NR_DCCP: update_sum(s, p, p->l4 + DCCP_SUM, partial, c); break;
    case IPPROTO_NR_UDPLITE: update_sum(s, p, p->l4 + UDPLITE_SUM, partial, c); break;
    default: break;
    }
}

uint64_t rewrite(struct pkt *pkt, const struct place *p, const struct translation *to, uint64_t body, bool partial)
{
    struct change c = {.upper = body};
    struct span s = span_of(pkt);
    if (p->v6)
        addresses6(s, p, to, &c);
    else
        addresses4(s, p, to, &c);
    if (p->l4) upper(s, p, to, partial, &c);
    return c.all + c.upper - body;
}
