/* What a frame's first bytes rule out. */
#include "vm/packet/parse/glance.h"

#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { ETHER_HEAD = 14, IP_HEAD = 8 /* bytes of it that are read */ };

static bool ip4_fragment(const uint8_t *ip) { return wire_get16(ip + 6) & 0x3fff; }

/* Behind any extension header there may be a fragment's. */
static bool ip6_fragment(const uint8_t *ip)
{
    switch (ip[6]) {
    case IPPROTO_NR_ICMP6:
    case IPPROTO_NR_TCP:
    case IPPROTO_NR_UDP: return false;
    default: return true;
    }
}

bool glance_fragment(const uint8_t *bytes, uint32_t cap_len, enum pkt_link link)
{
    if (link != LINK_ETHER || cap_len < ETHER_HEAD + IP_HEAD) return true;
    switch (wire_get16(bytes + 12)) {
    case 0x0800: return ip4_fragment(bytes + ETHER_HEAD);
    case 0x86dd: return ip6_fragment(bytes + ETHER_HEAD);
    case 0x0806: return false;
    default: return true;
    }
}
