/* Inquiries by DHCP, DHCPv6 and router solicitation: reading of an id, and small sets of recent ids */
#include "vm/flow/inquiry.h"

#include "vm/packet/parse/read.h"

enum { KIND_DHCP = 1, KIND_DHCP6, KIND_ROUTER };
/* DHCP, RFC 2131, 2: op, type and length of the hardware address, transaction, the relay's address, the hardware
 * address. Only Ethernet addresses are read. */
enum { BOOTP_XID = 4, BOOTP_GIADDR = 24, BOOTP_CHADDR = 28, BOOTP_READ = 34, BOOTP_LEAST = 240 };
enum { BOOTREQUEST = 1, BOOTREPLY = 2, BOOTP_ETHERNET = 0x0106 };
/* DHCPv6, RFC 8415, 7.3 and 8: the type, and a transaction's number of 24 bits */
enum { DHCP6_READ = 4, DHCP6_SOLICIT = 1, DHCP6_ADVERTISE, DHCP6_REPLY = 7, DHCP6_INFORMATION = 11 };
/* Types of a client's messages, one bit each: SOLICIT, REQUEST, CONFIRM, RENEW, REBIND, RELEASE, DECLINE,
 * INFORMATION-REQUEST */
enum { DHCP6_ASKS = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 11 };
enum { ICMP6_ROUTER_SOLICIT = ICMP6_ND_FIRST, SLL_KIND_OUTGOING = 4 };

static void inquiry_id_of(struct inquiry_id *id, uint64_t kind, const struct pkt *pkt, const struct key *key,
                          uint32_t number, uint64_t who, uint64_t who_low)
{
    const uint32_t vlans = key->kind & (KIND_VLAN | KIND_VLAN2);
    id->word[0] = kind << 48 | (uint64_t)pkt->iface << 32 | number;
    id->word[1] = (uint64_t)vlans << 32 | (uint32_t)key->vlan_outer << 16 | key->vlan_inner;
    id->word[2] = who;
    id->word[3] = who_low;
}

/* Return the first `len` bytes of the payload of a complete UDP datagram. NULL: the payload has less than `least`
 * bytes, the packet is a fragment, or too little was captured. */
static const uint8_t *body_of(const struct pkt *pkt, const struct key *key, uint32_t least, uint32_t len,
                              uint8_t *scratch)
{
    const uint32_t at = pkt->payload, end = (uint32_t)pkt->l3 + key->length;
    if (key->kind & KIND_FRAGMENT || !at || at + least > end) return NULL;
    return bytes_at(pkt, at, len, scratch);
}

static enum inquiry_part read_dhcp(const struct pkt *pkt, const struct key *key, struct inquiry_id *id)
{
    uint8_t scratch[BOOTP_READ];
    const uint8_t *b = body_of(pkt, key, BOOTP_LEAST, BOOTP_READ, scratch);
    if (!b || wire_get16(b + 1) != BOOTP_ETHERNET) return INQUIRY_NONE;
    const bool answers = key->dst_port == DHCP_CLIENT && b[0] == BOOTREPLY;
    const bool asks = key->dst_port == DHCP_SERVER && key->src_port == DHCP_CLIENT && b[0] == BOOTREQUEST &&
                      !wire_get32(b + BOOTP_GIADDR);
    const uint64_t hardware = (uint64_t)wire_get32(b + BOOTP_CHADDR) << 16 | wire_get16(b + BOOTP_CHADDR + 4);
    inquiry_id_of(id, KIND_DHCP, pkt, key, wire_get32(b + BOOTP_XID), hardware, 0);
    return asks ? INQUIRY_ASKS : answers ? INQUIRY_ANSWERS : INQUIRY_NONE;
}

static enum inquiry_part read_dhcp6(const struct pkt *pkt, const struct key *key, struct inquiry_id *id)
{
    uint8_t scratch[DHCP6_READ];
    const uint8_t *b = body_of(pkt, key, DHCP6_READ, DHCP6_READ, scratch);
    if (!b) return INQUIRY_NONE;
    const uint32_t head = wire_get32(b), type = head >> 24;
    const bool asks = key->dst_port == DHCP6_SERVER && key->src_port == DHCP6_CLIENT && type <= DHCP6_INFORMATION &&
                      DHCP6_ASKS >> type & 1;
    const bool answers = key->dst_port == DHCP6_CLIENT && (type == DHCP6_ADVERTISE || type == DHCP6_REPLY);
    const uint32_t *who = asks ? key->src : key->dst;
    inquiry_id_of(id, KIND_DHCP6, pkt, key, head & 0xffffff, (uint64_t)who[0] << 32 | who[1],
                  (uint64_t)who[2] << 32 | who[3]);
    return asks ? INQUIRY_ASKS : answers ? INQUIRY_ANSWERS : INQUIRY_NONE;
}

