/* Plain sides. A short read has emptied the socket (unless it is `hung`), so no further read fetches -EAGAIN: the next
 * byte raises an event. If the last byte was known to be in the socket, a short read is the end, too. */
#include "runtime/proxy/loop/side.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void ready(struct watcher *w, uint32_t events)
{
    struct side *s = (struct side *)((char *)w - offsetof(struct side, watcher));
    unsigned flags = 0;
    if (events & (EPOLLIN | EPOLLRDHUP)) flags |= SIDE_MAY_READ;
    if (events & EPOLLOUT) flags |= SIDE_MAY_WRITE;
    if (events & (EPOLLRDHUP | EPOLLPRI)) flags |= SIDE_HUNG | SIDE_MAY_READ;
    if (events & (EPOLLHUP | EPOLLERR)) flags |= SIDE_HUNG | SIDE_MAY_READ | SIDE_MAY_WRITE;
    if (flags & SIDE_MAY_READ) s->flags &= (uint16_t)~SIDE_DRY;
    s->flags |= (uint16_t)flags;
    if (s->flags & SIDE_HUNG) s->flags &= (uint16_t)~SIDE_FIN;
    if (events & EPOLLRDHUP && !(events & (EPOLLPRI | EPOLLHUP | EPOLLERR))) s->flags |= SIDE_FIN;
    loop_again(s->loop, s->task);
}

int side_open(struct side *s, struct loop *l, int fd, struct task *task)
{
    *s = (struct side){.watcher.ready = ready, .loop = l, .task = task, .ops = &side_plain, .fd = fd};
    return loop_watch(l, fd, &s->watcher);
}

void side_close(struct side *s)
{
    if (s->fd < 0) return;
    if (s->ops->close) s->ops->close(s);
    /* The parent, which bound the socket, may keep it open a moment longer; close() alone then does not end its
     * events */
    loop_unwatch(s->loop, s->fd);
    const struct linger at_once = {.l_onoff = 1};
    if (s->flags & SIDE_RESETS) setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(s->fd);
    s->fd = -1;
}

ssize_t side_read(struct side *s, void *to, size_t n)
{
    if (s->flags & SIDE_ENDED) return 0;
    if (!(s->flags & SIDE_MAY_READ)) return -EAGAIN;
    const ssize_t got = s->ops->read(s, to, n);
    if (got == 0) s->flags |= SIDE_ENDED;
    if (got > 0) s->read += (uint64_t)got;
    if (got < 0 && got != -EAGAIN) s->flags |= SIDE_FAILED;
    return got;
}

ssize_t side_write(struct side *s, const void *from, size_t n)
{
    if (!(s->flags & SIDE_MAY_WRITE)) return -EAGAIN;
    const ssize_t put = s->ops->write(s, from, n);
    if (put > 0) s->wrote += (uint64_t)put;
    if (put < 0 && put != -EAGAIN) s->flags |= SIDE_FAILED;
    return put;
}

int side_shut(struct side *s)
{
    if (s->flags & SIDE_SHUT) return 0;
    const int err = s->ops->shut(s);
    if (!err) s->flags |= SIDE_SHUT;
    return err;
}

static ssize_t plain_read(struct side *s, void *to, size_t n)
{
    const ssize_t got = recv(s->fd, to, n, 0);
    if (got >= 0) {
        if ((size_t)got < n && s->flags & SIDE_FIN) s->flags |= SIDE_ENDED;
        if ((size_t)got < n && !(s->flags & SIDE_HUNG)) s->flags &= (uint16_t)~SIDE_MAY_READ;
        return got;
    }
    if (errno == EAGAIN) s->flags &= (uint16_t)~SIDE_MAY_READ;
    return -errno;
}

static ssize_t plain_write(struct side *s, const void *from, size_t n)
{
    const ssize_t put = send(s->fd, from, n, MSG_NOSIGNAL | (s->flags & SIDE_MORE ? MSG_MORE : 0));
    if (put < 0 ? errno == EAGAIN : (size_t)put < n) s->flags &= (uint16_t)~SIDE_MAY_WRITE;
    return put < 0 ? -errno : put;
}

static int plain_shut(struct side *s) { return shutdown(s->fd, SHUT_WR) && errno != ENOTCONN ? -errno : 0; }

const struct side_ops side_plain = {NULL, plain_read, plain_write, plain_shut, NULL};
