/* A thread enters the namespace and stays: returning and entering again would need a privilege that nothing else
 * needs */
#include "runtime/host/device/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/files.h"
#include "runtime/host/device/echo.h"
#include "runtime/host/device/feature.h"
#include "runtime/host/device/tun.h"
#include "runtime/host/netlink_priv.h"
#include "runtime/host/proc_priv.h"

/* Maximum number of local addresses, over all reloads: a hijacked service must not fill the kernel's tables */
enum { LOCAL_MOST = 1024 };

struct aside {
    pthread_t thread;
    sem_t ordered, done; /* one order at a time: from `ordered` to `done` the fields below belong to the thread */
    aside_task_fn *task; /* NULL: end */
    void *with;
    int result;
    aside_confine_fn *confine;
    int ns; /* the namespace to enter; -1: a new one */
    unsigned ifindex;
    struct host_addr local[LOCAL_MOST]; /* the newest addresses */
    unsigned given;                     /* number ever added; modulo LOCAL_MOST the place of the oldest */
};

int aside_lead(unsigned ifindex, uint16_t what, uint8_t family, const struct host_addr *dst, uint8_t len, bool local)
{
    char bytes[128];
    const struct rtmsg route = {.rtm_family = family,
                                .rtm_dst_len = len,
                                .rtm_table = local ? RT_TABLE_LOCAL : RT_TABLE_MAIN,
                                .rtm_protocol = RTPROT_STATIC,
                                .rtm_scope = family != AF_INET ? RT_SCOPE_UNIVERSE
                                             : local           ? RT_SCOPE_HOST
                                                               : RT_SCOPE_LINK,
                                .rtm_type = local ? RTN_LOCAL : RTN_UNICAST};
    struct nlmsghdr *nlh =
        netlink_begin(bytes, what, what == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0, &route, sizeof route);
    if (dst) netlink_put_addr(nlh, RTA_DST, dst);
    mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
    return netlink_once(nlh, NULL, NULL);
}

/* Add or remove the route that makes one address local. */
static int lead_local(const struct aside *a, uint16_t what, const struct host_addr *addr)
{
    return aside_lead(a->ifindex, what, netlink_family(addr), addr, addr->family == 4 ? 32 : 128, true);
}

/* Make an address local by a route, which works at once; an assigned IPv6 address works only later. The oldest
 * address is removed. */
static int make_local(struct aside *a, const struct host_addr *addr)
{
    for (unsigned i = 0; i < LOCAL_MOST; i++)
        if (host_addr_same(&a->local[i], addr)) return 0;
    struct host_addr *place = &a->local[a->given % LOCAL_MOST];
    if (place->family) (void)lead_local(a, RTM_DELROUTE, place);
    *place = (struct host_addr){0};
    const int failed = lead_local(a, RTM_NEWROUTE, addr);
    if (failed) return failed;
    *place = *addr;
    a->given++;
    return 0;
}

/* Make the device; on a kernel without IPv6, routes of IPv4 only */
static int make_device(void *with)
{
    struct aside *a = with;
    char name[IF_NAMESIZE], err[200];
    struct ifreq mtu = {.ifr_mtu = ASIDE_MTU};
    int tun;
    proc_write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0");
    proc_write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0");
    int failed = tun_open("aside", &tun, 1, name, err, sizeof err);
    if (failed) return failed;
    a->ifindex = if_nametoindex(name);
    failed = device_ioctl(name, SIOCSIFMTU, &mtu);
    if (!failed) failed = aside_lead(a->ifindex, RTM_NEWROUTE, AF_INET, NULL, 0, false);
    if (!failed) (void)aside_lead(a->ifindex, RTM_NEWROUTE, AF_INET6, NULL, 0, false);
    if (!failed) return tun;
    close(tun);
    return failed;
}

struct socket_task {
    struct aside *a;
    const struct host_addr *from;
    int type;
};

static int open_socket(void *with)
{
    const struct socket_task *task = with;
    struct aside *a = task->a;
    const struct host_addr *from = task->from;
    const int type = task->type;
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

static void wait_for(sem_t *s)
{
    while (sem_wait(s)) {} /* interrupted by a signal */
}

static void *stay(void *arg)
{
    struct aside *a = arg;
    const int failed = a->ns < 0 ? unshare(CLONE_NEWNET) : setns(a->ns, CLONE_NEWNET);
    a->result = failed ? -errno : a->confine ? a->confine() : 0;
    const bool there = !a->result;
    sem_post(&a->done);
    while (there) {
        wait_for(&a->ordered);
        if (!a->task) break;
        a->result = a->task(a->with);
        sem_post(&a->done);
    }
    return NULL;
}

int aside_run(struct aside *a, aside_task_fn *task, void *with)
{
    a->task = task;
    a->with = with;
    sem_post(&a->ordered);
    wait_for(&a->done);
    return a->result;
}

/* Start the thread. Return 0, or a negative errno without a thread. */
static int send_there(struct aside *a)
{
    const int failed = pthread_create(&a->thread, NULL, stay, a);
    if (failed) return -failed;
    wait_for(&a->done);
    if (a->result) pthread_join(a->thread, NULL);
    return a->result;
}

static void aside_release(struct aside *a)
{
    sem_destroy(&a->ordered);
    sem_destroy(&a->done);
    free(a);
}

struct aside *aside_again(int ns, const char *what, aside_confine_fn *confine, char *err, size_t err_len)
{
    struct aside *a = calloc(1, sizeof *a);
    if (!a) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    a->confine = confine;
    a->ns = ns;
    sem_init(&a->ordered, 0, 0);
    sem_init(&a->done, 0, 0);
    const int failed = send_there(a);
    if (!failed) return a;
    snprintf(err, err_len, "preyrun can't set up the network namespace for %s: %s", what, strerror(-failed));
    aside_release(a);
    return NULL;
}

struct aside *aside_new(const char *what, aside_confine_fn *confine, char *err, size_t err_len)
{
    return aside_again(-1, what, confine, err, err_len);
}

void aside_free(struct aside *a)
{
    if (!a) return;
    a->task = NULL;
    sem_post(&a->ordered);
    pthread_join(a->thread, NULL);
    aside_release(a);
}

int aside_device(struct aside *a) { return aside_run(a, make_device, a); }

int aside_socket(struct aside *a, const struct host_addr *from, int type)
{
    return aside_run(a, open_socket, &(struct socket_task){a, from, type});
}

int aside_ear(void)
{
    const int on = 1;
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (!setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) &&
        !setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on))
        return fd;
    return close_failed(fd);
}
