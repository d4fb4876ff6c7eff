/* The TUN device: packets written to it reach the host's sockets, and it goes with its descriptor. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/host/device/tun.h"
#include "tests/unit/runtime/netns.h"

static int open_tun(const char *instance, const char *called)
{
    char name[IF_NAMESIZE], err[300] = "";
    int fd = -1;
    if (tun_open(instance, &fd, 1, name, err, sizeof err)) print_error("%s\n", err);
    assert_string_equal(name, called);
    assert_true(fd >= 0 && if_nametoindex(name));
    return fd;
}

static uint32_t add_up(uint32_t sum, const void *bytes, size_t len)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i + 1 < len; i += 2) sum += (uint32_t)b[i] << 8 | b[i + 1];
    if (len & 1) sum += (uint32_t)b[len - 1] << 8;
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* Make a UDP packet to port 1234, with the checksum of a sender whose card completes it. Returns its length. */
static size_t make_packet(uint8_t *p, const char *from, const char *to, const char *text, struct virtio_net_hdr *how)
{
    const bool v6 = strchr(from, ':');
    const size_t ip = v6 ? 40 : 20, len = ip + 8 + strlen(text);
    struct udphdr *udp = (void *)(p + ip);
    memset(p, 0, len);
    if (v6) {
        struct ip6_hdr *h = (void *)p;
        h->ip6_flow = htonl(6u << 28);
        h->ip6_plen = htons((uint16_t)(len - ip));
        h->ip6_nxt = IPPROTO_UDP;
        h->ip6_hlim = 9;
        inet_pton(AF_INET6, from, &h->ip6_src);
        inet_pton(AF_INET6, to, &h->ip6_dst);
    } else {
        struct iphdr *h = (void *)p;
        *h = (struct iphdr){.version = 4, .ihl = 5, .tot_len = htons((uint16_t)len), .ttl = 9, .protocol = IPPROTO_UDP};
        inet_pton(AF_INET, from, &h->saddr);
        inet_pton(AF_INET, to, &h->daddr);
        h->check = htons((uint16_t)~add_up(0, h, 20));
    }
    udp->source = htons(4000);
    udp->dest = htons(1234);
    udp->len = htons((uint16_t)(len - ip));
    const uint32_t addresses = add_up(0, p + (v6 ? 8 : 12), v6 ? 32 : 8);
    udp->check = htons((uint16_t)add_up(addresses + IPPROTO_UDP + (uint32_t)(len - ip), p, 0));
    memcpy(udp + 1, text, strlen(text));
    *how = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                   .csum_start = (uint16_t)ip,
                                   .csum_offset = offsetof(struct udphdr, check)};
    return len;
}

/* Return the next datagram and its sender. */
static const char *receive(int fd)
{
    static char text[120];
    char bytes[50] = "", from[46];
    struct sockaddr_in6 s;
    socklen_t len = sizeof s;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 20000), 1);
    assert_true(recvfrom(fd, bytes, sizeof bytes - 1, 0, (void *)&s, &len) > 0);
    inet_ntop(AF_INET6, &s.sin6_addr, from, sizeof from);
    snprintf(text, sizeof text, "%s from %s", bytes, from);
    return text;
}

static int listen_udp(void)
{
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(1234)};
    const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && !bind(fd, (const void *)&any, sizeof any));
    return fd;
}

