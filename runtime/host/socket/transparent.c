/* Sockets are made in batches, by the process that has the privilege */
#include "runtime/host/socket/transparent.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "runtime/base/files.h"

static int transparent(bool six)
{
    const int on = 1, level = six ? SOL_IPV6 : SOL_IP, option = six ? IPV6_TRANSPARENT : IP_TRANSPARENT;
    const int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (fd < 0) return -errno;
    /* The option of IPv4 applies to both families */
    if (!setsockopt(fd, level, option, &on, sizeof on) &&
        !setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on))
        return fd;
    return close_failed(fd);
}

int transparent_sockets(unsigned family, int fds[], unsigned count)
{
    unsigned made = 0;
    for (int fd = 0; made < count; made++) {
        fd = transparent(family == 6);
        if (fd < 0 && !made) return fd;
        if (fd < 0) break;
        fds[made] = fd;
    }
    return (int)made;
}
