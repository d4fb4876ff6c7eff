/* `xdp`: frames through AF_XDP, with one socket for each queue of the interface. All ports of a worker share its
 * memory, so a frame is rewritten in place and leaves from there by any port. A packet from other memory (a reply by
 * prey, or a packet that waited) is copied to a slot. The steering program (steer/steer.h) selects the frames that
 * arrive. */
#include "runtime/io/xdp_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/io/offload.h"

/* True if the slot is in this queue's rings; its flag `held` may be set, too. The process that handed the rings over
 * may still have them mapped (README.md), so their content is not trusted. */
static bool has_slot(const struct umem *u, const struct queue *q, uint64_t slot, uint32_t held)
{
    return slot < u->slots && (u->with[slot] & ~held) == q->number;
}

/* Take back slots whose frames have left. */
static void reap(struct umem *u, struct queue *q)
{
    uint32_t at;
    const uint32_t n = xsk_ring_cons__peek(&q->done, q->done.size, &at);
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t slot = *xsk_ring_cons__comp_addr(&q->done, at + i) / u->slot_bytes;
        if (has_slot(u, q, slot, HELD)) let_go(u, (uint32_t)slot, HELD);
    }
    if (n) xsk_ring_cons__release(&q->done, n);
}

/* Check the note before a frame. False: it is not prey's. */
static bool take_note(uint8_t **bytes, uint32_t *len)
{
    struct kernel_note note;
    if (*len < sizeof note) return false;
    memcpy(&note, *bytes, sizeof note);
    if (note.magic != KERNEL_NOTE_MAGIC) return false;
    *bytes += sizeof note;
    *len -= (uint32_t)sizeof note;
    return true;
}

static void xdp_view(struct io_port *p, uint8_t *bytes, uint32_t len, uint32_t slot)
{
    struct pkt *pkt = &p->views[p->held];
    if (p->noted && !take_note(&bytes, &len)) len = 0; /* an empty frame, which no rule accepts */
    p->held_slots[p->held++] = slot;
    pkt_view(pkt, bytes, len, len, LINK_ETHER, 0);
    pkt->flags = PKT_WRITABLE;
    pkt->headroom = IO_HEADROOM;
    p->stats.completed += offload_complete(pkt);
}

/* Add a piece; the frame's other pieces may come with another batch. */
static void take_piece(struct io_port *p, struct queue *q, const struct xdp_desc *d)
{
    pieces_add(&p->pieces, &q->half, p->umem->bytes + d->addr, d->len);
    if (d->options & XDP_PKT_CONTD) return;
    if (!pieces_end(&p->pieces, &q->half)) {
        p->stats.cut++;
        return;
    }
    xdp_view(p, pieces_at(&p->pieces, q->half.buffer), q->half.len, p->umem->slots + q->half.buffer);
    p->stats.copied++;
}

static void desc_take(struct io_port *p, struct queue *q, const struct xdp_desc *d)
{
    const struct xdp_desc one = *d; /* it may change while it is read */
    const uint32_t slot = (uint32_t)(one.addr / p->umem->slot_bytes), at = (uint32_t)(one.addr % p->umem->slot_bytes);
    if (!has_slot(p->umem, q, one.addr / p->umem->slot_bytes, 0) || one.len > p->umem->slot_bytes - at) return;
    p->umem->with[slot] = HELD;
    if (q->half.begun || one.options & XDP_PKT_CONTD) {
        take_piece(p, q, &one);
        let_go(p->umem, slot, ~HELD);
    } else {
        xdp_view(p, p->umem->bytes + one.addr, one.len, slot);
    }
}

