/* UDP (RFC 768): 8 bytes; the length covers them and fits the packet. Bytes of the packet behind this length are
 * slack. */
#include "vm/packet/parse/parse.h"

enum pkt_reason parse_udp(struct parse *p, uint32_t at)
{
    enum pkt_reason r = parse_need(p, at + UDP_LEN, REASON_SHORT_UDP);
    if (r) return r;
    p->key->kind |= KIND_PORTS;
    p->key->src_port = parse_at16(p, at);
    p->key->dst_port = parse_at16(p, at + 2);
    uint32_t len = parse_at16(p, at + UDP_LENGTH);
    if (len < UDP_LEN || (!p->first_fragment && at + len > p->end)) return REASON_BAD_UDP_LENGTH;
    p->pkt->payload = (uint16_t)(at + UDP_LEN);
    return REASON_NONE;
}