static void gives_back(void **state)
{
    (void)state;
    /* The strictest check of sources: the route back leads out of `here`. */
    sh(NETNS_PAIR);
    sh("ip addr add 192.0.2.1/24 dev here && ip addr add 2001:db8::1/64 dev here && "
       "echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter && echo 1 >/proc/sys/net/ipv4/conf/default/rp_filter; "
       "until ip -6 route show table local | grep -q 'local 2001:db8::1'; do sleep 0.01; done");
    const int tun = open_tun("eth0", "prey-eth0"), udp = listen_udp();
    struct virtio_net_hdr how;
    uint8_t p[200];
    size_t len = make_packet(p, "192.0.2.7", "192.0.2.1", "four", &how);
    assert_int_equal(tun_give(tun, &how, p, len), 0);
    assert_string_equal(receive(udp), "four from ::ffff:192.0.2.7");
    len = make_packet(p, "2001:db8::7", "2001:db8::1", "six", &how);
    assert_int_equal(tun_give(tun, &how, p, len), 0);
    assert_string_equal(receive(udp), "six from 2001:db8::7");
    len = make_packet(p, "192.0.2.8", "192.0.2.1", "whole", &how);
    memset(p + 26, 0, 2); /* no checksum, so nothing to complete */
    assert_int_equal(tun_give(tun, NULL, p, len), 0);
    assert_string_equal(receive(udp), "whole from ::ffff:192.0.2.8");
    p[0] = 0x15;
    assert_int_equal(tun_give(tun, NULL, p, len), -EINVAL);
    assert_int_equal(tun_give(tun, NULL, p, 0), -EINVAL);
    sh("test -z \"$(ip -6 addr show dev prey-eth0)$(ip route show dev prey-eth0)\"");
    close(tun);
    assert_int_equal(if_nametoindex("prey-eth0"), 0);
    close(udp);
}

static void names(void **state)
{
    (void)state;
    char name[IF_NAMESIZE], err[300];
    int fds[3];
    close(open_tun("0123456789", "prey-0123456789"));
    char other[IF_NAMESIZE];
    int fd;
    assert_int_equal(tun_open("enp0s31f6.1000", &fd, 1, name, err, sizeof err), 0);
    close(fd);
    assert_int_equal(tun_open("enp0s31f6.1001", &fd, 1, other, err, sizeof err), 0);
    close(fd);
    assert_memory_equal(name, "prey-enp0-", 10);
    assert_string_not_equal(name, other);
    /* Another's device isn't joined. */
    sh("ip tuntap add dev prey-eth0 mode tun");
    assert_int_equal(tun_open("eth0", &fd, 1, name, err, sizeof err), -EEXIST);
    assert_string_equal(err, "the interface `prey-eth0` exists already; to remove it, run: ip link del prey-eth0");
    sh("ip link del prey-eth0");
    assert_int_equal(tun_open("eth0", fds, 3, name, err, sizeof err), 0);
    for (int i = 0; i < 3; i++) assert_true(if_nametoindex("prey-eth0") && !close(fds[i]));
    assert_int_equal(if_nametoindex("prey-eth0"), 0);
}

static void killed(void **state)
{
    (void)state;
    fflush(NULL);
    const pid_t pid = fork();
    if (!pid) {
        open_tun("eth0", "prey-eth0");
        raise(SIGKILL);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(if_nametoindex("prey-eth0"), 0);
}

/* A file that this user may not open is distinguished from a missing right, and from a missing module. */
static void closed(void **state)
{
    (void)state;
    char err[400] = "";
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", "/dev/net", "tmpfs", 0, NULL))
        skip();
    assert_int_equal(tun_lack(err, sizeof err), -ENOENT);
    assert_non_null(strstr(err, "modprobe tun; if that module is missing, install more modules "));
    assert_non_null(strstr(err, "in a container, start it with --device /dev/net/tun"));
    /* A device number without a driver. */
    if (mknod("/dev/net/tun", S_IFCHR | 0666, makedev(10, 254))) skip();
    const int failed = tun_lack(err, sizeof err);
    if (failed == -ENODEV || failed == -ENXIO)
        assert_non_null(strstr(err, "the kernel has no TUN devices; to fix it, run: modprobe tun; if that module "));
    assert_int_equal(chmod("/dev/net/tun", 0640), 0);
    if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)) skip();
    assert_int_equal(tun_lack(err, sizeof err), -EACCES);
    assert_non_null(
        strstr(err, "its mode is 0640, its owner user 0 and group 0; to fix it, run: chmod 666 /dev/net/tun"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {netns_test(gives_back), netns_test(names), netns_test(killed),
                                       netns_test(closed)};
    return netns_run(tests, sizeof tests / sizeof tests[0]);
}
