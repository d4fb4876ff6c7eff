/* Addresses, then ports, then the checksums that cover them. */
#include "vm/act/rewrite.h"

#include "vm/proto/edit.h"
#include "vm/proto/header.h"

/* By how much sums have changed: over the pseudo header, over the L4 packet, over everything. */
struct change {
    uint64_t pseudo, upper, all;
};

static bool reaches(const struct place *p, uint32_t at, uint32_t len) { return at + len <= p->end; }

static void addresses4(struct pkt *pkt, const struct place *p, const struct translation *to, struct change *c)
{
    if (to->what & TRANSLATE_SRC) c->pseudo += edit_swap32(pkt, p->l3 + IP4_SRC, to->src[0]);
    if (to->what & TRANSLATE_DST) c->pseudo += edit_swap32(pkt, p->l3 + IP4_DST, to->dst[0]);
    uint16_t sum = csum_apply(edit_get16(pkt, p->l3 + IP4_SUM), c->pseudo);
    c->all += c->pseudo + edit_swap16(pkt, p->l3 + IP4_SUM, sum);
}

static uint64_t address6(struct pkt *pkt, uint32_t at, const uint32_t addr[4])
{
    uint64_t delta = 0;
    for (unsigned i = 0; i < 4; i++) delta += edit_swap32(pkt, at + 4 * i, addr[i]);
    return delta;
}

static void addresses6(struct pkt *pkt, const struct place *p, const struct translation *to, struct change *c)
{
    uint64_t src = to->what & TRANSLATE_SRC ? address6(pkt, p->l3 + IP6_SRC, to->src) : 0;
    uint64_t dst = to->what & TRANSLATE_DST ? address6(pkt, p->l3 + IP6_DST, to->dst) : 0;
    c->pseudo += src + (p->dst_elsewhere ? 0 : dst);
    c->all += src + dst;
}

static void swap_port(struct pkt *pkt, const struct place *p, uint32_t at, uint16_t port, struct change *c)
{
    if (reaches(p, at, sizeof(port))) c->upper += edit_swap16(pkt, at, port);
}

static void ports(struct pkt *pkt, const struct place *p, const struct translation *to, struct change *c)
{
    if (to->what & TRANSLATE_SRC_PORT) swap_port(pkt, p, p->l4, to->src_port, c);
    if (to->what & TRANSLATE_DST_PORT) swap_port(pkt, p, p->l4 + 2, to->dst_port, c);
}

/* Echo, timestamp, information and address mask requests and replies; ICMPv6: echo. */
static void query_id(struct pkt *pkt, const struct place *p, const struct translation *to, struct change *c)
{
    uint8_t type = edit_get8(pkt, p->l4);
    bool asks, answers;
    if (p->v6) {
        asks = type == ICMP6_ECHO;
        answers = type == ICMP6_ECHO_REPLY;
    } else {
        bool later = type >= ICMP4_TIMESTAMP && type <= ICMP4_MASK_REPLY; /* pairs: the odd one asks */
        asks = type == ICMP4_ECHO || (later && type % 2 == 1);
        answers = type == ICMP4_ECHO_REPLY || (later && type % 2 == 0);
    }
    if (asks && to->what & TRANSLATE_SRC_PORT) swap_port(pkt, p, p->l4 + ICMP_REST, to->src_port, c);
    if (answers && to->what & TRANSLATE_DST_PORT) swap_port(pkt, p, p->l4 + ICMP_REST, to->dst_port, c);
}

/* The internet checksum in the field at `at`. */
static void update_sum(struct pkt *pkt, const struct place *p, uint32_t at, bool partial, struct change *c)
{
    if (!reaches(p, at, sizeof(uint16_t))) return;
    uint16_t from = edit_get16(pkt, at), sum;
    if (partial)
        sum = (uint16_t)~csum_apply((uint16_t)~from, c->pseudo);
    else
        sum = csum_apply(from, c->pseudo + c->upper);
    bool udp = p->proto == IPPROTO_NR_UDP || p->proto == IPPROTO_NR_UDPLITE;
    if (udp) sum = csum_udp_updated(from, sum);
    c->upper += edit_swap16(pkt, at, sum);
}

static void update_crc(struct pkt *pkt, const struct place *p, uint32_t before, bool partial, struct change *c)
{
    uint32_t at = p->l4 + SCTP_SUM, after = edit_get32(pkt, p->l4);
    if (partial || !reaches(p, p->l4, SCTP_LEN) || p->upper_len == 0) return;
    uint32_t from = __builtin_bswap32(edit_get32(pkt, at));
    if (from == 0 || before == after) return;
    c->upper += edit_swap32(pkt, at, __builtin_bswap32(csum_sctp_update(from, before, after, p->upper_len)));
}

static void upper(struct pkt *pkt, const struct place *p, const struct translation *to, bool partial, struct change *c)
{
    uint32_t before;
    switch (p->proto) {
    case IPPROTO_NR_TCP:
        ports(pkt, p, to, c);
        update_sum(pkt, p, p->l4 + TCP_SUM, partial, c);
        break;
    case IPPROTO_NR_UDP:
        ports(pkt, p, to, c);
        update_sum(pkt, p, p->l4 + UDP_SUM, partial, c);
        break;
    case IPPROTO_NR_SCTP:
        before = edit_get32(pkt, p->l4);
        ports(pkt, p, to, c);
        update_crc(pkt, p, before, partial, c);
        break;
    case IPPROTO_NR_ICMP:
    case IPPROTO_NR_ICMP6:
        if (p->v6 != (p->proto == IPPROTO_NR_ICMP6)) break; /* the other family's is no ICMP */
        if (!p->v6) c->pseudo = 0;
        query_id(pkt, p, to, c);
        update_sum(pkt, p, p->l4 + ICMP_SUM, partial, c);
        break;
    case IPPROTO_NR_DCCP: update_sum(pkt, p, p->l4 + DCCP_SUM, partial, c); break;
    case IPPROTO_NR_UDPLITE: update_sum(pkt, p, p->l4 + UDPLITE_SUM, partial, c); break;
    default: break;
    }
}

uint64_t rewrite(struct pkt *pkt, const struct place *p, const struct translation *to, uint64_t body, bool partial)
{
    struct change c = {.upper = body};
    if (p->v6)
        addresses6(pkt, p, to, &c);
    else
        addresses4(pkt, p, to, &c);
    if (p->l4) upper(pkt, p, to, partial, &c);
    return c.all + c.upper - body;
}
