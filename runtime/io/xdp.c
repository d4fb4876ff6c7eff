/* `xdp`: frames through AF_XDP. One socket a queue of the interface; the memory is shared by all ports of the worker,
 * so a frame is rewritten where it arrived and leaves from there by whichever port. What does not lie in it (an answer,
 * a frame that waited) is copied to a slot of its own. Which frames come says the steering program (steer/steer.h). */
#include "runtime/io/xdp_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include "runtime/io/offload.h"
#include "runtime/io/pieces.h"

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

unsigned xdp_frame_most(uint32_t mtu)
{
    const unsigned small = SLOT_SMALL - SLOT_ROOM, large = SLOT_LARGE - SLOT_ROOM;
    const unsigned need = mtu < FRAME_MOST ? mtu + 14u + TAGS_ROOM : FRAME_MOST + 1u;
    return need <= small ? small : need <= large ? large : need <= FRAME_MOST ? need : 0;
}

/* Linux before 6.6 refuses the flag; a later one looks for interface 0, and finds none. */
static bool takes_pieces(void)
{
    const struct sockaddr_xdp at = {.sxdp_family = AF_XDP, .sxdp_flags = XDP_USE_SG};
    const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) return true; /* not known: the start will say it */
    const bool takes = !bind(fd, (const void *)&at, sizeof at) || errno != EINVAL;
    close(fd);
    return takes;
}

bool xdp_refuses_mtu(const char *name, uint32_t mtu, unsigned in_front, char *why, size_t len)
{
    const unsigned most = xdp_frame_most(mtu + in_front);
    if (!most) {
        snprintf(why, len, "%s has an MTU of %u, and XDP takes 61,000 at most", name, mtu);
        return true;
    }
    if (!xdp_in_pieces(most) || takes_pieces()) return false;
    snprintf(why, len,
             "%s has an MTU of %u, and before Linux 6.6 XDP takes no frame of more than a page: ip link set %s mtu %u",
             name, mtu, name, SLOT_LARGE - SLOT_ROOM - 14u - TAGS_ROOM - in_front);
    return true;
}

static void umem_free(struct umem *u)
{
    if (!u) return;
    if (u->bytes) munmap(u->bytes, u->len);
    free(u->free);
    free(u->with);
    free(u);
}

static struct umem *umem_new(const struct io_ask *ask, const struct io_made *made)
{
    struct umem *u = calloc(1, sizeof *u);
    if (!u) return NULL;
    u->slot_bytes = xdp_slot_bytes(ask->frame_most);
    u->slots = made->slots;
    u->len = (size_t)u->slots * u->slot_bytes;
    u->free = calloc(u->slots, sizeof *u->free);
    u->with = calloc(u->slots, sizeof *u->with);
    u->bytes = mmap(NULL, u->len, PROT_READ | PROT_WRITE, MAP_SHARED, made->fds[0], 0);
    if (u->bytes == MAP_FAILED) u->bytes = NULL;
    if (!u->free || !u->with || !u->bytes) {
        umem_free(u);
        return NULL;
    }
    while (u->free_count < u->slots) {
        u->free[u->free_count] = u->slots - 1 - u->free_count;
        u->free_count++;
    }
    return u;
}

static void put(struct umem *u, uint32_t slot) { u->free[u->free_count++] = slot; }

/* One of both has let go of the slot: free when neither has it. */
static void let_go(struct umem *u, uint32_t slot, uint32_t kept)
{
    u->with[slot] &= kept;
    if (!u->with[slot]) put(u, slot);
}

/* Slots whose frames have left. */
static void reap(struct umem *u, struct queue *q)
{
    uint32_t at;
    const uint32_t n = xsk_ring_cons__peek(&q->done, q->done.size, &at);
    for (uint32_t i = 0; i < n; i++)
        let_go(u, (uint32_t)(*xsk_ring_cons__comp_addr(&q->done, at + i) / u->slot_bytes), HELD);
    if (n) xsk_ring_cons__release(&q->done, n);
}

/* Slots for frames to come. */
static void refill(struct umem *u, struct queue *q)
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

/* libxdp has one struct for both directions, by two names. */
union ring {
    struct xsk_ring_prod prod;
    struct xsk_ring_cons cons;
};
static_assert(sizeof(struct xsk_ring_prod) == sizeof(struct xsk_ring_cons), "libxdp's rings differ");

