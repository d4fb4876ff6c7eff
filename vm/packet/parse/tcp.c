/* TCP (RFC 9293): 20 bytes and the options that the data offset announces. */
#include "vm/packet/parse/parse.h"

enum pkt_reason parse_tcp(struct parse *p, uint32_t at)
{
    enum pkt_reason r = parse_need(p, at + TCP_LEN, REASON_SHORT_TCP);
    if (r) return r;
    p->key->kind |= KIND_PORTS | KIND_TCP_FLAGS;
    p->key->src_port = parse_at16(p, at);
    p->key->dst_port = parse_at16(p, at + 2);
    p->key->marks = parse_at(p, at + TCP_FLAGS);
    uint32_t header = (parse_at(p, at + TCP_OFFSET) >> 4) * 4u;
    if (header < TCP_LEN) return REASON_BAD_TCP_OFFSET;
    /* The segment of a first fragment continues elsewhere, but its header must not (RFC 3128). */
    r = parse_need(p, at + header, p->first_fragment ? REASON_SHORT_TCP : REASON_BAD_TCP_OFFSET);
    if (r) return r;
    p->pkt->payload = (uint16_t)(at + header);
    return REASON_NONE;
}
