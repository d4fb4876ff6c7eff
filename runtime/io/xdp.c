/* `xdp`: frames through AF_XDP. One socket a queue of the interface; the memory is shared by all ports of the worker,
 * so a frame is rewritten where it arrived and leaves from there by whichever port. What does not lie in it (an answer,
 * a frame that waited) is copied to a slot of its own. Which frames come says the steering program (steer.h). */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xdp/libxdp.h>
#include <xdp/xsk.h>

#include "runtime/io/io.h"
#include "runtime/io/offload.h"
#include "runtime/io/steer.h"

enum {
    KERNEL_ROOM = 256, /* XDP_PACKET_HEADROOM */
    ROOM = 18,         /* behind it: an IP header then stands at a multiple of 32 bytes */
    TAGS_ROOM = 8,     /* two VLAN tags */
    SLOT_SMALL = 2048,
    SLOT_LARGE = 4096, /* the most that the kernel takes */
    RING_LEAST = 64,
    RING_MOST = 4096,
    QUEUES_MOST = 64,
    BUSY_TENTHS = 20, /* a queue may stay taken for a while after its last owner is gone */
};

/* The memory of a worker's ports: slots, of which the kernel has some. */
struct umem {
    struct xsk_umem *xsk;
    uint8_t *bytes;
    size_t len;
    uint32_t slot_bytes, slots;
    uint32_t *free; /* a stack */
    uint32_t free_count;
    uint8_t *sent; /* [slots] 1: it is in some port's way out */
    unsigned ports;
};

struct queue {
    struct xsk_socket *socket; /* NULL: not open */
    struct xsk_ring_prod fill, tx;
    struct xsk_ring_cons done, rx;
    int fd;
    uint32_t unsent; /* put in tx since the last flush */
};

struct io_port {
    struct umem *umem;
    struct umem **shared;
    struct steer *steer;
    struct queue *queues;
    unsigned queue_count, next; /* the queue to begin with */
    uint32_t ring;              /* entries of each ring */
    int fd;                     /* of the queue, or an epoll of all */
    unsigned held;
    uint32_t held_slots[IO_BATCH];
    struct pkt views[IO_BATCH];
    struct io_stats stats;
};

unsigned xdp_frame_most(uint32_t mtu)
{
    const unsigned extra = KERNEL_ROOM + ROOM, small = SLOT_SMALL - extra, large = SLOT_LARGE - extra;
    const unsigned need = mtu + 14u + TAGS_ROOM;
    return need <= small ? small : need <= large ? large : 0;
}

/* ---- memory ---- */

static void umem_free(struct umem *u)
{
    if (!u) return;
    if (u->xsk) xsk_umem__delete(u->xsk);
    if (u->bytes) munmap(u->bytes, u->len);
    free(u->free);
    free(u->sent);
    free(u);
}

/* The first queue's rings come with it. */
static const char *umem_make(struct umem **made, struct queue *first, const struct io_cfg *cfg, uint32_t ring)
{
    struct umem *u = *made = calloc(1, sizeof *u);
    if (!u) return "memory";
    u->slot_bytes = cfg->frame_most + KERNEL_ROOM + ROOM;
    u->slots = (uint32_t)(cfg->ring_bytes / u->slot_bytes) * cfg->ports;
    u->len = (size_t)u->slots * u->slot_bytes;
    u->free = calloc(u->slots, sizeof *u->free);
    u->sent = calloc(u->slots, 1);
    u->bytes = mmap(NULL, u->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (u->bytes == MAP_FAILED) u->bytes = NULL;
    if (!u->free || !u->sent || !u->bytes) return "memory";
    while (u->free_count < u->slots) {
        u->free[u->free_count] = u->slots - 1 - u->free_count;
        u->free_count++;
    }
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &all); /* where it is refused, the kernel says so below */
    const struct xsk_umem_config settings = {
        .fill_size = ring, .comp_size = ring, .frame_size = u->slot_bytes, .frame_headroom = ROOM};
    const int failed = xsk_umem__create(&u->xsk, u->bytes, u->len, &first->fill, &first->done, &settings);
    errno = -failed;
    return failed ? "XDP_UMEM_REG" : NULL;
}

static void put(struct umem *u, uint32_t slot) { u->free[u->free_count++] = slot; }

/* Slots whose frames have left. */
static void reap(struct umem *u, struct queue *q)
{
    uint32_t at;
    const uint32_t n = xsk_ring_cons__peek(&q->done, q->done.size, &at);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t slot = (uint32_t)(*xsk_ring_cons__comp_addr(&q->done, at + i) / u->slot_bytes);
        u->sent[slot] = 0;
        put(u, slot);
    }
    if (n) xsk_ring_cons__release(&q->done, n);
}