/* One ring of a socket; the sizes of its entries differ. */
static bool map_ring(struct queue *q, unsigned which, off_t offset, const struct xdp_ring_offset *o, uint32_t ring,
                     size_t entry, union ring *to)
{
    const size_t bytes = o->desc + ring * entry;
    uint8_t *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, q->fd, offset);
    if (at == MAP_FAILED) return false;
    q->mappings[which] = (struct mapping){at, bytes};
    to->prod = (struct xsk_ring_prod){.mask = ring - 1,
                                      .size = ring,
                                      .producer = (void *)(at + o->producer),
                                      .consumer = (void *)(at + o->consumer),
                                      .flags = (void *)(at + o->flags),
                                      .ring = at + o->desc};
    to->prod.cached_prod = *to->prod.producer;
    to->prod.cached_cons = *to->prod.consumer;
    return true;
}

/* Of a ring that we fill, what xsk_prod_nb_free takes for consumed is ahead by all its entries. */
static struct xsk_ring_prod filled(const union ring *from)
{
    struct xsk_ring_prod ring = from->prod;
    ring.cached_cons += ring.size;
    return ring;
}

static bool map_queue(struct io_port *p, struct queue *q, uint32_t ring)
{
    struct xdp_mmap_offsets o;
    socklen_t len = sizeof o;
    const size_t addr = sizeof(uint64_t), desc = sizeof(struct xdp_desc);
    union ring fill, done, rx, tx;
    if (getsockopt(q->fd, SOL_XDP, XDP_MMAP_OFFSETS, &o, &len)) return false;
    if (!map_ring(q, 0, (off_t)XDP_UMEM_PGOFF_FILL_RING, &o.fr, ring, addr, &fill) ||
        !map_ring(q, 1, (off_t)XDP_UMEM_PGOFF_COMPLETION_RING, &o.cr, ring, addr, &done) ||
        !map_ring(q, 2, XDP_PGOFF_RX_RING, &o.rx, ring, desc, &rx) ||
        !map_ring(q, 3, XDP_PGOFF_TX_RING, &o.tx, ring, desc, &tx))
        return false;
    q->fill = filled(&fill);
    q->tx = filled(&tx);
    q->done = done.cons;
    q->rx = rx.cons;
    q->number = ++p->umem->queues;
    for (uint32_t i = 0; i < ring; i += IO_BATCH) refill(p->umem, q);
    return true;
}

static bool watch_queues(struct io_port *p)
{
    p->fd = p->queues[0].fd;
    if (p->queue_count == 1) return true;
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < p->queue_count && p->fd >= 0; i++) {
        struct epoll_event e = {.events = EPOLLIN};
        if (epoll_ctl(p->fd, EPOLL_CTL_ADD, p->queues[i].fd, &e)) return false;
    }
    return p->fd >= 0;
}

static bool map_all(struct io_port *p, const struct io_ask *ask, const struct io_made *made)
{
    if (!*p->shared) *p->shared = umem_new(ask, made);
    close(made->fds[0]);
    p->umem = *p->shared;
    if (p->umem) p->umem->ports++;
    for (unsigned i = 0; i < p->queue_count && p->umem; i++)
        if (!map_queue(p, &p->queues[i], made->ring)) return false;
    return p->umem && watch_queues(p);
}

/* What its rings still have is ours again. */
static void queue_close(struct umem *u, const struct queue *q)
{
    for (uint32_t i = 0; u && q->number && i < u->slots; i++)
        if ((u->with[i] & ~HELD) == q->number) let_go(u, i, HELD);
    for (unsigned i = 0; i < 4; i++)
        if (q->mappings[i].at) munmap(q->mappings[i].at, q->mappings[i].len);
    close(q->fd);
}

static void xdp_close(struct io_port *p)
{
    if (!p) return;
    if (p->queue_count > 1 && p->fd >= 0) close(p->fd);
    for (unsigned i = 0; i < p->queue_count; i++) queue_close(p->umem, &p->queues[i]);
    if (p->umem && --p->umem->ports == 0) {
        umem_free(p->umem);
        *p->shared = NULL;
    }
    pieces_fini(&p->pieces);
    free(p->queues);
    free(p);
}

