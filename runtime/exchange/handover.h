/* Hand-over of packets from one worker to another, their owner: a bounded ring of slots with room for a frame and
 * headroom. The sender copies packets in; the owner judges and rewrites them in place. */
#pragma once

#include <unistd.h>

#include "vm/packet/pkt.h"

enum { HANDOVER_SLOTS = 256 };

/* Kinds of packets that are handed over. */
enum handover_kind {
    HANDOVER_OWNED, /* to its owner */
    HANDOVER_PIECE, /* a fragment, to the worker that finds the owner of its datagram */
};

struct handover {
    uint8_t *memory; /* touched only as far as frames are long */
    uint32_t put __attribute__((aligned(64)));
    uint32_t taken __attribute__((aligned(64)));
    uint32_t given; /* taken by handover_take and not released yet */
};

int handover_init(struct handover *h); /* 0 or -ENOMEM */
void handover_fini(struct handover *h);

/* Copy a packet in: head, offload state, iface and cookie. False: no room. */
bool handover_put(struct handover *h, const struct pkt *pkt, enum handover_kind kind);
/* Take the next packets, at most n; they stay valid until handover_release. */
unsigned handover_take(struct handover *h, struct pkt *pkts[], uint8_t kinds[], unsigned n);
void handover_release(struct handover *h);
bool handover_waits(const struct handover *h);

/* Wake the thread that polls this eventfd. The eventfd counts, so a further write never blocks. */
static inline void wake(int fd)
{
    const uint64_t one = 1;
    (void)!write(fd, &one, sizeof one);
}
