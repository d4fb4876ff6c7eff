/* See sink.h. The system's log is a socket that takes a line a datagram (RFC 3164, section 4.1.1: facility and severity
 * in front). libc's syslog() would open that socket and the time zone's file whenever it likes; here both are in our
 * hands. */
#include "runtime/live/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define SYSLOG_SOCKET "/dev/log"

static enum sink_kind kind_of(const char *to)
{
    if (!to || !strcmp(to, "stderr")) return SINK_STDERR;
    return strcmp(to, "syslog") != 0 ? SINK_FILE : SINK_SYSLOG;
}

static int syslog_open(void)
{
    const struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = SYSLOG_SOCKET};
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || !connect(fd, (const struct sockaddr *)&at, sizeof at)) return fd < 0 ? -errno : fd;
    const int failed = -errno;
    close(fd);
    return failed;
}

static int file_open(const char *path)
{
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
    return fd < 0 ? -errno : fd;
}

int sink_descriptor(const char *to)
{
    switch (kind_of(to)) {
    case SINK_SYSLOG: return syslog_open();
    case SINK_FILE: return file_open(to);
    default: return STDERR_FILENO;
    }
}

void sink_init(struct sink *s, const char *to, int fd)
{
    *s = (struct sink){.kind = kind_of(to), .fd = fd};
    s->path = s->kind == SINK_SYSLOG ? SYSLOG_SOCKET : to;
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

/* A datagram has no newline, and names who speaks. */
static ssize_t put_syslog(const struct sink *s, const char *line, size_t len)
{
    char head[60];
    const int head_len = snprintf(head, sizeof head, "<%d>preyrun[%d]: ", LOG_DAEMON | LOG_NOTICE, (int)getpid());
    const struct iovec parts[] = {{head, (size_t)head_len}, {(void *)(uintptr_t)line, len - 1}};
    const struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = 2};
    const ssize_t sent = sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -1 : (ssize_t)len;
}

/* In one call, so that lines of several writers don't mix. After a torn line a new one begins. A reader of standard
 * error that does not read is not waited for. */
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
    const ssize_t put = s->kind == SINK_SYSLOG ? put_syslog(s, line, len) : put_file(s, line, len);
    if (put >= 0) return 0;
    s->lost++;
    return -errno;
}
