/* A port of an interface that was missing, or down, at the start. No packet arrives by it, and leaving packets are
 * counted as not sent, until it is opened another way (runtime/live/world/links.c). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/io/io.h"

struct io_port {
    struct io_stats stats;
};

static struct io_port *away_open(const struct io_ask *ask, const struct io_made *made, struct umem **umem, char *err,
                                 size_t err_len)
{
    (void)ask, (void)made, (void)umem;
    struct io_port *p = calloc(1, sizeof *p);
    if (!p) snprintf(err, err_len, "out of memory");
    return p;
}

static void away_close(struct io_port *p) { free(p); }

static unsigned away_receive(struct io_port *p, struct pkt *pkts[], unsigned n)
{
    (void)p, (void)pkts, (void)n;
    return 0;
}

static void away_send(struct io_port *p, struct pkt *pkt)
{
    (void)pkt;
    p->stats.not_sent++;
    p->stats.last_errno = ENETDOWN;
}

static void away_nothing(struct io_port *p) { (void)p; }

static int away_fd(const struct io_port *p)
{
    (void)p;
    return -1; /* poll ignores it */
}

static int away_fault(struct io_port *p)
{
    (void)p;
    return 0;
}

static void away_stats(struct io_port *p, struct io_stats *to) { *to = p->stats; }

static void away_losses(struct io_port *p, struct io_stats *to)
{
    to->lost = p->stats.lost;
    to->cut = p->stats.cut;
}

const struct io_ops io_AWAY = {
    .name = "away",
    .open = away_open,
    .close = away_close,
    .receive = away_receive,
    .release = away_nothing,
    .send = away_send,
    .flush = away_nothing,
    .fd = away_fd,
    .fault = away_fault,
    .stats = away_stats,
    .losses = away_losses,
};
