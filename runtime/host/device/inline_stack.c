/* The thread in the namespace makes everything; these functions are its tasks */
#include "runtime/host/device/inline_stack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/sockaddr.h"
#include "runtime/host/device/feature.h"
#include "runtime/host/device/tun.h"
#include "runtime/host/netlink_priv.h"
#include "runtime/host/proc_priv.h"
#include "runtime/host/socket/listen.h"
#include "runtime/host/socket/transparent.h"
#include "vm/flow/flow.h"

/* Packets that wait in a device: each of 10,000 connections may send at once */
enum { QUEUE = 10000 };

struct making {
    const struct inline_stack_ask *ask;
    int *fds;
    char *err;
    size_t err_len;
};

struct sockets {
    unsigned family, count;
    int *fds;
};

/* Set the stack's settings that differ from a host's defaults. A setting that the kernel does not have is left out. */
static void set_stack(void)
{
    static const struct {
        const char *path, *value;
    } all[] = {
        {"/proc/sys/net/ipv4/ip_forward", "0"}, /* set first, because it resets others */
        {"/proc/sys/net/ipv6/conf/all/forwarding", "0"},
        {"/proc/sys/net/ipv6/conf/all/disable_ipv6", "0"},
        {"/proc/sys/net/ipv6/conf/default/disable_ipv6", "0"},
        {"/proc/sys/net/ipv6/conf/all/accept_dad", "0"},
        {"/proc/sys/net/ipv6/conf/default/accept_dad", "0"},
        {"/proc/sys/net/ipv4/conf/all/rp_filter", "0"},
        {"/proc/sys/net/ipv4/conf/default/rp_filter", "0"},
        {"/proc/sys/net/ipv4/conf/all/accept_local", "1"},
        {"/proc/sys/net/ipv4/conf/default/accept_local", "1"},
        {"/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"},
        {"/proc/sys/net/ipv4/ip_local_port_range", "1024 65535"},
        {"/proc/sys/net/ipv4/tcp_mtu_probing", "1"}, /* for paths that drop ICMP errors about the MTU */
        {"/proc/sys/net/ipv4/tcp_timestamps", "2"}, /* the same clock for all connections: a server that keeps the ports
                                                       in TIME-WAIT recognizes a newer SYN */
        {"/proc/sys/net/ipv4/tcp_syncookies", "1"},
        {"/proc/sys/net/ipv4/tcp_max_syn_backlog", "65535"},
        {"/proc/sys/net/core/somaxconn", "65535"},
        {"/proc/sys/net/ipv4/tcp_tw_reuse", "1"},
        /* Addresses are soon reused for other clients and servers, so facts about a path must not outlive a
         * connection */
        {"/proc/sys/net/ipv4/tcp_no_metrics_save", "1"},
        {"/proc/sys/net/ipv4/route/mtu_expires", "60"},
        {"/proc/sys/net/ipv6/route/mtu_expires", "60"},
    };
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) (void)proc_write(all[i].path, all[i].value);
}

/* Return an end's block of addresses for one worker; with a shorter `len`, for all workers. */
static struct host_addr block_of(enum inline_end end, unsigned worker, bool v6)
{
    struct host_addr a = {.family = v6 ? 6 : 4};
    inline_address(a.word, v6, (struct inline_name){.end = (uint8_t)end, .worker = (uint8_t)worker});
    return a;
}

enum { WORKER_BITS = 8, END_BITS = 4, LISTENER_BITS = 24 };

/* Route a worker's blocks of a family to its device. */
static int lead_worker(unsigned ifindex, unsigned worker, bool v6)
{
    static const enum inline_end ends[] = {INLINE_CLIENT, INLINE_SERVER};
    int failed = 0;
    for (unsigned i = 0; i < 2 && !failed; i++) {
        const struct host_addr block = block_of(ends[i], worker, v6);
        failed = aside_lead(ifindex, RTM_NEWROUTE, netlink_family(&block), &block,
                            (uint8_t)(v6 ? 96 + WORKER_BITS : WORKER_BITS), false);
    }
    return failed;
}

/* Make a family's own blocks local. */
static int lead_own(unsigned lo, bool v6)
{
    const struct host_addr own = block_of(INLINE_OWN, 0, v6);
    struct host_addr listeners = {.family = v6 ? 6 : 4};
    inline_listener(listeners.word, v6, 0);
    if (!v6) listeners.word[0] &= ~0xffu;
    if (v6) listeners.word[3] = 0;
    const int failed = aside_lead(lo, RTM_NEWROUTE, netlink_family(&own), &own, v6 ? 64 : END_BITS, true);
    return failed ? failed
                  : aside_lead(lo, RTM_NEWROUTE, netlink_family(&own), &listeners, v6 ? 64 : LISTENER_BITS, true);
}

/* Write the name of a worker's device. */
static void device_name(char name[IF_NAMESIZE], unsigned worker) { snprintf(name, IF_NAMESIZE, "in%u", worker); }

/* Make a worker's device. Return its descriptor, or a negative errno. */
static int make_tun(const struct making *m, unsigned worker, bool *v6)
{
    char instance[IF_NAMESIZE], name[IF_NAMESIZE];
    struct ifreq mtu = {.ifr_mtu = (int)m->ask->mtu}, queue = {.ifr_qlen = QUEUE};
    const unsigned whole = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    int fd;
    device_name(instance, worker);
    int failed = tun_open(instance, &fd, 1, name, m->err, m->err_len);
    if (failed) return failed;
    if (m->ask->whole && ioctl(fd, TUNSETOFFLOAD, whole)) failed = -errno;
    if (!failed) failed = device_ioctl(name, SIOCSIFMTU, &mtu);
    if (!failed) failed = device_ioctl(name, SIOCSIFTXQLEN, &queue);
    const unsigned ifindex = if_nametoindex(name);
    if (!failed) failed = lead_worker(ifindex, worker, false);
    const int lacks = !failed && *v6 ? lead_worker(ifindex, worker, true) : 0;
    if (lacks) *v6 = false;
    if (lacks && worker) failed = lacks; /* the first one decides if there is IPv6 */
    if (!failed) return fd;
    close(fd);
    return failed;
}

