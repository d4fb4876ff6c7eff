/* Constants for both halves of `xdp`; a port, its memory and its rings, shared by xdp.c and xdp_open.c. */
#pragma once

#include <linux/if_xdp.h>
#include <xdp/xsk.h>

#include "runtime/io/io.h"
#include "runtime/io/pieces.h"

#ifndef XDP_USE_SG /* since Linux 6.6 */
#define XDP_USE_SG    (1 << 4)
#define XDP_PKT_CONTD (1 << 0)
#endif

enum {
    KERNEL_ROOM = 256, /* XDP_PACKET_HEADROOM */
    ROOM = 18,         /* behind the headroom; places an IP header at a multiple of 32 bytes */
    TAGS_ROOM = 8,     /* two VLAN tags */
    SLOT_SMALL = 2048,
    SLOT_LARGE = 4096, /* most that the kernel takes */
    SLOT_ROOM = KERNEL_ROOM + ROOM,
    RING_LEAST = 64,
    RING_MOST = 4096,
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

/* A port of `xdp`, its memory and its rings, shared by xdp.c and xdp_open.c. */
/* Flag of a slot whose received frame is still in use. The frame may be sent, and have left, before it is released;
 * only then is the slot free. */
#define HELD UINT32_C(0x80000000)

/* Memory of a worker's ports: slots, some of which belong to the kernel. */
struct umem {
    uint8_t *bytes;
    size_t len;
    uint32_t slot_bytes, slots;
    uint32_t *free; /* stack of free slots */
    uint32_t free_count;
    uint32_t *with;  /* [slots] number of the queue whose rings have the slot, 0: none; and HELD */
    uint32_t queues; /* number of the last queue */
    int memory;      /* descriptor of the bytes */
    unsigned ports;
};

struct mapping {
    void *at; /* NULL: none */
    size_t len;
};

struct queue {
    struct xsk_ring_prod fill, tx;
    struct xsk_ring_cons done, rx;
    struct mapping mappings[4];
    int fd;
    uint32_t number; /* number among all queues that the worker had, from 1 */
    uint32_t unsent; /* entries put in tx since the last flush */
    struct half_taken half;
};

struct io_port {
    struct umem *umem;
    struct umem **shared;
    bool busy;  /* the kernel hands frames over on request */
    bool noted; /* frames have a note in front */
    struct queue *queues;
    unsigned queue_count, next; /* queue to begin with */
    int fd;                     /* socket of the only queue, or an epoll of all */
    unsigned held;
    uint32_t held_slots[IO_BATCH]; /* slot of each frame; for a frame from pieces: `slots` + its buffer */
    struct pieces pieces;          /* without memory: each frame fits in a slot */
    struct pkt views[IO_BATCH];
    struct io_stats stats;
    uint64_t lost_before; /* frames that its sockets had lost before the hand-over, which are counted already */
    uint64_t lost_told;   /* lost frames at the last report by xdp_stats */
};

static inline void put(struct umem *u, uint32_t slot) { u->free[u->free_count++] = slot; }

/* Clear one use of the slot, and free the slot if no other is left. */
static inline void let_go(struct umem *u, uint32_t slot, uint32_t kept)
{
    u->with[slot] &= kept;
    if (!u->with[slot]) put(u, slot);
}

/* Give free slots to the kernel for future frames. */
static inline void refill(struct umem *u, struct queue *q)
{
    uint32_t at, n = xsk_prod_nb_free(&q->fill, IO_BATCH);
    if (n > u->free_count) n = u->free_count;
    if (!n || !xsk_ring_prod__reserve(&q->fill, n, &at)) return;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t slot = u->free[--u->free_count];
        u->with[slot] = q->number;
        *xsk_ring_prod__fill_addr(&q->fill, at + i) = (uint64_t)slot * u->slot_bytes;
    }
    xsk_ring_prod__submit(&q->fill, n);
}

/* xdp_hand.c: a port that another process continues */
bool xdp_hand(const struct io_port *p, struct io_made *made);
const char *xdp_stays(const struct io_port *p);
bool xdp_archive(struct io_port *p, struct archive *a);
/* Check the state that another process has handed over. Return NULL, or its fault in words. */
const char *xdp_unfit(const struct io_ask *ask, const struct io_made *made, const struct umem *shared);
/* Return the number of frames that the port's sockets have lost since they were made. */
uint64_t xdp_sockets_lost(const struct io_port *p);

struct io_port *xdp_open(const struct io_ask *ask, const struct io_made *made, struct umem **umem, char *err,
                         size_t err_len);
void xdp_close(struct io_port *p);
