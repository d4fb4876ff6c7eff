/* Packets of an interface that is shut (facts.h): the same for both executors. */
#pragma once

#include <stdbool.h>

#include "vm/packet/facts.h"
#include "vm/packet/key.h"

/* True if the packet's ports are those of DHCP, or DHCPv6. */
static inline bool key_is_dhcp(const struct key *key)
{
    const uint32_t low = key->kind & KIND_IP4 ? 67 : 546;
    return (key->kind & (KIND_UDP | KIND_PORTS)) == (KIND_UDP | KIND_PORTS) && key->src_port - low < 2 &&
           key->dst_port - low < 2;
}

/* True if `shut` of its interface stops the packet. */
static inline bool key_is_shut(const struct key *key, uint32_t shut)
{
    const uint32_t way = key->kind & KIND_IN ? SHUT_ARRIVES : key->kind & KIND_OUT ? SHUT_SENT : SHUT_CROSSES;
    return shut & way && !(key->kind & (KIND_ARP | KIND_ND)) && !key_is_dhcp(key);
}
