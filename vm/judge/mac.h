/* Kinds of MAC addresses. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/pbc.h"

/* Is the number of that kind (MAC_MULTICAST, MAC_BROADCAST)? Multicast is the group bit (IEEE 802), which broadcast
 * has, too.
 */
static inline bool mac_is(uint64_t mac, uint32_t kinds)
{
    bool broadcast = mac == 0xffffffffffff, group = mac >> 40 & 1;
    return (kinds & MAC_BROADCAST && broadcast) || (kinds & MAC_MULTICAST && group);
}
