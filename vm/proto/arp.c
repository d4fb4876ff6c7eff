/* ARP: a fixed part that states the lengths of the four addresses after it (RFC 826). */
#include "vm/proto/parse.h"

enum pkt_reason parse_arp(struct parse *p, uint32_t at)
{
    p->key->kind |= KIND_ARP;
    p->pkt->l3 = (uint16_t)at;
    enum pkt_reason r = parse_need(p, at + ARP_LEN, REASON_SHORT_ARP);
    if (r) return r;
    uint32_t addresses = 2u * p->data[at + ARP_HLEN] + 2u * p->data[at + ARP_PLEN];
    return parse_need(p, at + ARP_LEN + addresses, REASON_SHORT_ARP);
}
