/* ICMP (RFC 792) and ICMPv6 (RFC 4443): 8 bytes, of which rules may test type and code. */
#include "vm/packet/parse/parse.h"

enum pkt_reason parse_icmp(struct parse *p, uint32_t at)
{
    enum pkt_reason r = parse_need(p, at + ICMP_LEN, REASON_SHORT_ICMP);
    if (r) return r;
    struct key *key = p->key;
    key->kind |= KIND_ICMP_HEADER;
    key->icmp_type = parse_at(p, at);
    key->icmp_code = parse_at(p, at + ICMP_CODE);
    if ((key->kind & KIND_ICMP6) && key->icmp_type >= ICMP6_ND_FIRST && key->icmp_type <= ICMP6_ND_LAST &&
        key->ttl == 255)
        key->kind |= KIND_ND;
    p->pkt->payload = (uint16_t)(at + ICMP_LEN);
    return REASON_NONE;
}