/* Slots for frames to come. */
static void refill(struct umem *u, struct queue *q)
{
    uint32_t at, n = xsk_prod_nb_free(&q->fill, IO_BATCH);
    if (n > u->free_count) n = u->free_count;
    if (!n || !xsk_ring_prod__reserve(&q->fill, n, &at)) return;
    for (uint32_t i = 0; i < n; i++)
        *xsk_ring_prod__fill_addr(&q->fill, at + i) = (uint64_t)u->free[--u->free_count] * u->slot_bytes;
    xsk_ring_prod__submit(&q->fill, n);
}

/* ---- open ---- */

/* Those that may receive. */
static unsigned queues_of(unsigned ifindex, char name[IF_NAMESIZE])
{
    struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq r = {.ifr_data = (void *)&c};
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !if_indextoname(ifindex, name)) {
        if (fd >= 0) close(fd);
        return 0;
    }
    memcpy(r.ifr_name, name, IF_NAMESIZE);
    const bool told = !ioctl(fd, SIOCETHTOOL, &r);
    close(fd);
    const unsigned most = c.combined_count + c.rx_count;
    return told && most ? most : 1;
}

static int open_socket(struct io_port *p, const char *name, unsigned at)
{
    const struct timespec tenth = {.tv_nsec = 100000000};
    const struct xsk_socket_config settings = {.rx_size = p->ring,
                                               .tx_size = p->ring,
                                               .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
                                               .bind_flags = XDP_USE_NEED_WAKEUP};
    struct queue *q = &p->queues[at];
    int failed = -EBUSY;
    for (int i = 0; i < BUSY_TENTHS && failed == -EBUSY; i++) {
        if (i) nanosleep(&tenth, NULL);
        failed = xsk_socket__create_shared(&q->socket, name, at, p->umem->xsk, &q->rx, &q->tx, &q->fill, &q->done,
                                           &settings);
    }
    if (failed) q->socket = NULL;
    if (failed) return failed;
    q->fd = xsk_socket__fd(q->socket);
    for (uint32_t i = 0; i < p->ring; i += IO_BATCH) refill(p->umem, q);
    return steer_socket(p->steer, at, q->fd);
}

static const char *open_queues(struct io_port *p, const char *name)
{
    for (unsigned i = 0; i < p->queue_count; i++) {
        const int failed = open_socket(p, name, i);
        errno = -failed;
        if (failed) return "a queue";
    }
    return NULL;
}

static const char *watch_queues(struct io_port *p)
{
    p->fd = p->queues[0].fd;
    if (p->queue_count == 1) return NULL;
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < p->queue_count && p->fd >= 0; i++) {
        struct epoll_event e = {.events = EPOLLIN};
        if (epoll_ctl(p->fd, EPOLL_CTL_ADD, p->queues[i].fd, &e)) return "epoll";
    }
    return p->fd < 0 ? "epoll" : NULL;
}

/* A power of two: a quarter of the queue's slots wait to be filled, as many hold frames, or are on their way out. */
static uint32_t ring_size(const struct io_cfg *cfg, unsigned queues)
{
    const uint64_t quarter = cfg->ring_bytes / (cfg->frame_most + KERNEL_ROOM + ROOM) / queues / 4;
    uint32_t ring = RING_LEAST;
    while (ring * 2 <= quarter && ring < RING_MOST) ring *= 2;
    return quarter < RING_LEAST ? 0 : ring;
}

static const char *open_all(struct io_port *p, unsigned ifindex, const struct io_cfg *cfg)
{
    char name[IF_NAMESIZE];
    p->queue_count = queues_of(ifindex, name);
    if (!p->queue_count || p->queue_count > QUEUES_MOST) {
        errno = p->queue_count ? E2BIG : ENODEV;
        return "queues";
    }
    p->ring = ring_size(cfg, p->queue_count);
    errno = ENOSPC;
    if (!p->ring) return "--ring is too small for its queues";
    p->queues = calloc(p->queue_count, sizeof *p->queues);
    errno = ENOMEM;
    if (!p->queues) return "memory";
    libxdp_set_print(NULL);
    const char *failed = *cfg->umem ? NULL : umem_make(cfg->umem, &p->queues[0], cfg, p->ring);
    p->umem = *cfg->umem;
    if (p->umem) p->umem->ports++;
    if (!failed) failed = open_queues(p, name);
    return failed ? failed : watch_queues(p);
}

static void xdp_close(struct io_port *p)
{
    if (!p) return;
    if (p->queue_count > 1 && p->fd >= 0) close(p->fd);
    for (unsigned i = 0; i < p->queue_count && p->queues; i++)
        if (p->queues[i].socket) xsk_socket__delete(p->queues[i].socket);
    if (p->umem && --p->umem->ports == 0) {
        umem_free(p->umem);
        *p->shared = NULL;
    }
    free(p->queues);
    free(p);
}

