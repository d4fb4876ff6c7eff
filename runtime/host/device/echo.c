/* Filters in the kernel (raw(7), RFC 3542, 3.2) drop all but replies */
#include "runtime/host/device/echo.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <unistd.h>

/* ICMP_FILTER of a kernel header that conflicts with the C library's */
enum { RAW_ICMP_FILTER = 1 };

static int open4(void)
{
    const uint32_t hidden = ~(1u << ICMP_ECHOREPLY);
    const int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
    if (fd >= 0) (void)setsockopt(fd, SOL_RAW, RAW_ICMP_FILTER, &hidden, sizeof hidden);
    return fd;
}

static int open6(void)
{
    struct icmp6_filter hidden;
    const int fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);
    ICMP6_FILTER_SETBLOCKALL(&hidden);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &hidden);
    if (fd >= 0) (void)setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &hidden, sizeof hidden);
    return fd;
}

int echo_open_one(unsigned family)
{
    const int fd = family == 4 ? open4() : open6();
    return fd < 0 ? -errno : fd;
}

int echo_open(int fds[2])
{
    fds[0] = echo_open_one(4);
    fds[1] = fds[0] < 0 ? fds[0] : echo_open_one(6);
    if (fds[1] < 0 && fds[0] >= 0) close(fds[0]);
    return fds[1] < 0 ? fds[1] : 0;
}
