/* Compute complete checksums: the sum over pseudo header and packet, or the CRC of a protocol that has one. */
#include <errno.h>

#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/edit_priv.h"
#include "vm/packet/parse/header.h"

static uint64_t pseudo(const struct key *key, uint8_t proto, uint32_t len)
{
    if (proto == IPPROTO_NR_ICMP) return 0;
    return key->kind & KIND_IP4 ? csum_pseudo4(key->src[0], key->dst[0], proto, len)
                                : csum_pseudo6(key->src, key->dst, proto, len);
}

static void fill_sum(struct pkt *pkt, const struct key *key, const struct place *p, uint32_t at, uint32_t len)
{
    edit_put16(pkt, p->l4 + at, 0);
    uint16_t sum = csum_fold(edit_sum(pkt, pseudo(key, p->proto, len), p->l4, p->l4 + len));
    edit_put16(pkt, p->l4 + at, p->proto == IPPROTO_NR_UDP ? csum_udp(sum) : sum);
}

int checksum_fill(struct pkt *pkt, const struct key *key)
{
    struct place p;
    int err = place_own(pkt, key, &p);
    if (err) return err;
    if (p.upper_len == 0 || p.l4 + p.upper_len > pkt->head_len || p.dst_elsewhere) return -EINVAL;
    if (key->kind & KIND_TCP) fill_sum(pkt, key, &p, TCP_SUM, p.upper_len);
    if (key->kind & KIND_UDP) fill_sum(pkt, key, &p, UDP_SUM, edit_get16(pkt, p.l4 + UDP_LENGTH));
    if (key->kind & KIND_SCTP)
        edit_put32(pkt, p.l4 + SCTP_SUM, __builtin_bswap32(csum_sctp(pkt->data + p.l4, p.upper_len)));
    if (key->kind & (KIND_ICMP | KIND_ICMP6)) fill_sum(pkt, key, &p, ICMP_SUM, p.upper_len);
    pkt->flags &= (uint8_t)~PKT_CSUM_PARTIAL;
    return 0;
}

bool tcp_sum_is_right(const struct pkt *pkt, const struct key *key)
{
    /* A packet truncated by a capture counts as intact, because the capturing host accepted it. */
    if (pkt->flags & (PKT_CSUM_PARTIAL | PKT_SNAPPED) || pkt->cap_len != pkt->head_len) return true;
    const uint32_t end = pkt->l3_end;
    if (end < pkt->l4 || end > pkt->head_len) return false;
    return csum_fold(edit_sum(pkt, pseudo(key, IPPROTO_NR_TCP, end - pkt->l4), pkt->l4, end)) == 0;
}
