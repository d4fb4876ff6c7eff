/* A port of `xdp`, its memory and its rings: what xdp.c and xdp_open.c share. */
#pragma once

#include <xdp/xsk.h>

#include "runtime/io/pieces.h"
#include "runtime/io/xdp_priv.h"

/* Of a slot: a frame that came in it is in somebody's hands. It may leave from there, and have left, before it is
 * released; only then is the slot free. */
#define HELD UINT32_C(0x80000000)

/* The memory of a worker's ports: slots, of which the kernel has some. */
struct umem {
    uint8_t *bytes;
    size_t len;
    uint32_t slot_bytes, slots;
    uint32_t *free; /* a stack */
    uint32_t free_count;
    uint32_t *with;  /* [slots] the queue whose rings have it, 0: none; and HELD */
    uint32_t queues; /* that there were: the number of the last */
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
    uint32_t number; /* of all that the worker had, from 1 */
    uint32_t unsent; /* put in tx since the last flush */
    struct half_taken half;
};

struct io_port {
    struct umem *umem;
    struct umem **shared;
    bool busy;  /* the kernel waits to be asked for frames */
    bool noted; /* frames have a note in front */
    struct queue *queues;
    unsigned queue_count, next; /* the queue to begin with */
    int fd;                     /* of the queue, or an epoll of all */
    unsigned held;
    uint32_t held_slots[IO_BATCH]; /* of a frame that came in pieces: how many slots there are, and its buffer */
    struct pieces pieces;          /* without memory: each frame fits into a slot */
    struct pkt views[IO_BATCH];
    struct io_stats stats;
};

static inline void put(struct umem *u, uint32_t slot) { u->free[u->free_count++] = slot; }

/* One of both has let go of the slot: free when neither has it. */
static inline void let_go(struct umem *u, uint32_t slot, uint32_t kept)
{
    u->with[slot] &= kept;
    if (!u->with[slot]) put(u, slot);
}

/* Slots for frames to come. */
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

struct io_port *xdp_open(const struct io_ask *ask, const struct io_made *made, struct umem **umem, char *err,
                         size_t err_len);
void xdp_close(struct io_port *p);
