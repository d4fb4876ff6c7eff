/* A port of an interface that was not there, or was down, at the start: nothing comes by it and nothing leaves, until
 * it is opened another way (runtime/live/world/links.c). Its io_port is NULL. */
#include <stddef.h>

#include "runtime/io/io.h"

static void away_close(struct io_port *p) { (void)p; }

static unsigned away_receive(struct io_port *p, struct pkt *pkts[], unsigned n)
{
    (void)p, (void)pkts, (void)n;
    return 0;
}

static void away_send(struct io_port *p, struct pkt *pkt) { (void)p, (void)pkt; }

static int away_fd(const struct io_port *p)
{
    (void)p;
    return -1; /* poll passes over it */
}

static int away_fault(struct io_port *p)
{
    (void)p;
    return 0;
}

static void away_stats(struct io_port *p, struct io_stats *to)
{
    (void)p;
    *to = (struct io_stats){0};
}

const struct io_ops io_AWAY = {
    .name = "away",
    .close = away_close,
    .receive = away_receive,
    .release = away_close,
    .send = away_send,
    .flush = away_close,
    .fd = away_fd,
    .fault = away_fault,
    .stats = away_stats,
    .losses = away_stats,
};
