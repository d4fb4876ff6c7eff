/* ARP: a fixed part that states the lengths of the four addresses after it (RFC 826). */
#include "vm/packet/parse/parse.h"
#include "vm/packet/parse/sides.h"

/* `from` and `to` can't be asked of ARP, so it has no SELF bits; but whom it comes from and whom it asks for say which
 * way it goes, as the addresses of a packet do. */
static uint32_t direction(const struct parse *p, const uint8_t *arp)
{
    const uint32_t both = KIND_SRC_SELF | KIND_DST_SELF;
    uint32_t self = sides4(p->facts, wire_get32(arp + ARP_SENDER_IP), wire_get32(arp + ARP_TARGET_IP)) & both;
    return sides_direction(self, p->to_group) & ~both;
}

enum pkt_reason parse_arp(struct parse *p, uint32_t at)
{
    p->key->kind |= KIND_ARP;
    p->pkt->l3 = (uint16_t)at;
    enum pkt_reason r = parse_need(p, at + ARP_LEN, REASON_SHORT_ARP);
    if (r) return r;
    const uint8_t *arp = p->data + at;
    uint32_t addresses = 2u * arp[ARP_HLEN] + 2u * arp[ARP_PLEN];
    r = parse_need(p, at + ARP_LEN + addresses, REASON_SHORT_ARP);
    if (r) return r;
    if (facts_have_self(p->facts) && wire_get16(arp + ARP_PTYPE) == ETHER_IP4 && arp[ARP_HLEN] == 6 &&
        arp[ARP_PLEN] == 4)
        p->key->kind |= direction(p, arp);
    return REASON_NONE;
}