/* Append a worker's descriptors to the `count` present ones. */
static int make_worker(const struct making *m, unsigned worker, bool *v6, int count)
{
    int fd = make_tun(m, worker, v6);
    if (fd < 0) return fd;
    m->fds[count++] = fd;
    for (unsigned i = 0; i < (*v6 ? 2u : 1u); i++) {
        struct host_addr at = {.family = i ? 6 : 4};
        inline_listener(at.word, i, worker);
        fd = listen_proxy(&at, INLINE_LISTENS, m->err, m->err_len);
        if (fd < 0) {
            while (i-- > 0) close(m->fds[--count]);
            close(m->fds[--count]);
            return fd;
        }
        m->fds[count++] = fd;
    }
    return count;
}

static int make_all(void *with)
{
    const struct making *m = with;
    struct ifreq up = {.ifr_flags = IFF_UP};
    set_stack();
    int failed = device_ioctl("lo", SIOCSIFFLAGS, &up), count = 0;
    const unsigned lo = if_nametoindex("lo");
    if (!failed) failed = lead_own(lo, false);
    bool v6 = !failed && !lead_own(lo, true);
    for (unsigned w = 0; w < m->ask->workers && !failed; w++) {
        const int made = make_worker(m, w, &v6, count);
        failed = made < 0 ? made : 0;
        if (!failed) count = made;
    }
    while (failed && count > 0) close(m->fds[--count]);
    return failed ? failed : count;
}

int inline_stack_make(struct aside *a, const struct inline_stack_ask *ask, int fds[], char *err, size_t err_len)
{
    *err = 0;
    const int made = aside_run(a, make_all, &(struct making){ask, fds, err, err_len});
    if (made < 0 && !*err)
        snprintf(err, err_len, "the network stack for `mode proxy inline` can't be set up: %s", strerror(-made));
    return made;
}

/* ---- a stack that another process has made ---- */

static bool is_listener(int fd, unsigned worker, bool v6)
{
    uint32_t addr[4];
    union sockaddr_any bound = {0}, wanted = {0};
    socklen_t len = sizeof bound, one = sizeof(int);
    int proto = 0, listens = 0;
    inline_listener(addr, v6, worker);
    sockaddr_of(&wanted, v6 ? 6 : 4, addr, INLINE_LISTENS);
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &proto, &one) || proto != IPPROTO_TCP) return false;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &one) || !listens) return false;
    if (getsockname(fd, &bound.any, &len) || bound.any.sa_family != wanted.any.sa_family) return false;
    if (!(fcntl(fd, F_GETFL) & O_NONBLOCK)) return false;
    return v6 ? bound.v6.sin6_port == wanted.v6.sin6_port &&
                    !memcmp(&bound.v6.sin6_addr, &wanted.v6.sin6_addr, sizeof wanted.v6.sin6_addr)
              : bound.v4.sin_port == wanted.v4.sin_port && bound.v4.sin_addr.s_addr == wanted.v4.sin_addr.s_addr;
}

/* True if both are the same namespace; the second one is closed. */
static bool same_namespace(const struct stat *one, int ns)
{
    struct stat st;
    const bool same = ns >= 0 && !fstat(ns, &st) && st.st_dev == one->st_dev && st.st_ino == one->st_ino;
    if (ns >= 0) close(ns);
    return same;
}

/* True if a worker's descriptors are its device and its listeners, in that namespace. */
static bool is_worker(const int fds[], unsigned each, unsigned worker, const struct stat *ns)
{
    char name[IF_NAMESIZE];
    device_name(name, worker);
    if (!tun_is(fds[0], name) || !same_namespace(ns, ioctl(fds[0], TUNGETDEVNETNS))) return false;
    for (unsigned i = 1; i < each; i++)
        if (!is_listener(fds[i], worker, i > 1) || !same_namespace(ns, ioctl(fds[i], SIOCGSKNS))) return false;
    return true;
}

int inline_stack_of(const int fds[], unsigned workers, unsigned each)
{
    struct stat st;
    if (!workers || workers > INLINE_WORKERS || each < INLINE_STACK_FDS - 1 || each > INLINE_STACK_FDS) return -EPROTO;
    const int ns = ioctl(fds[0], TUNGETDEVNETNS);
    if (ns < 0) return errno == ENOTTY || errno == EBADFD ? -EPROTO : -errno;
    const int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    const bool there = own >= 0 && !fstat(ns, &st);
    bool is = there && !same_namespace(&st, own);
    if (own >= 0 && !there) close(own);
    for (unsigned w = 0; w < workers && is; w++) is = is_worker(fds + w * each, each, w, &st);
    if (is) return ns;
    close(ns);
    return -EPROTO;
}

static int make_sockets(void *with)
{
    const struct sockets *s = with;
    return transparent_sockets(s->family, s->fds, s->count);
}

int inline_stack_batch(struct aside *a, unsigned family, int fds[], unsigned count)
{
    return aside_run(a, make_sockets, &(struct sockets){family, count, fds});
}
