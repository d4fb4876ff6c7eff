/* SCTP (RFC 9260): the common header only. */
#include "vm/packet/parse/parse.h"

enum pkt_reason parse_sctp(struct parse *p, uint32_t at)
{
    enum pkt_reason r = parse_need(p, at + SCTP_LEN, REASON_SHORT_SCTP);
    if (r) return r;
    p->key->kind |= KIND_PORTS;
    p->key->src_port = parse_at16(p, at);
    p->key->dst_port = parse_at16(p, at + 2);
    p->pkt->payload = (uint16_t)(at + SCTP_LEN);
    return REASON_NONE;
}
