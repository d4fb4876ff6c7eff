/* Constants for both halves of `xdp`. */
#pragma once

#include <linux/if_xdp.h>

#include "runtime/io/io.h"

#ifndef XDP_USE_SG /* since Linux 6.6 */
#define XDP_USE_SG    (1 << 4)
#define XDP_PKT_CONTD (1 << 0)
#endif

enum {
    KERNEL_ROOM = 256, /* XDP_PACKET_HEADROOM */
    ROOM = 18,         /* behind it; places an IP header at a multiple of 32 bytes */
    TAGS_ROOM = 8,     /* two VLAN tags */
    SLOT_SMALL = 2048,
    SLOT_LARGE = 4096, /* most that the kernel takes */
    SLOT_ROOM = KERNEL_ROOM + ROOM,
    PIECES_MOST = 16, /* most slots of a frame; the kernel takes 17 */
    FRAME_MOST = PIECES_MOST * (SLOT_LARGE - SLOT_ROOM),
};

/* Return the slot size for frames of at most `frame_most` bytes; frames longer than a slot come in pieces. */
static inline unsigned xdp_slot_bytes(unsigned frame_most)
{
    return frame_most <= SLOT_SMALL - SLOT_ROOM ? SLOT_SMALL : SLOT_LARGE;
}
static inline bool xdp_in_pieces(unsigned frame_most) { return frame_most > SLOT_LARGE - SLOT_ROOM; }

int xdp_make(struct io_maker *m, const struct io_ask *ask, struct io_made *made, char *err, size_t err_len);
int xdp_bind(struct io_maker *m, char *err, size_t err_len);
