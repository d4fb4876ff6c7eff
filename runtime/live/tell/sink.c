/* One call per line or datagram, which never waits; a line that was cut off is ended before the next one */
#include "runtime/live/tell/sink.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

void sink_init(struct sink *s, const char *to, int fd)
{
    *s = (struct sink){.kind = sink_kind(to), .fd = fd};
    if (fd == STDERR_FILENO) s->kind = SINK_STDERR;
    s->path = s->kind == SINK_SYSLOG ? SINK_SYSLOG_SOCKET : s->kind == SINK_JOURNAL ? SINK_JOURNAL_SOCKET : to;
}

void sink_fini(struct sink *s)
{
    if (s->kind != SINK_STDERR && s->fd >= 0) close(s->fd);
    s->fd = -1;
}

void sink_renew(struct sink *s, int fd)
{
    sink_fini(s);
    s->fd = fd;
    s->torn = false;
}

/* Send a line as a datagram, without its newline. The sender shown is this process's parent, the process that was
 * started. */
static ssize_t put_syslog(const struct sink *s, const char *line, size_t len)
{
    char head[60];
    const int head_len = snprintf(head, sizeof head, "<%d>preyrun[%d]: ", LOG_DAEMON | LOG_NOTICE, (int)getppid());
    const struct iovec parts[] = {{head, (size_t)head_len}, {(void *)(uintptr_t)line, len - 1}};
    const struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = 2};
    const ssize_t sent = sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -1 : (ssize_t)len;
}

/* Write a line in one call, so that lines of several writers do not mix. After a line that was cut off, begin on a
 * new line. A write to standard error never waits for its reader. */
static ssize_t put_file(struct sink *s, const char *line, size_t len)
{
    const struct iovec parts[] = {{(void *)(uintptr_t) "\n", s->torn}, {(void *)(uintptr_t)line, len}};
    struct pollfd room = {.fd = s->fd, .events = POLLOUT};
    if (s->kind == SINK_STDERR && poll(&room, 1, 0) == 0) errno = EAGAIN;
    if (s->kind == SINK_STDERR && !room.revents) return -1;
    const ssize_t written = writev(s->fd, parts, 2);
    const ssize_t whole = (ssize_t)len + s->torn;
    if (written > 0) s->torn = written < whole;
    if (written >= 0 && written < whole) errno = ENOSPC;
    return written == whole ? (ssize_t)len : -1;
}

int sink_put(struct sink *s, const char *line, size_t len)
{
    const ssize_t put = s->kind == SINK_SYSLOG    ? put_syslog(s, line, len)
                        : s->kind == SINK_JOURNAL ? send(s->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                                                  : put_file(s, line, len);
    if (put >= 0) return 0;
    s->lost++;
    return -errno;
}
