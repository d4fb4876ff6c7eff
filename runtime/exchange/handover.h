/* Hand-over of packets from one worker to another, which owns them: a bounded ring of slots with room for a frame and
 * headroom. The one that puts copies; the other judges, and rewrites, where they lie. */
#pragma once

#include <unistd.h>

#include "vm/packet/pkt.h"

enum { HANDOVER_SLOTS = 256 };

/* The kind of a packet that is handed over. */
enum handover_kind {
    HANDOVER_OWNED, /* its owner takes it */
    HANDOVER_PIECE, /* a fragment, to the worker that finds out whose its datagram is */
};

struct handover {
    uint8_t *memory; /* touched only as far as frames are long */
    uint32_t put __attribute__((aligned(64)));
    uint32_t taken __attribute__((aligned(64)));
    uint32_t given; /* by handover_take, not released yet */
};

int handover_init(struct handover *h); /* 0 or -ENOMEM */
void handover_fini(struct handover *h);

/* Copy a packet in: head and offload state, iface, cookie. False: there is no room. */
bool handover_put(struct handover *h, const struct pkt *pkt, enum handover_kind kind);
/* The next at most n packets; they hold until handover_release. */
unsigned handover_take(struct handover *h, struct pkt *pkts[], uint8_t kinds[], unsigned n);
void handover_release(struct handover *h);
bool handover_waits(const struct handover *h);

/* Whoever sleeps in poll by that eventfd: it counts, so one more never fails to wake. */
static inline void wake(int fd)
{
    const uint64_t one = 1;
    (void)!write(fd, &one, sizeof one);
}
