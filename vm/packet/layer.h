/* Place of a packet's layer, for patterns of bytes: the same for both executors. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/pbc.h"

/* Return the offset in the frame of byte `at` of the layer (L3 and up), if the packet has that layer and `len` bytes
 * from there are within the IP packet; otherwise LAYER_NONE. The bytes may not have been captured. */
#define LAYER_NONE UINT32_MAX
static inline uint32_t layer_place(const struct pkt *pkt, const struct key *key, unsigned layer, unsigned at,
                                   unsigned len)
{
    if (!(key->kind & KIND_IP)) return LAYER_NONE;
    /* Use the packet's own length at the limit, because l3_end cannot exceed 65,535. */
    const uint32_t end = pkt->l3_end < UINT16_MAX ? pkt->l3_end : (uint32_t)pkt->l3 + key->length;
    const uint32_t base = layer == PBC_L3 ? pkt->l3 : layer == PBC_L4 ? pkt->l4 : pkt->payload;
    if (layer != PBC_L3 && base == 0) return LAYER_NONE;
    return (uint64_t)base + at + len > end ? LAYER_NONE : base + at;
}
