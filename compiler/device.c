/* A device's link type, which the kernel gives by ioctl (netdevice(7)), if the device exists */
#include "compiler/device.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool device_ask(int fd, unsigned long what, const char *name, struct ifreq *r)
{
    memset(r, 0, sizeof *r);
    snprintf(r->ifr_name, sizeof r->ifr_name, "%s", name);
    return ioctl(fd, what, r) == 0;
}

enum device_link device_link(const char *name)
{
    struct ifreq kind, flags;
    enum pkt_link link;
    const int fd = strlen(name) < sizeof kind.ifr_name ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0) return DEVICE_UNKNOWN;
    const bool known = device_ask(fd, SIOCGIFHWADDR, name, &kind) && device_ask(fd, SIOCGIFFLAGS, name, &flags);
    close(fd);
    if (!known) return DEVICE_UNKNOWN;
    if (!pkt_link_of(kind.ifr_hwaddr.sa_family, flags.ifr_flags & IFF_POINTOPOINT, &link)) return DEVICE_UNREADABLE;
    return link == LINK_RAW ? DEVICE_BARE : DEVICE_ETHERNET;
}