static struct io_port *xdp_open(const struct io_ask *ask, const struct io_made *made, struct umem **umem, char *err,
                                size_t err_len)
{
    struct io_port *p = calloc(1, sizeof *p);
    const unsigned queues = made->fd_count - 1;
    if (p) *p = (struct io_port){.shared = umem, .fd = -1, .queues = calloc(queues, sizeof *p->queues)};
    if (!p || !p->queues) {
        struct io_made left = *made;
        io_made_close(&left);
        free(p);
        snprintf(err, err_len, "AF_XDP, memory: %s", strerror(ENOMEM));
        return NULL;
    }
    p->queue_count = queues;
    p->busy = ask->busy;
    p->noted = ask->noted;
    for (unsigned i = 0; i < queues; i++) p->queues[i].fd = made->fds[i + 1];
    const bool whole = !xdp_in_pieces(ask->frame_most), fine = map_all(p, ask, made);
    if (fine && (whole || pieces_init(&p->pieces, ask->frame_most, IO_BATCH + queues))) return p;
    snprintf(err, err_len, "AF_XDP, memory: %s", strerror(errno));
    xdp_close(p);
    return NULL;
}

/* False: it is none of ours. */
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

static void view(struct io_port *p, uint8_t *bytes, uint32_t len, uint32_t slot)
{
    struct pkt *pkt = &p->views[p->held];
    if (p->noted && !take_note(&bytes, &len)) len = 0; /* which no rule lets by */
    p->held_slots[p->held++] = slot;
    pkt_view(pkt, bytes, len, len, LINK_ETHER, 0);
    pkt->flags = PKT_WRITABLE;
    pkt->headroom = IO_HEADROOM;
    p->stats.completed += offload_complete(pkt);
}

/* Other pieces of the frame may come with another batch. */
static void take_piece(struct io_port *p, struct queue *q, const struct xdp_desc *d)
{
    pieces_add(&p->pieces, &q->half, p->umem->bytes + d->addr, d->len);
    if (d->options & XDP_PKT_CONTD) return;
    if (!pieces_end(&p->pieces, &q->half)) {
        p->stats.cut++;
        return;
    }
    view(p, pieces_at(&p->pieces, q->half.buffer), q->half.len, p->umem->slots + q->half.buffer);
    p->stats.copied++;
}

static void take_one(struct io_port *p, struct queue *q, const struct xdp_desc *d)
{
    const uint32_t slot = (uint32_t)(d->addr / p->umem->slot_bytes);
    p->umem->with[slot] = HELD;
    if (q->half.begun || d->options & XDP_PKT_CONTD) {
        take_piece(p, q, d);
        let_go(p->umem, slot, ~HELD);
    } else {
        view(p, p->umem->bytes + d->addr, d->len, slot);
    }
}

/* Of one queue, at most n. */
static unsigned take(struct io_port *p, struct queue *q, unsigned n)
{
    uint32_t at;
    reap(p->umem, q);
    refill(p->umem, q);
    if (p->busy || xsk_ring_prod__needs_wakeup(&q->fill)) recvfrom(q->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
    n = xsk_ring_cons__peek(&q->rx, n, &at);
    for (uint32_t i = 0; i < n; i++) __builtin_prefetch(p->umem->bytes + xsk_ring_cons__rx_desc(&q->rx, at + i)->addr);
    for (uint32_t i = 0; i < n; i++) take_one(p, q, xsk_ring_cons__rx_desc(&q->rx, at + i));
    if (n) xsk_ring_cons__release(&q->rx, n);
    return n;
}

static unsigned xdp_receive(struct io_port *p, struct pkt *pkts[], unsigned n)
{
    const unsigned from = p->held;
    if (n > IO_BATCH - from) n = IO_BATCH - from;
    for (unsigned i = 0; i < p->queue_count && p->held - from < n; i++) {
        take(p, &p->queues[p->next], n - (p->held - from));
        if (++p->next == p->queue_count) p->next = 0;
    }
    for (unsigned i = from; i < p->held; i++) pkts[i - from] = &p->views[i];
    p->stats.received += p->held - from;
    return p->held - from;
}

/* What was sent comes back by `reap`. */
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

/* The kernel takes so many a call; what it does not take now stays in the ring. */
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

/* So many entries of the way out, from *at on, which queue_submit hands over. False: there is no room. */
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

/* Copied, to as many slots as it takes. False: there are not so many, or the port carries no frame in pieces. */
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

/* Where the frame lies, if it is there, and not on its way out already. */
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
    to->lost = to->cut = 0; /* what is too long the steering program drops */
    for (unsigned i = 0; i < p->queue_count; i++) {
        struct xdp_statistics s = {0};
        socklen_t len = sizeof s;
        if (!getsockopt(p->queues[i].fd, SOL_XDP, XDP_STATISTICS, &s, &len)) to->lost += s.rx_dropped + s.rx_ring_full;
    }
}

static void xdp_stats(struct io_port *p, struct io_stats *to)
{
    *to = p->stats;
    xdp_losses(p, to);
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
};
