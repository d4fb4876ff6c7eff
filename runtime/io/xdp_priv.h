/* What the two halves of `xdp` must agree upon. */
#ifndef RUNTIME_IO_XDP_PRIV_H
#define RUNTIME_IO_XDP_PRIV_H

#include "runtime/io/io.h"

enum {
    KERNEL_ROOM = 256, /* XDP_PACKET_HEADROOM */
    ROOM = 18,         /* behind it: an IP header then stands at a multiple of 32 bytes */
    TAGS_ROOM = 8,     /* two VLAN tags */
    SLOT_SMALL = 2048,
    SLOT_LARGE = 4096, /* the most that the kernel takes */
};

int xdp_make(struct io_maker *m, const struct io_ask *ask, struct io_made *made, char *err, size_t err_len);

#endif
