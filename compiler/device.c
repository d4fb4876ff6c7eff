#include "compiler/device.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool device_is_without_ethernet(const char *name)
{
    struct ifreq r = {0};
    const int fd = strlen(name) < sizeof r.ifr_name ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0) return false;
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    const bool known = ioctl(fd, SIOCGIFHWADDR, &r) == 0;
    close(fd);
    return known && r.ifr_hwaddr.sa_family != ARPHRD_ETHER;
}
