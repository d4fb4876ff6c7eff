/* The MAC addresses of a packet's head. */
#pragma once

#include "vm/kernel/kpkt.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

/* Return a MAC as pkt_mac does (packet/pkt.h). */
static inline uint64_t kernel_mac(const struct kpkt *k, uint32_t dst)
{
    if (k->pkt.link != LINK_ETHER || k->head_len < ETHER_LEN) return 0;
    return wire_get48(k->head + (dst ? 0 : 6));
}
