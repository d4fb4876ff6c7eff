/* The device through which a worker's packets enter and leave the inline stack, in which inline connections end
 * (runtime/host/device/inline_stack.h): a TUN device, which carries super-packets and partial checksums both ways. */
#pragma once

#include <stdint.h>

#include "vm/packet/pkt.h"

enum { INLINE_IO_BATCH = 64 }; /* most packets read at once */

struct inline_io {
    int fd;           /* the device, which its owner closes; -1: none */
    bool likely;      /* packets are likely: poll reported them, or given packets may have caused replies */
    unsigned skipped; /* reads skipped since the last one */
    uint8_t *memory;  /* memory of the packets read */
    struct pkt pkts[INLINE_IO_BATCH];
};

/* Make its memory, once, before fd is set. Return 0 or -ENOMEM. */
int inline_io_init(struct inline_io *io);
void inline_io_fini(struct inline_io *io);

/* Read what the inline stack sends, without waiting: bare IP packets, writable, with IO_HEADROOM bytes in front,
 * valid until the next call. Return their number. If packets are unlikely, only some calls look, to spare other
 * traffic the cost. */
unsigned inline_io_read(struct inline_io *io, struct pkt *pkts[INLINE_IO_BATCH]);
/* Give the inline stack a parsed packet, from its IP header on. False: the device refused it. */
bool inline_io_give(struct inline_io *io, const struct pkt *pkt);
