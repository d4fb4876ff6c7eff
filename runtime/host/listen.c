/* See listen.h. */
#include "runtime/host/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 64 };

static int listening(const struct sockaddr *at)
{
    const int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    if (fd < 0) return -errno;
    const socklen_t len = at->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->sa_family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (!bind(fd, at, len) && !listen(fd, BACKLOG)) return fd;
    const int failed = -errno;
    close(fd);
    return failed;
}

int listen_tcp(const struct sockaddr *at, const char *text, char *err, size_t err_len)
{
    const int fd = listening(at);
    if (fd == -EADDRINUSE)
        snprintf(err, err_len, "%s: another program listens there; `ss -ltnp` shows which", text);
    else if (fd == -EADDRNOTAVAIL)
        snprintf(err, err_len, "%s: this machine has no such address", text);
    else if (fd < 0)
        snprintf(err, err_len, "%s: %s", text, strerror(-fd));
    return fd;
}