/* Take at most n frames of one queue. */
static unsigned frames_take(struct io_port *p, struct queue *q, unsigned n)
{
    uint32_t at;
    reap(p->umem, q);
    refill(p->umem, q);
    if (p->busy || xsk_ring_prod__needs_wakeup(&q->fill)) recvfrom(q->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
    n = xsk_ring_cons__peek(&q->rx, n, &at);
    for (uint32_t i = 0; i < n; i++) __builtin_prefetch(p->umem->bytes + xsk_ring_cons__rx_desc(&q->rx, at + i)->addr);
    for (uint32_t i = 0; i < n; i++) desc_take(p, q, xsk_ring_cons__rx_desc(&q->rx, at + i));
    if (n) xsk_ring_cons__release(&q->rx, n);
    return n;
}

static unsigned xdp_receive(struct io_port *p, struct pkt *pkts[], unsigned n)
{
    const unsigned from = p->held;
    if (n > IO_BATCH - from) n = IO_BATCH - from;
    for (unsigned i = 0; i < p->queue_count && p->held - from < n; i++) {
        frames_take(p, &p->queues[p->next], n - (p->held - from));
        if (++p->next == p->queue_count) p->next = 0;
    }
    for (unsigned i = from; i < p->held; i++) pkts[i - from] = &p->views[i];
    p->stats.received += p->held - from;
    return p->held - from;
}

/* Release received slots; those sent come back by `reap`. */
static void xdp_release(struct io_port *p)
{
    struct umem *u = p->umem;
    for (unsigned i = 0; i < p->held; i++) {
        const uint32_t slot = p->held_slots[i];
        if (slot >= u->slots)
            pieces_put(&p->pieces, slot - u->slots);
        else
            let_go(u, slot, ~HELD);
    }
    p->held = 0;
}

/* Make the kernel send. It takes a limited number per call; the rest stays in the ring. */
static void kick(struct io_port *p, struct queue *q)
{
    uint32_t left = q->unsent;
    q->unsent = 0;
    while (left && xsk_ring_prod__needs_wakeup(&q->tx)) {
        const uint32_t before = __atomic_load_n(q->tx.consumer, __ATOMIC_ACQUIRE);
        const bool failed = sendto(q->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0;
        const uint32_t taken = __atomic_load_n(q->tx.consumer, __ATOMIC_ACQUIRE) - before;
        if (failed && errno != EAGAIN) p->stats.last_errno = errno;
        if (!taken) break;
        left = taken < left ? left - taken : 0;
    }
}

static void xdp_flush(struct io_port *p) { kick(p, &p->queues[0]); }

/* Reserve n entries of the tx ring, from *at on, for queue_submit. False: no room. */
static bool queue_reserve(struct io_port *p, struct queue *q, uint32_t n, uint32_t *at)
{
    if (xsk_prod_nb_free(&q->tx, n) < n) xdp_flush(p);
    return xsk_ring_prod__reserve(&q->tx, n, at) == n;
}

static void queue_submit(struct queue *q, uint32_t n)
{
    xsk_ring_prod__submit(&q->tx, n);
    q->unsent += n;
}

static void queue_put(struct umem *u, struct queue *q, uint32_t at, const struct xdp_desc *d)
{
    u->with[d->addr / u->slot_bytes] |= q->number;
    *xsk_ring_prod__tx_desc(&q->tx, at) = *d;
}

static bool send_here(struct io_port *p, struct queue *q, uint64_t addr, uint32_t len)
{
    uint32_t at = 0;
    if (!queue_reserve(p, q, 1, &at)) return false;
    queue_put(p->umem, q, at, &(struct xdp_desc){.addr = addr, .len = len});
    queue_submit(q, 1);
    return true;
}

/* Copy the frame to as many slots as it needs, and queue it. False if slots are missing, or the port sends no frames
 * in pieces. */
static bool send_copy(struct io_port *p, struct queue *q, const struct pkt *pkt)
{
    struct umem *u = p->umem;
    const uint32_t n = (pkt->head_len + u->slot_bytes - 1) / u->slot_bytes;
    uint32_t at = 0;
    if (n > (p->pieces.memory ? PIECES_MOST : 1u) || u->free_count < n || !queue_reserve(p, q, n, &at)) return false;
    for (uint32_t done = 0; done < pkt->head_len; at++) {
        const uint32_t len = least_len(pkt->head_len - done, u->slot_bytes);
        struct xdp_desc d = {.addr = (uint64_t)u->free[--u->free_count] * u->slot_bytes, .len = len};
        memcpy(u->bytes + d.addr, pkt->data + done, len);
        done += len;
        if (done < pkt->head_len) d.options = XDP_PKT_CONTD;
        queue_put(u, q, at, &d);
    }
    queue_submit(q, n);
    p->stats.copied++;
    return true;
}

/* Find the frame's address in this memory. False: the frame is not in it, or is already being sent. */
static bool lies_here(const struct umem *u, const struct pkt *pkt, uint64_t *addr)
{
    const uintptr_t at = (uintptr_t)pkt->data, first = (uintptr_t)u->bytes;
    if (at < first || at >= first + u->len) return false;
    *addr = at - first;
    return u->with[*addr / u->slot_bytes] == HELD;
}

static void xdp_send(struct io_port *p, struct pkt *pkt)
{
    struct queue *q = &p->queues[0];
    uint64_t addr;
    offload_put_tags(pkt);
    reap(p->umem, q);
    const bool sent = lies_here(p->umem, pkt, &addr) ? send_here(p, q, addr, pkt->head_len) : send_copy(p, q, pkt);
    p->stats.sent += sent;
    p->stats.not_sent += !sent;
    if (!sent) p->stats.last_errno = ENOBUFS;
}

static int xdp_fd(const struct io_port *p) { return p->fd; }

static int xdp_fault(struct io_port *p)
{
    int fault = 0;
    for (unsigned i = 0; i < p->queue_count && !fault; i++) {
        socklen_t len = sizeof fault;
        if (getsockopt(p->queues[i].fd, SOL_SOCKET, SO_ERROR, &fault, &len)) fault = errno;
    }
    return fault;
}

static void xdp_losses(struct io_port *p, struct io_stats *to)
{
    to->cut = 0; /* frames that are too long are dropped by the steering program */
    to->lost = xdp_sockets_lost(p) - p->lost_before;
}

static void xdp_stats(struct io_port *p, struct io_stats *to)
{
    *to = p->stats;
    xdp_losses(p, to);
    p->lost_told = to->lost + p->lost_before;
}

const struct io_ops io_XDP = {
    .name = "xdp",
    .make = xdp_make,
    .open = xdp_open,
    .bind = xdp_bind,
    .close = xdp_close,
    .receive = xdp_receive,
    .release = xdp_release,
    .send = xdp_send,
    .flush = xdp_flush,
    .fd = xdp_fd,
    .fault = xdp_fault,
    .stats = xdp_stats,
    .losses = xdp_losses,
    .hand = xdp_hand,
    .stays = xdp_stays,
    .archive = xdp_archive,
};
