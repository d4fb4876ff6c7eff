/* Opens a port of `xdp`, by mapping what xdp_make.c has made, and closes it. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/obstacle.h"
#include "runtime/io/xdp_priv.h"

unsigned xdp_frame_most(uint32_t mtu)
{
    const unsigned small = SLOT_SMALL - SLOT_ROOM, large = SLOT_LARGE - SLOT_ROOM;
    const unsigned need = mtu < FRAME_MOST ? mtu + 14u + TAGS_ROOM : FRAME_MOST + 1u;
    return need <= small ? small : need <= large ? large : need <= FRAME_MOST ? need : 0;
}

/* True if the kernel takes frames in pieces. Linux before 6.6 refuses the flag; a later one finds no interface 0. */
static bool takes_pieces(void)
{
    const struct sockaddr_xdp at = {.sxdp_family = AF_XDP, .sxdp_flags = XDP_USE_SG};
    const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) return true; /* unknown: the start will report the failure */
    const bool takes = !bind(fd, (const void *)&at, sizeof at) || errno != EINVAL;
    close(fd);
    return takes;
}

bool xdp_refuses_mtu(const char *name, uint32_t mtu, unsigned in_front, struct obstacle *o)
{
    const unsigned most = xdp_frame_most(mtu + in_front);
    *o = (struct obstacle){0};
    if (!most) {
        snprintf(o->why, sizeof o->why, "%s has an MTU of %u, and XDP takes at most 61,000", name, mtu);
        return true;
    }
    if (!xdp_in_pieces(most) || takes_pieces()) return false;
    snprintf(o->why, sizeof o->why,
             "%s has an MTU of %u, and before Linux 6.6 XDP takes only frames that fit into a page", name, mtu);
    snprintf(o->mend, sizeof o->mend, "ip link set %s mtu %u", name,
             SLOT_LARGE - SLOT_ROOM - 14u - TAGS_ROOM - in_front);
    return true;
}

static void umem_free(struct umem *u)
{
    if (!u) return;
    if (u->bytes) munmap(u->bytes, u->len);
    close(u->memory);
    free(u->free);
    free(u->with);
    free(u);
}

static struct umem *umem_new(const struct io_ask *ask, const struct io_made *made)
{
    struct umem *u = calloc(1, sizeof *u);
    if (!u) {
        close(made->fds[0]);
        return NULL;
    }
    u->memory = made->fds[0];
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

/* libxdp has two names for the struct of both directions. */
union ring {
    struct xsk_ring_prod prod;
    struct xsk_ring_cons cons;
};
static_assert(sizeof(struct xsk_ring_prod) == sizeof(struct xsk_ring_cons), "the rings of libxdp differ");

/* Map one ring of a socket; entry: bytes of an entry. */
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

/* Return a ring that this process fills; xsk_prod_nb_free expects its consumed index to be ahead by all entries. */
static struct xsk_ring_prod filled(const union ring *from)
{
    struct xsk_ring_prod ring = from->prod;
    ring.cached_cons += ring.size;
    return ring;
}

/* Map the rings of a socket, and give it slots for future frames; the socket of another process has its slots
 * already. */
static bool map_queue(struct io_port *p, struct queue *q, uint32_t ring, bool handed)
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
    if (handed) return true; /* xdp_archive */
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
    if (*p->shared)
        close(made->fds[0]);
    else
        *p->shared = umem_new(ask, made);
    p->umem = *p->shared;
    if (p->umem) p->umem->ports++;
    for (unsigned i = 0; i < p->queue_count && p->umem; i++)
        if (!map_queue(p, &p->queues[i], made->ring, made->handed.blocks)) return false;
    return p->umem && watch_queues(p);
}

/* Take back the slots that are still in the queue's rings. */
static void queue_close(struct umem *u, const struct queue *q)
{
    for (uint32_t i = 0; u && q->number && i < u->slots; i++)
        if ((u->with[i] & ~HELD) == q->number) let_go(u, i, HELD);
    for (unsigned i = 0; i < 4; i++)
        if (q->mappings[i].at) munmap(q->mappings[i].at, q->mappings[i].len);
    close(q->fd);
}

void xdp_close(struct io_port *p)
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

struct io_port *xdp_open(const struct io_ask *ask, const struct io_made *made, struct umem **umem, char *err,
                         size_t err_len)
{
    const char *unfit = made->handed.blocks ? xdp_unfit(ask, made, *umem) : NULL;
    if (unfit) {
        struct io_made left = *made;
        io_made_close(&left);
        snprintf(err, err_len, "AF_XDP: %s", unfit);
        return NULL;
    }
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
