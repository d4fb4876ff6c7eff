/* Bodies of ARP and neighbour discovery. */
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/wire.h"

bool arp_read(const struct pkt *pkt, const struct key *key, struct arp_body *out)
{
    uint8_t scratch[ARP_ETHER_LEN];
    if (!(key->kind & KIND_ARP) || pkt->reason) return false;
    const uint8_t *arp = bytes_at(pkt, pkt->l3, ARP_ETHER_LEN, scratch);
    if (!arp || wire_get16(arp + ARP_HTYPE) != ARP_HTYPE_ETHER || wire_get16(arp + ARP_PTYPE) != ETHER_IP4)
        return false;
    if (arp[ARP_HLEN] != 6 || arp[ARP_PLEN] != 4) return false;
    *out = (struct arp_body){
        .op = wire_get16(arp + ARP_OP),
        .sender_mac = wire_get48(arp + ARP_SENDER_MAC),
        .sender_ip = wire_get32(arp + ARP_SENDER_IP),
        .target_mac = wire_get48(arp + ARP_TARGET_MAC),
        .target_ip = wire_get32(arp + ARP_TARGET_IP),
    };
    return true;
}

bool nd_target_read(const struct pkt *pkt, const struct key *key, uint32_t target[4])
{
    uint8_t scratch[ND_OPTIONS];
    if (!(key->kind & KIND_ND) || key->icmp_type < ICMP6_SOLICIT || key->length - (pkt->l4 - pkt->l3) < ND_OPTIONS)
        return false;
    const uint8_t *body = bytes_at(pkt, pkt->l4, ND_OPTIONS, scratch);
    if (!body) return false;
    for (unsigned i = 0; i < 4; i++) target[i] = wire_get32(body + ND_TARGET + 4 * i);
    return true;
}

/* True if options fill units of eight bytes, none of length 0. *source_mac: the sender's address is among them. */
static bool options_ok(const uint8_t *option, uint32_t len, bool *source_mac)
{
    *source_mac = false;
    while (len > 0) {
        if (len < 8 || option[1] == 0 || option[1] * 8u > len) return false;
        if (option[0] == ND_OPT_SOURCE_MAC) *source_mac = true;
        len -= option[1] * 8u;
        option += option[1] * 8u;
    }
    return true;
}

static bool is_unspecified(const uint32_t a[4]) { return (a[0] | a[1] | a[2] | a[3]) == 0; }

/* True for an address in ff02::1:ff00:0/104 (RFC 4291, 2.7.1). */
static bool is_solicited_node(const uint32_t a[4])
{
    return a[0] == 0xff020000 && a[1] == 0 && a[2] == 1 && a[3] >> 24 == 0xff;
}

bool solicit_read(const struct pkt *pkt, const struct key *key, uint32_t target[4])
{
    enum { MOST = 1500 };
    uint8_t scratch[MOST];
    if (pkt->reason || key->icmp_type != ICMP6_SOLICIT || key->icmp_code != 0 || !nd_target_read(pkt, key, target))
        return false;
    uint32_t len = (uint32_t)key->length - (pkt->l4 - pkt->l3);
    const uint8_t *body = len <= MOST ? bytes_at(pkt, pkt->l4, len, scratch) : NULL;
    if (!body || !(key->kind & KIND_FRAG_NO)) return false;
    if (csum_fold(csum_add(csum_pseudo6(key->src, key->dst, IPPROTO_NR_ICMP6, len), body, len)) != 0) return false;
    bool source_mac;
    if (target[0] >> 24 == 0xff || !options_ok(body + ND_OPTIONS, len - ND_OPTIONS, &source_mac)) return false;
    return !is_unspecified(key->src) || (is_solicited_node(key->dst) && !source_mac);
}
