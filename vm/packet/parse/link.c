/* Link headers: from the first byte of a frame to the type of its payload, through up to 16 VLAN tags. */
#include "vm/packet/parse/parse.h"

/* Return the EtherType of a family in DLT_NULL or DLT_LOOP. AF_INET6 is the number of the system that wrote the
 * capture: Linux and the BSDs differ in it. */
static uint16_t family_type(uint32_t family)
{
    switch (family) {
    case 2: return ETHER_IP4;
    case 10:
    case 24:
    case 28:
    case 30: return ETHER_IP6;
    default: return 0;
    }
}

static void add_tag(struct parse *p, uint16_t tci)
{
    struct key *key = p->key;
    if (!(key->kind & KIND_VLAN)) {
        key->kind |= KIND_VLAN;
        key->vlan_outer = tci & VLAN_VID;
    } else if (!(key->kind & KIND_VLAN2)) {
        key->kind |= KIND_VLAN2;
        key->vlan_inner = tci & VLAN_VID;
    }
}

/* Continue behind a type field, at byte `at`. */
static enum pkt_reason parse_type(struct parse *p, uint16_t type, uint32_t at)
{
    struct pkt *pkt = p->pkt;
    TURNS(VLAN_TAGS_MOST + 1)
    while (LOOP(ether_is_tag(type))) {
        enum pkt_reason r = parse_need(p, at + VLAN_LEN, REASON_SHORT_VLAN);
        if (r) return r;
        if (pkt->tag_count + pkt->tags_in_frame >= VLAN_TAGS_MOST) return REASON_VLAN_DEPTH;
        pkt->tags_in_frame++;
        add_tag(p, parse_at16(p, at));
        type = parse_at16(p, at + 2);
        at = LOOSE(at + VLAN_LEN);
    }
    if (type < ETHER_TYPE_LEAST) return REASON_NONE;
    p->key->kind |= KIND_ETHERTYPE;
    p->key->ether_type = type;
    switch (type) {
    case ETHER_IP4: return parse_ip4(p, at);
    case ETHER_IP6: return parse_ip6(p, at);
    case ETHER_ARP: return parse_arp(p, at);
    default: return REASON_NONE;
    }
}

/* Type and place (`at`) of a link's payload. */
struct carried {
    uint32_t at;
    uint16_t type;
};

static enum pkt_reason parse_ethernet(struct parse *p, struct carried *c)
{
    enum pkt_reason r = parse_need(p, ETHER_LEN, REASON_SHORT_ETHERNET);
    if (r) return r;
    p->key->kind |= KIND_ETHER;
    p->to_group = parse_at(p, 0) & 1;
    *c = (struct carried){.at = ETHER_LEN, .type = parse_at16(p, ETHER_TYPE_AT)};
    return REASON_NONE;
}

/* Parse a Linux cooked header: one field shows whether the frame was for a group, another the type. */
static enum pkt_reason parse_cooked(struct parse *p, struct carried *c)
{
    const bool v2 = p->pkt->link == LINK_SLL2;
    enum pkt_reason r = parse_need(p, v2 ? SLL2_LEN : SLL_LEN, REASON_SHORT_ETHERNET);
    if (r) return r;
    const uint32_t kind = v2 ? parse_at(p, SLL2_KIND_AT) : parse_at16(p, SLL_KIND_AT);
    p->to_group = kind == SLL_KIND_BROADCAST || kind == SLL_KIND_MULTICAST;
    *c = (struct carried){.at = v2 ? SLL2_LEN : SLL_LEN, .type = parse_at16(p, v2 ? SLL2_TYPE_AT : SLL_TYPE_AT)};
    return REASON_NONE;
}

static enum pkt_reason parse_loopback(struct parse *p, struct carried *c)
{
    enum pkt_reason r = parse_need(p, LOOP_LEN, REASON_SHORT_ETHERNET);
    if (r) return r;
    uint32_t family = parse_at32(p, 0);
    if (p->pkt->link == LINK_BSD && family > UINT16_MAX) family = __builtin_bswap32(family);
    *c = (struct carried){.at = LOOP_LEN, .type = family_type(family)};
    return REASON_NONE;
}

/* Parse a bare IP packet: its version shows the family; any other version is not IP. */
static enum pkt_reason parse_raw(struct parse *p, struct carried *c)
{
    enum pkt_reason r = parse_need(p, 1, REASON_SHORT_IP);
    if (r) return r;
    unsigned version = parse_at(p, 0) >> 4;
    if (version != 4 && version != 6) return REASON_BAD_IP_VERSION;
    *c = (struct carried){.type = version == 4 ? ETHER_IP4 : ETHER_IP6};
    return REASON_NONE;
}

static enum pkt_reason parse_header(struct parse *p, struct carried *c)
{
    switch ((enum pkt_link)p->pkt->link) {
    case LINK_ETHER: return parse_ethernet(p, c);
    case LINK_RAW: return parse_raw(p, c);
    case LINK_IP4: c->type = ETHER_IP4; return REASON_NONE;
    case LINK_IP6: c->type = ETHER_IP6; return REASON_NONE;
    case LINK_SLL:
    case LINK_SLL2: return parse_cooked(p, c);
    case LINK_BSD:
    case LINK_LOOP: return parse_loopback(p, c);
    case LINK_COUNT: break;
    }
    return REASON_SHORT_ETHERNET; /* an unknown link has no header that could be complete */
}

enum pkt_reason parse_link(struct parse *p)
{
    struct pkt *pkt = p->pkt;
    struct carried c = {0};
    for (unsigned i = 0; i < pkt->tag_count && i < sizeof(pkt->tags) / sizeof(pkt->tags[0]); i++)
        add_tag(p, pkt->tags[i].tci);
    enum pkt_reason r = parse_header(p, &c);
    if (r) return r;
    p->to_group = LOOSE(p->to_group);
    return parse_type(p, LOOSE(c.type), LOOSE(c.at));
}
