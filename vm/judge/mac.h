/* Kinds of MAC addresses. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/pbc.h"

/* True if the number is a MAC of that kind (MAC_MULTICAST, MAC_BROADCAST). Multicast is the group bit (IEEE 802), which
 * broadcast also has. */
static inline bool mac_is(uint64_t mac, uint32_t kinds)
{
    bool broadcast = mac == 0xffffffffffff, group = mac >> 40 & 1;
    return (kinds & MAC_BROADCAST && broadcast) || (kinds & MAC_MULTICAST && group);
}
