/* SIOCETHTOOL. */
#include "runtime/host/device/ethtool.h"

#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int ethtool_ask(const char *interface, void *question)
{
    struct ifreq r = {.ifr_data = question};
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", interface);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    const int got = ioctl(fd, SIOCETHTOOL, &r);
    const int failed = got < 0 ? -errno : got;
    close(fd);
    return failed;
}
