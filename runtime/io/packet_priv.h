/* Layout of the ring, for both halves of `packet`. */
#pragma once

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#include "runtime/io/io.h"

/* TPACKET_ALIGN for unsigned numbers. */
#define RING_ALIGN(n) (((n) + 15u) & ~15u)

enum {
    /* places an IP header behind an Ethernet header at a multiple of 32 bytes */
    RESERVE = 134,
    ADDRESS_AT = RING_ALIGN(sizeof(struct tpacket2_hdr)), /* place of the frame's link-layer address in a slot */
    FRAME_AT =
        RING_ALIGN(ADDRESS_AT + sizeof(struct sockaddr_ll) + 16) + RESERVE + sizeof(struct virtio_net_hdr) - ETH_HLEN,
    TAGS_ROOM = 8,     /* two VLAN tags */
    SLOT_LEAST = 2112, /* not a power of two, so that headers of a batch spread over the cache's sets */
    SLOT_ALIGN = 64,
    BLOCK = 1 << 18, /* the kernel's unit of ring memory */
};

/* Return the shape of the ring, for the kernel and for its mapping. */
static inline struct tpacket_req packet_shape(const struct io_ask *ask)
{
    const uint32_t mtu = ask->mtu < BLOCK ? ask->mtu : BLOCK, need = FRAME_AT + ETH_HLEN + TAGS_ROOM + mtu;
    uint32_t slot = need < SLOT_LEAST ? SLOT_LEAST : (need + SLOT_ALIGN - 1) / SLOT_ALIGN * SLOT_ALIGN;
    if (slot > BLOCK) slot = BLOCK;
    const uint32_t blocks = (uint32_t)((ask->ring_bytes + BLOCK - 1) / BLOCK);
    return (struct tpacket_req){
        .tp_block_size = BLOCK, .tp_block_nr = blocks, .tp_frame_size = slot, .tp_frame_nr = BLOCK / slot * blocks};
}

int packet_make(struct io_maker *m, const struct io_ask *ask, struct io_made *made, char *err, size_t err_len);
