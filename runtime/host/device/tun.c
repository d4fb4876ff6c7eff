/* The device gets its own address and loose source checks; a missing /dev/net/tun is reported with its remedy */
#include "runtime/host/device/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/base/files.h"
#include "runtime/base/fnv.h"
#include "runtime/host/device/feature.h"
#include "runtime/host/netlink_priv.h"
#include "runtime/host/proc_priv.h"

#define PREFIX "prey-"
#define TUN    "/dev/net/tun"

/* A long instance name is cut, and made distinct by a hash of the full name. */
void tun_name(const char *instance, char name[IF_NAMESIZE])
{
    const uint32_t hash = fnv_text(instance);
    if (strlen(instance) < IF_NAMESIZE - strlen(PREFIX))
        snprintf(name, IF_NAMESIZE, PREFIX "%.10s", instance);
    else
        snprintf(name, IF_NAMESIZE, PREFIX "%.4s-%05x", instance, hash & 0xfffff);
}

static int open_queue(const char *name, short flags)
{
    struct ifreq r = {.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | flags)};
    memcpy(r.ifr_name, name, IF_NAMESIZE);
    const int fd = open(TUN, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return -errno;
    if (!ioctl(fd, TUNSETIFF, &r)) return fd;
    return close_failed(fd);
}

bool tun_is(int fd, const char *instance)
{
    char name[IF_NAMESIZE];
    struct ifreq r = {.ifr_flags = 0};
    int header = 0, at = fcntl(fd, F_GETFL);
    tun_name(instance, name);
    const int said = IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
    return at >= 0 && at & O_NONBLOCK && (at & O_ACCMODE) == O_RDWR && !ioctl(fd, TUNGETIFF, &r) &&
           (r.ifr_flags & said) == (IFF_TUN | IFF_NO_PI | IFF_VNET_HDR) && !strncmp(r.ifr_name, name, IF_NAMESIZE) &&
           !ioctl(fd, TUNGETVNETHDRSZ, &header) && header == sizeof(struct virtio_net_hdr);
}

/* An address that belongs to no machine (RFC 7600), and is never chosen as a source. With source checks (rp_filter) the
 * kernel takes no packet on a device without an address. */
static const struct host_addr nobodys = {.family = 4, .word = {0xc0000008}};

static int give_address(const char *name)
{
    char bytes[128];
    const struct ifaddrmsg info = {
        .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_scope = RT_SCOPE_HOST, .ifa_index = if_nametoindex(name)};
    struct nlmsghdr *nlh = netlink_begin(bytes, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &info, sizeof info);
    netlink_put_addr(nlh, IFA_LOCAL, &nobodys);
    return netlink_once(nlh, NULL, NULL);
}

/* Accept packets from any source that has some route: they come from everywhere */
static int accept_sources(const char *name)
{
    char path[80], all[8];
    int failed = proc_read("/proc/sys/net/ipv4/conf/all/rp_filter", all, sizeof all);
    snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/rp_filter", name);
    if (!failed) failed = proc_write(path, *all == '0' ? "0" : "2");
    /* No IPv6 address, because the host sends nothing there. A kernel without IPv6 has no such file. */
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/addr_gen_mode", name);
    const int six = proc_write(path, "1");
    return failed ? failed : six == -ENOENT ? 0 : six;
}

static int open_queues(const char *name, int fds[], unsigned queues)
{
    struct ifreq mtu = {.ifr_mtu = 65535}, up = {.ifr_flags = IFF_UP};
    unsigned opened = 0;
    int failed = if_nametoindex(name) ? -EEXIST : 0; /* without this test the process would join a foreign device */
    for (; opened < queues && !failed; opened++) {
        fds[opened] = open_queue(name, queues > 1 ? IFF_MULTI_QUEUE : 0);
        if (fds[opened] < 0) failed = fds[opened--];
    }
    if (!failed) failed = accept_sources(name);
    if (!failed) failed = give_address(name);
    if (!failed) failed = device_ioctl(name, SIOCSIFMTU, &mtu);
    if (!failed) failed = device_ioctl(name, SIOCSIFFLAGS, &up);
    while (failed && opened > 0) close(fds[--opened]);
    return failed;
}

#define NO_MODULE                                                                                                      \
    "modprobe tun; if that module is missing, install more modules (linux-modules-extra-…) or a kernel with "        \
    "CONFIG_TUN"

/* Write the line for a missing device. ENOENT: no file; ENODEV: the file without its module. */
static void say_lack(int failed, const char *name, char *err, size_t err_len)
{
    struct stat st;
    const bool forbidden = failed == -EPERM || failed == -EACCES;
    if (failed == -ENOENT)
        snprintf(err, err_len,
                 TUN " is missing, and preyrun needs it to return packets to this machine; to fix it, run: " NO_MODULE
                     "; in a container, start it with --device " TUN);
    else if (failed == -ENODEV || failed == -ENXIO)
        snprintf(err, err_len, "the kernel has no TUN devices; to fix it, run: " NO_MODULE);
    else if (forbidden && !stat(TUN, &st) && faccessat(AT_FDCWD, TUN, R_OK | W_OK, AT_EACCESS))
        snprintf(err, err_len,
                 TUN
                 " can't be opened: its mode is %04o, its owner user %u and group %u; to fix it, run: chmod 666 " TUN
                 ", or run preyrun as root",
                 st.st_mode & 07777u, st.st_uid, st.st_gid);
    else if (forbidden)
        snprintf(err, err_len,
                 TUN
                 " can't be used: the capability NET_ADMIN is missing, or a container or a security module forbids it");
    else
        snprintf(err, err_len, "the TUN device `%s` can't be created: %s", name, strerror(-failed));
}

int tun_open(const char *instance, int fds[], unsigned queues, char name[IF_NAMESIZE], char *err, size_t err_len)
{
    tun_name(instance, name);
    const int failed = open_queues(name, fds, queues);
    if (failed == -EEXIST)
        snprintf(err, err_len, "the interface `%s` exists already; to remove it, run: ip link del %s", name, name);
    else if (failed)
        say_lack(failed, name, err, err_len);
    return failed;
}

/* The device is recognized by its address: other programs may give a device any name */
bool tun_is_given(const struct host *h, const struct host_link *link)
{
    unsigned count;
    const struct host_address *all = host_addresses(h, &count);
    if (strcmp(link->kind, "tun") != 0) return false;
    for (unsigned i = 0; i < count; i++)
        if (all[i].ifindex == link->ifindex && host_addr_same(&all[i].addr, &nobodys)) return true;
    return false;
}

int tun_lack(char *err, size_t err_len)
{
    const int fd = open(TUN, O_RDWR | O_CLOEXEC | O_NONBLOCK), failed = fd < 0 ? -errno : 0;
    if (failed) say_lack(failed, "prey-…", err, err_len);
    if (fd >= 0) close(fd);
    return failed;
}

int tun_give(int fd, const struct virtio_net_hdr *how, const void *packet, size_t len)
{
    static const struct virtio_net_hdr plain;
    const struct iovec parts[2] = {{(void *)(uintptr_t)(how ? how : &plain), sizeof plain},
                                   {(void *)(uintptr_t)packet, len}};
    ssize_t written;
    do {
        written = writev(fd, parts, 2);
    } while (written < 0 && errno == EINTR);
    return written < 0 ? -errno : 0;
}