static struct io_port *xdp_open(unsigned ifindex, const struct io_cfg *cfg, char *err, size_t err_len)
{
    struct io_port *p = calloc(1, sizeof *p);
    const char *failed = "memory";
    if (p) {
        *p = (struct io_port){.shared = cfg->umem, .steer = cfg->steer, .fd = -1};
        failed = open_all(p, ifindex, cfg);
    }
    if (!failed) return p;
    snprintf(err, err_len, "AF_XDP, %s: %s", failed,
             errno == EBUSY ? "another process has it" : strerror(errno ? errno : ENOMEM));
    xdp_close(p);
    return NULL;
}

/* ---- receive ---- */

static void view(struct io_port *p, const struct xdp_desc *d)
{
    struct pkt *pkt = &p->views[p->held];
    p->held_slots[p->held++] = (uint32_t)(d->addr / p->umem->slot_bytes);
    pkt_view(pkt, p->umem->bytes + d->addr, d->len, d->len, LINK_ETHER, 0);
    pkt->flags = PKT_WRITABLE;
    pkt->headroom = IO_HEADROOM;
    p->stats.completed += offload_complete(pkt);
}

/* Of one queue, at most n. */
static unsigned take(struct io_port *p, struct queue *q, unsigned n)
{
    uint32_t at;
    reap(p->umem, q);
    refill(p->umem, q);
    if (xsk_ring_prod__needs_wakeup(&q->fill)) recvfrom(q->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
    n = xsk_ring_cons__peek(&q->rx, n, &at);
    for (uint32_t i = 0; i < n; i++) __builtin_prefetch(p->umem->bytes + xsk_ring_cons__rx_desc(&q->rx, at + i)->addr);
    for (uint32_t i = 0; i < n; i++) view(p, xsk_ring_cons__rx_desc(&q->rx, at + i));
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
    for (unsigned i = 0; i < p->held; i++)
        if (!p->umem->sent[p->held_slots[i]]) put(p->umem, p->held_slots[i]);
    p->held = 0;
}

/* ---- send ---- */

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

/* A slot of the frame's own, with its bytes. False: there is none, or it is too small. */
static bool copy(struct io_port *p, const struct pkt *pkt, uint64_t *addr)
{
    struct umem *u = p->umem;
    if (pkt->head_len > u->slot_bytes || !u->free_count) return false;
    const uint32_t slot = u->free[--u->free_count];
    *addr = (uint64_t)slot * u->slot_bytes;
    memcpy(u->bytes + *addr, pkt->data, pkt->head_len);
    p->stats.copied++;
    return true;
}

/* Where the frame lies, if it is there, and not on its way out already. */
static bool lies_here(const struct umem *u, const struct pkt *pkt, uint64_t *addr)
{
    const uintptr_t at = (uintptr_t)pkt->data, first = (uintptr_t)u->bytes;
    if (at < first || at >= first + u->len) return false;
    *addr = at - first;
    return !u->sent[*addr / u->slot_bytes];
}

static void xdp_send(struct io_port *p, struct pkt *pkt)
{
    struct queue *q = &p->queues[0];
    uint64_t addr;
    uint32_t at;
    offload_put_tags(pkt);
    reap(p->umem, q);
    if (!xsk_prod_nb_free(&q->tx, 1)) xdp_flush(p);
    if (!xsk_prod_nb_free(&q->tx, 1) || !(lies_here(p->umem, pkt, &addr) || copy(p, pkt, &addr)) ||
        !xsk_ring_prod__reserve(&q->tx, 1, &at)) {
        p->stats.not_sent++;
        p->stats.last_errno = ENOBUFS;
        return;
    }
    p->umem->sent[addr / p->umem->slot_bytes] = 1;
    *xsk_ring_prod__tx_desc(&q->tx, at) = (struct xdp_desc){.addr = addr, .len = pkt->head_len};
    xsk_ring_prod__submit(&q->tx, 1);
    q->unsent++;
    p->stats.sent++;
}

/* ---- the rest ---- */

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

static void xdp_stats(struct io_port *p, struct io_stats *to)
{
    p->stats.lost = 0;
    for (unsigned i = 0; i < p->queue_count; i++) {
        struct xdp_statistics s = {0};
        socklen_t len = sizeof s;
        if (!getsockopt(p->queues[i].fd, SOL_XDP, XDP_STATISTICS, &s, &len))
            p->stats.lost += s.rx_dropped + s.rx_ring_full;
    }
    p->stats.cut = steer_too_long(p->steer);
    *to = p->stats;
}

const struct io_ops io_XDP = {
    .name = "xdp",
    .open = xdp_open,
    .close = xdp_close,
    .receive = xdp_receive,
    .release = xdp_release,
    .send = xdp_send,
    .flush = xdp_flush,
    .fd = xdp_fd,
    .fault = xdp_fault,
    .stats = xdp_stats,
};
