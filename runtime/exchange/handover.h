/* Hand-over of packets from one worker to another, their owner: a bounded ring of slots, each with room for a frame,
 * headroom, and what the sender has read of its headers. The sender copies packets in; the owner judges and rewrites
 * them in place.
 *
 * A hand-over's cost is the cache lines that move between processors, so each side has its own: it counts there, and
 * reads the other side's count only when its copy shows that nothing is left. Packets are published many at a time.
 * A plain packet (vm/packet/parse/plain.h) is one line besides its frame; any other is that line, its key and its
 * view. */
#pragma once

#include <unistd.h>

#include "vm/vm.h"

enum { HANDOVER_SLOTS = 256, HANDOVER_LINE = 64 };

/* Kinds of packets that are handed over. */
enum handover_kind {
    HANDOVER_OWNED,    /* a packet for its owner */
    HANDOVER_FRAGMENT, /* a fragment for the worker that finds the owner of its datagram */
};

#define HANDED_UNPARSED UINT64_MAX
/* A packet as the taker sees it; the packet's bytes are in its slot */
struct handed {
    struct pkt pkt;
    const struct key *key; /* in the slot, parsed by the sending worker; NULL: the packet is plain, or not parsed */
    struct plain plain;    /* fields of a plain packet, if is_plain */
    uint64_t world;        /* number of the snapshot by whose facts the packet was parsed, or HANDED_UNPARSED */
    uint8_t kind;          /* enum handover_kind */
    bool is_plain, asks;
};

struct handover {
    uint8_t *slots, *large; /* memory; `large` is for frames larger than a slot */
    /* used by the sender only */
    uint32_t filled __attribute__((aligned(HANDOVER_LINE))); /* packets copied in */
    uint32_t taken_seen;                                     /* `taken` when it was read last */
    /* written by the sender, read by the taker */
    uint32_t put __attribute__((aligned(HANDOVER_LINE))); /* packets published */
    /* written by the taker, read by the sender */
    uint32_t taken __attribute__((aligned(HANDOVER_LINE))); /* packets released */
    /* used by the taker only */
    uint32_t given __attribute__((aligned(HANDOVER_LINE))); /* packets taken, released or not */
    uint32_t put_seen;                                      /* `put` when it was read last */
};

int handover_init(struct handover *h); /* Return 0 or -ENOMEM */
void handover_fini(struct handover *h);

/* Copy a packet in: head, offload state, iface and cookie. key: parsed by the facts of snapshot `world`; NULL: not
 * parsed. False: no room. The taker sees it after handover_publish. */
bool handover_put(struct handover *h, const struct pkt *pkt, const struct key *key, uint64_t world,
                  enum handover_kind kind);
/* Copy in a plain packet for its owner, without a given way (PKT_WAY_SAID, PKT_SOURCE_SAID). asks: the sender would
 * borrow its flow's recipe. */
bool handover_put_plain(struct handover *h, const struct pkt *pkt, const struct plain *plain, uint64_t world,
                        bool asks);
void handover_publish(struct handover *h);
/* Take the next packets, at most n; their bytes and keys stay valid until handover_release. */
unsigned handover_take(struct handover *h, struct handed packets[], unsigned n);
void handover_release(struct handover *h);
/* True if there are packets to take. Called by the taker. */
bool handover_waits(const struct handover *h);

/* Wake the thread that polls this eventfd. The eventfd counts, so a further write never blocks. */
static inline void wake(int fd)
{
    const uint64_t one = 1;
    (void)!write(fd, &one, sizeof one);
}
