/* Partial checksums in a frame, which its sender must complete. */
#pragma once

#include "vm/kernel/bpf.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

/* True if the TCP or UDP checksum covers the pseudo header only: it must be completed before a program sends the
 * packet. (One in 65,536 complete checksums looks the same.) */
static inline bool frame_is_partial(const struct kpkt *k, uint16_t sum)
{
    const struct key *key = &k->key;
    const uint32_t len = (uint32_t)k->pkt.l3 + key->length - k->pkt.l4;
    uint64_t pseudo = (uint64_t)key->proto + len;
#pragma unroll
    for (unsigned i = 0; i < 4; i++) pseudo += (uint64_t)key->src[i] + key->dst[i]; /* IPv4: words 1 to 3 are 0 */
    pseudo = (pseudo & UINT32_MAX) + (pseudo >> 32);
    pseudo = (pseudo & 0xffff) + (pseudo >> 16 & 0xffff) + (pseudo >> 32);
    pseudo = (pseudo & 0xffff) + (pseudo >> 16);
    return (uint16_t)((pseudo & 0xffff) + (pseudo >> 16)) == sum;
}

/* True if the packet's checksum is partial. Only a packet of a kernel_port.software interface or of this machine may
 * have such a sum; neither XDP nor the head shows it. A fragment's sum is complete. The packet must be unedited. */
static inline bool frame_is_left(const struct kpkt *k)
{
    const uint32_t kind = k->key.kind, at = k->pkt.l4 + (kind & KIND_TCP ? TCP_SUM : UDP_SUM);
    if (!(k->flags & (KERNEL_SOFTWARE | KERNEL_EGRESS)) || !(kind & (KIND_TCP | KIND_UDP))) return false;
    if (kind & KIND_FRAGMENT) return false;
    return frame_is_partial(k, wire_get16(k->head + (at & (KERNEL_HEAD - 1))));
}
