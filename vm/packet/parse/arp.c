/* ARP: a fixed part that states the lengths of the four addresses behind it (RFC 826). */
#include "vm/packet/parse/parse.h"
#include "vm/packet/parse/read.h"

enum pkt_reason parse_arp(struct parse *p, uint32_t at)
{
    p->key->kind |= KIND_ARP;
    p->pkt->l3 = (uint16_t)at;
    enum pkt_reason r = parse_need(p, at + ARP_LEN, REASON_SHORT_ARP);
    if (r) return r;
    const uint32_t mac_len = parse_at(p, at + ARP_HLEN), ip_len = parse_at(p, at + ARP_PLEN);
    r = parse_need(p, at + ARP_LEN + 2 * mac_len + 2 * ip_len, REASON_SHORT_ARP);
    if (r) return r;
    if (facts_have_self(p->facts) && parse_at16(p, at + ARP_PTYPE) == ETHER_IP4 && mac_len == 6 && ip_len == 4) {
        /* Set the direction by sender and target, as by the addresses of an IP packet. ARP has no SELF bits, because
         * rules can't test its `from` and `to`. */
        const uint32_t both = KIND_SRC_SELF | KIND_DST_SELF, from = parse_at32(p, at + ARP_SENDER_IP);
        const uint32_t self = sides4(p->facts, from, parse_at32(p, at + ARP_TARGET_IP)) & both;
        p->key->kind |= sides_direction(self, p->to_group) & ~both;
    }
    return REASON_NONE;
}
