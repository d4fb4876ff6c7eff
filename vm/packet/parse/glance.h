/* A glance at a frame's first bytes, before it is parsed. Inline: a replay glances at most frames. */
#pragma once

#include "vm/packet/parse/header.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

/* Behind any extension header there may be a fragment's. */
static inline bool glance_ip6(uint8_t next)
{
    return next != IPPROTO_NR_TCP && next != IPPROTO_NR_UDP && next != IPPROTO_NR_ICMP6;
}

/* May the frame be a fragment? Never wrong when it says no; of VLANs, cooked links and IPv6 extension headers it says
 * yes without looking further. */
static inline bool glance_fragment(const uint8_t *bytes, uint32_t cap_len, enum pkt_link link)
{
    enum { IP_HEAD = 8 /* bytes of it that are read */ };
    if (link != LINK_ETHER || cap_len < ETHER_LEN + IP_HEAD) return true;
    const uint8_t *ip = bytes + ETHER_LEN;
    switch (wire_get16(bytes + ETHER_LEN - 2)) {
    case ETHER_IP4: return wire_get16(ip + IP4_FRAG) & (IP4_MF | IP4_OFFSET);
    case ETHER_IP6: return glance_ip6(ip[IP6_NEXT]);
    case ETHER_ARP: return false;
    default: return true;
    }
}
