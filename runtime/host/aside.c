/* A namespace is made by going there; whoever cannot come back must not go on. */
#include "runtime/host/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/host/echo.h"
#include "runtime/host/netlink_priv.h"
#include "runtime/host/proc_priv.h"
#include "runtime/host/tun.h"

/* Local addresses, of all reloads: the service is not to fill the kernel's tables. */
enum { LOCAL_MOST = 1024 };

struct aside {
    int home, there;
    unsigned ifindex;
    struct host_addr local[LOCAL_MOST]; /* those made last */
    unsigned given;                     /* where the next one goes: the oldest's place */
};

static void go_home(const struct aside *a)
{
    if (setns(a->home, CLONE_NEWNET)) abort();
}

/* ---- the device ---- */

static int ask(struct nlmsghdr *nlh)
{
    struct netlink n;
    int failed = netlink_open(&n, NETLINK_ROUTE);
    if (!failed) failed = netlink_ask(&n, nlh, NULL, NULL);
    netlink_close(&n);
    return failed;
}

/* Make (RTM_NEWROUTE) or remove (RTM_DELROUTE) a route by the device: to one address, which is local, or to all others.
 */
static int lead(const struct aside *a, uint16_t what, uint8_t family, const struct host_addr *local)
{
    char bytes[128];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
    nlh->nlmsg_type = what;
    nlh->nlmsg_flags = what == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0;
    struct rtmsg *route = mnl_nlmsg_put_extra_header(nlh, sizeof *route);
    *route = (struct rtmsg){.rtm_family = family,
                            .rtm_dst_len = !local              ? 0
                                           : family == AF_INET ? 32
                                                               : 128,
                            .rtm_table = local ? RT_TABLE_LOCAL : RT_TABLE_MAIN,
                            .rtm_protocol = RTPROT_STATIC,
                            .rtm_scope = family != AF_INET ? RT_SCOPE_UNIVERSE
                                         : local           ? RT_SCOPE_HOST
                                                           : RT_SCOPE_LINK,
                            .rtm_type = local ? RTN_LOCAL : RTN_UNICAST};
    if (local) netlink_put_addr(nlh, RTA_DST, local);
    mnl_attr_put_u32(nlh, RTA_OIF, a->ifindex);
    return ask(nlh);
}

/* A local route is there at once; an IPv6 address would be some time after it was given. The oldest goes for it. */
static int make_local(struct aside *a, const struct host_addr *addr)
{
    for (unsigned i = 0; i < LOCAL_MOST; i++)
        if (host_addr_same(&a->local[i], addr)) return 0;
    struct host_addr *place = &a->local[a->given % LOCAL_MOST];
    if (place->family) (void)lead(a, RTM_DELROUTE, netlink_family(place), place);
    *place = (struct host_addr){0};
    const int failed = lead(a, RTM_NEWROUTE, netlink_family(addr), addr);
    if (failed) return failed;
    *place = *addr;
    a->given++;
    return 0;
}

static int set_mtu(const char *name)
{
    struct ifreq r = {.ifr_mtu = ASIDE_MTU};
    memcpy(r.ifr_name, name, IF_NAMESIZE);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    const int failed = ioctl(fd, SIOCSIFMTU, &r) ? -errno : 0;
    close(fd);
    return failed;
}

/* In the new namespace. A kernel without IPv6 has no way for it. */
static int furnish(struct aside *a, int *tun, char *err, size_t err_len)
{
    char name[IF_NAMESIZE];
    proc_write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0");
    proc_write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0");
    int failed = tun_open("aside", tun, 1, name, err, err_len);
    if (failed) return failed;
    a->ifindex = if_nametoindex(name);
    failed = set_mtu(name);
    if (!failed) failed = lead(a, RTM_NEWROUTE, AF_INET, NULL);
    if (!failed) (void)lead(a, RTM_NEWROUTE, AF_INET6, NULL);
    if (!failed) return 0;
    snprintf(err, err_len, "%s", strerror(-failed));
    close(*tun);
    return failed;
}

/* ---- all ---- */

static struct aside *make(struct aside *a, int *tun, char *err, size_t err_len)
{
    a->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (a->home < 0 || unshare(CLONE_NEWNET)) {
        snprintf(err, err_len, "checks by the way of a service need a network namespace of their own: %s",
                 strerror(errno));
        return NULL;
    }
    a->there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (a->there < 0) snprintf(err, err_len, "/proc/self/ns/net: %s", strerror(errno));
    const int failed = a->there < 0 ? -1 : furnish(a, tun, err, err_len);
    go_home(a);
    return failed ? NULL : a;
}

struct aside *aside_new(int *tun, char *err, size_t err_len)
{
    struct aside *a = calloc(1, sizeof *a);
    if (!a) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    a->home = a->there = -1;
    if (make(a, tun, err, err_len)) return a;
    aside_free(a);
    return NULL;
}

void aside_free(struct aside *a)
{
    if (!a) return;
    if (a->home >= 0) close(a->home);
    if (a->there >= 0) close(a->there);
    free(a);
}

/* In the namespace. */
static int open_socket(struct aside *a, const struct host_addr *from, int type)
{
    const int on = 1, family = netlink_family(from);
    const int failed = make_local(a, from);
    if (failed) return failed;
    const int fd =
        type == SOCK_RAW ? echo_open_one(from->family) : socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        setsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, family == AF_INET ? IP_FREEBIND : IPV6_FREEBIND,
                   &on, sizeof on);
    return fd >= 0 || type == SOCK_RAW ? fd : -errno;
}

int aside_socket(struct aside *a, const struct host_addr *from, int type)
{
    if (setns(a->there, CLONE_NEWNET)) return -errno;
    const int fd = open_socket(a, from, type);
    go_home(a);
    return fd;
}

int aside_ear(void)
{
    const int on = 1;
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (!setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) &&
        !setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on))
        return fd;
    const int failed = -errno;
    close(fd);
    return failed;
}
