/* A port of `xdp` with a ring beside it (raised.c). Arriving packets come by XDP; the ring has packets that the host
 * has routed and sends by the interface, because a nat may translate them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "runtime/io/io.h"

struct io_port {
    struct io_port *xdp, *ring;
    int fd; /* an epoll of both */
};

static bool ringed_watch(int epoll, int fd)
{
    struct epoll_event e = {.events = EPOLLIN};
    return epoll >= 0 && !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

struct io_port *ringed_join(struct io_port *xdp, struct io_port *ring)
{
    struct io_port *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (struct io_port){.xdp = xdp, .ring = ring, .fd = epoll_create1(EPOLL_CLOEXEC)};
    if (ringed_watch(p->fd, io_XDP.fd(xdp)) && ringed_watch(p->fd, io_RAISED.fd(ring))) return p;
    if (p->fd >= 0) close(p->fd);
    free(p);
    return NULL;
}

static void ringed_close(struct io_port *p)
{
    close(p->fd);
    io_XDP.close(p->xdp);
    io_RAISED.close(p->ring);
    free(p);
}

static unsigned ringed_receive(struct io_port *p, struct pkt *pkts[], unsigned n)
{
    const unsigned routed =
        io_RAISED.receive(p->ring, pkts, n / 2); /* at most half, so that neither delays the other */
    return routed + io_XDP.receive(p->xdp, pkts + routed, n - routed);
}

static void ringed_release(struct io_port *p)
{
    io_RAISED.release(p->ring);
    io_XDP.release(p->xdp);
}

static void ringed_send(struct io_port *p, struct pkt *pkt)
{
    /* XDP sends neither super-packets nor checksums that are left to a card. Packets that the host has routed may
     * need either, so all of these leave by the ring's packet socket, in order. */
    if (pkt->segment || pkt->flags & (PKT_CSUM_PARTIAL | PKT_WAY_SAID))
        io_RAISED.send(p->ring, pkt);
    else
        io_XDP.send(p->xdp, pkt);
}

static void ringed_flush(struct io_port *p)
{
    io_RAISED.flush(p->ring);
    io_XDP.flush(p->xdp);
}

static int ringed_fd(const struct io_port *p) { return p->fd; }

static int ringed_fault(struct io_port *p)
{
    const int fault = io_XDP.fault(p->xdp), rings = io_RAISED.fault(p->ring);
    return fault ? fault : rings;
}

static void ringed_stats(struct io_port *p, struct io_stats *to)
{
    struct io_stats of = {0};
    io_XDP.stats(p->xdp, to);
    io_RAISED.stats(p->ring, &of);
    io_stats_add(to, &of);
    if (!to->last_errno) to->last_errno = of.last_errno;
}

static void ringed_losses(struct io_port *p, struct io_stats *to)
{
    struct io_stats of = {0};
    io_XDP.losses(p->xdp, to);
    io_RAISED.losses(p->ring, &of);
    io_stats_add(to, &of);
}

/* ---- a port that another process continues: its sockets of XDP, then both descriptors of its ring ---- */

enum { OF_RING = 2 };

static bool ringed_hand(const struct io_port *p, struct io_made *made)
{
    struct io_made ring;
    if (!io_XDP.hand(p->xdp, made) || !io_RAISED.hand(p->ring, &ring)) return false;
    if (ring.fd_count != OF_RING || made->fd_count + OF_RING > IO_FDS_MOST) return false;
    for (unsigned i = 0; i < OF_RING; i++) made->fds[made->fd_count++] = ring.fds[i];
    return true;
}

static struct io_port *ringed_open(const struct io_ask *ask, const struct io_made *made, struct umem **umem, char *err,
                                   size_t err_len)
{
    struct io_made sockets = *made, ring = {.group = -1, .handed = {.blocks = 1}};
    while (sockets.fd_count && ring.fd_count < OF_RING)
        ring.fds[OF_RING - ++ring.fd_count] = sockets.fds[--sockets.fd_count];
    if (ring.fd_count < OF_RING || !sockets.fd_count) {
        if (ring.fd_count == 1) ring.fds[0] = ring.fds[1];
        io_made_close(&sockets);
        io_made_close(&ring);
        snprintf(err, err_len, "the descriptors handed over aren't a ring with its sockets");
        return NULL;
    }
    struct io_port *xdp = io_XDP.open(ask, &sockets, umem, err, err_len);
    struct io_port *raised = xdp ? io_RAISED.open(ask, &ring, NULL, err, err_len) : NULL;
    struct io_port *p = raised ? ringed_join(xdp, raised) : NULL;
    if (p) return p;
    if (!xdp) io_made_close(&ring);
    if (raised) snprintf(err, err_len, "the ring for packets from the kernel can't be set up: %s", strerror(errno));
    if (raised) io_RAISED.close(raised);
    if (xdp) io_XDP.close(xdp);
    return NULL;
}

static const char *ringed_stays(const struct io_port *p) { return io_XDP.stays(p->xdp); }

static bool ringed_archive(struct io_port *p, struct archive *a) { return io_XDP.archive(p->xdp, a); }

const struct io_ops io_RINGED = {
    .name = "xdp",
    .open = ringed_open,
    .close = ringed_close,
    .receive = ringed_receive,
    .release = ringed_release,
    .send = ringed_send,
    .flush = ringed_flush,
    .fd = ringed_fd,
    .fault = ringed_fault,
    .stats = ringed_stats,
    .losses = ringed_losses,
    .hand = ringed_hand,
    .stays = ringed_stays,
    .archive = ringed_archive,
};
