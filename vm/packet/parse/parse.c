/* The core of the careful parser: functions that every protocol uses, and the start and end of the work. */
#include "vm/packet/parse/parse.h"

#include "vm/packet/parse/read.h"

enum pkt_reason parse_lacks(struct parse *p, uint32_t upto, enum pkt_reason short_reason)
{
    if (upto > p->end) return short_reason;
    if (upto <= p->cap) p->pkt->flags |= PKT_NOT_LINEAR;
    return REASON_SNAPPED;
}

void parse_set_proto(struct parse *p, uint8_t proto)
{
    struct key *key = p->key;
    key->kind |= parse_upper(key->kind, proto) | KIND_PROTO;
    key->proto = proto;
}

enum pkt_reason parse_fragment(uint32_t offset, bool more, uint32_t bytes, int proto)
{
    if ((more && bytes % 8 != 0) || offset + bytes > UINT16_MAX) return REASON_BAD_FRAGMENT;
    return proto == IPPROTO_NR_TCP && offset == 8 ? REASON_TINY_FRAGMENT : REASON_NONE;
}

enum pkt_reason parse_l4(struct parse *p, uint32_t at)
{
    uint32_t kind = p->key->kind;
    p->pkt->l4 = (uint16_t)at;
    if (kind & KIND_TCP) return parse_tcp(p, at);
    if (kind & KIND_UDP) return parse_udp(p, at);
    if (kind & KIND_SCTP) return parse_sctp(p, at);
    if (kind & (KIND_ICMP | KIND_ICMP6)) return parse_icmp(p, at);
    return REASON_NONE;
}

enum pkt_reason parse_frame(struct pkt *pkt, const struct facts *facts, struct key *key)
{
    struct parse p = {.pkt = pkt, .key = key, .facts = facts, .data = PKT_BYTES(pkt), .end = pkt->wire_len};
    parse_bounds(&p);
    *key = (struct key){.iface = pkt->iface};
    pkt->l3 = pkt->l4 = pkt->payload = pkt->l3_end = 0;
    pkt->tags_in_frame = pkt->ext_headers = 0;
    pkt->flags &= (uint8_t)~PKT_FOUND;
    enum pkt_reason r = LOOSE(parse_link(&p));
    if (!(key->kind & (KIND_IN | KIND_OUT | KIND_FORWARD)))
        key->kind |= facts_have_self(facts) ? sides_direction(0, p.to_group) : KIND_IN;
    if (!r && pkt->cap_len < pkt->wire_len) pkt->flags |= PKT_SNAPPED;
    pkt->reason = (uint8_t)r;
    return r;
}
