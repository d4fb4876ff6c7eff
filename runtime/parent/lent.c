/* Steering programs and memory of `xdp`, which are the parent's, go to that of an instance that takes over: by
 * descriptors, which pass through both services. This changes nothing: the steering program that the other instance
 * loads has its own tables, except that of the sockets, and takes its place on the interface by STEERING. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/host/device/inline_stack.h"
#include "runtime/io/steer/steer.h"
#include "runtime/parent/parent_priv.h"

static int port_lend(const struct parent *p, unsigned port, int fds[])
{
    const struct steer *s = p->maker.steers[port];
    if (!s || !steer_lend(s, fds)) return 0;
    const int hears = p->maker.hearing[port] > 0 ? fcntl(p->maker.hearing[port], F_DUPFD_CLOEXEC, 0) : -1;
    if (hears >= 0) fds[STEER_LENT] = hears;
    return STEER_LENT + (hears >= 0);
}

int grant_LEND(struct parent *p, const struct request_lend *asked, struct answer *a, int fds[])
{
    if (asked->what == LEND_PORT) return port_lend(p, asked->at, fds);
    a->slots = p->maker.umems[asked->at].slots;
    a->ring = p->maker.umems[asked->at].slot_bytes;
    return (int)umem_lend(&p->maker, asked->at, fds);
}

static int copy(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 0); }

static bool hears(int fd)
{
    int domain = 0;
    socklen_t len = sizeof domain;
    return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) && domain == AF_PACKET;
}

static bool port_takes(struct parent *p, const struct parent_lent *l)
{
    struct parent_steer *s = &p->lent[l->at];
    if (l->fd_count < STEER_LENT || l->fd_count > LEND_FDS || s->lent) return false;
    if (l->fd_count > STEER_LENT && !hears(l->fds[STEER_LENT])) return false;
    for (unsigned i = 0; i < STEER_LENT; i++) s->fds[i] = copy(l->fds[i]);
    s->lent = true;
    if (l->fd_count > STEER_LENT) p->maker.hearing[l->at] = copy(l->fds[STEER_LENT]);
    return true;
}

bool parent_takes(struct parent *p, const struct parent_lent *l)
{
    if (!l->fd_count) return true;
    if (l->what == LEND_PORT) return l->at < p->o->iface_count && port_takes(p, l);
    return l->what == LEND_MEMORY && umem_take(&p->maker, l->at, l->slots, l->slot_bytes, l->fds, l->fd_count);
}

bool parent_takes_stack(struct parent *p, const int fds[], unsigned workers, unsigned each)
{
    p->stack_ns = inline_stack_of(fds, workers, each);
    p->takes_stack = p->made_inline_stack = p->stack_ns >= 0;
    return p->takes_stack;
}

static void lent_close(struct parent_steer *s)
{
    for (unsigned i = 0; i < STEER_LENT && s->lent; i++)
        if (s->fds[i] >= 0) close(s->fds[i]);
    s->lent = false;
}

struct steer *lent_steer(struct parent *p, unsigned port, unsigned frame_most, char *err, size_t err_len)
{
    struct parent_steer *l = &p->lent[port];
    if (!l->lent) return steer_open(frame_most, err, err_len);
    struct steer *s = steer_over(l->fds, frame_most, parent_ifindex(p, port), err, err_len);
    lent_close(l);
    return s;
}

void lent_fini(struct parent *p)
{
    for (unsigned i = 0; i < OPTIONS_IFACES; i++) lent_close(&p->lent[i]);
    if (p->takes_stack) close(p->stack_ns);
    p->takes_stack = false;
}