enum inquiry_part inquiry_read(const struct pkt *pkt, const struct key *key, struct inquiry_id *id)
{
    if (!(key->kind & KIND_UDP)) {
        /* A router's advertisement or its solicitation (RFC 4861, 6.1). An advertisement goes to all nodes or to the
         * asker, and doesn't name the asker */
        inquiry_id_of(id, KIND_ROUTER, pkt, key, 0, 0, 0);
        if (key->icmp_type == ICMP6_ROUTER_SOLICIT) return INQUIRY_ASKS;
        return key->src[0] >> 22 == 0xfe80u >> 6 ? INQUIRY_ANSWERS : INQUIRY_NONE;
    }
    const bool v6 = key->kind & KIND_IP6, port6 = key->dst_port >= DHCP6_CLIENT;
    if (v6 != port6) return INQUIRY_NONE;
    return v6 ? read_dhcp6(pkt, key, id) : read_dhcp(pkt, key, id);
}

static uint32_t set_of(const struct inquiry_id *id)
{
    const uint64_t mixed = (id->word[0] ^ id->word[1]) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(mixed >> 60) * INQUIRY_WAYS;
}

static bool inquiry_is(const volatile struct inquiry *at, const struct inquiry_id *id)
{
    uint64_t differ = 0;
    for (unsigned i = 0; i < INQUIRY_WORDS; i++) differ |= at->id.word[i] ^ id->word[i];
    return !differ;
}

bool inquiries_hold(const struct inquiries *q, const struct inquiry_id *id, uint64_t now_ns)
{
    const volatile struct inquiry *set = &q->at[set_of(id)];
    bool found = false;
    for (unsigned i = 0; i < INQUIRY_WAYS; i++) found |= set[i].until_ns > now_ns && inquiry_is(&set[i], id);
    return found;
}

void inquiries_put(struct inquiries *q, const struct inquiry_id *id, uint64_t now_ns)
{
    volatile struct inquiry *set = &q->at[set_of(id)];
    uint64_t oldest_ns = UINT64_MAX;
    uint32_t to = 0;
    for (unsigned i = 0; i < INQUIRY_WAYS; i++) {
        const uint64_t until_ns = inquiry_is(&set[i], id) ? 0 : set[i].until_ns;
        if (until_ns >= oldest_ns) continue;
        oldest_ns = until_ns;
        to = i;
    }
    volatile struct inquiry *at = &set[LOOSE(to) % INQUIRY_WAYS];
    at->until_ns = 0;
    for (unsigned i = 0; i < INQUIRY_WORDS; i++) at->id.word[i] = id->word[i];
    at->until_ns = time_after(now_ns, INQUIRY_NS);
}

enum inquiry_sender inquiry_sender(const struct pkt *pkt, const struct key *key, uint64_t mac)
{
    if (key->kind & KIND_OUT) return INQUIRY_OWN;
    if (!(key->kind & KIND_IN)) return INQUIRY_OTHERS; /* the packet is bridged */
    if (key->src[0] | key->src[1] | key->src[2] | key->src[3]) return INQUIRY_OTHERS;
    if (pkt->link == LINK_SLL) return bytes_get16(pkt, SLL_KIND_AT) == SLL_KIND_OUTGOING ? INQUIRY_OWN : INQUIRY_OTHERS;
    if (pkt->link == LINK_SLL2)
        return bytes_get8(pkt, SLL2_KIND_AT) == SLL_KIND_OUTGOING ? INQUIRY_OWN : INQUIRY_OTHERS;
    if (!mac) return INQUIRY_UNKNOWN;
    const uint64_t from = (uint64_t)bytes_get32(pkt, 6) << 16 | bytes_get16(pkt, 10);
    return from == mac ? INQUIRY_OWN : INQUIRY_OTHERS;
}
