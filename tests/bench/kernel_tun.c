/* kernel_tun PREY NFT SINK: processor time of a packet that comes by a device without Ethernet and leaves by a veth,
 * its source translated. PREY and NFT are network namespaces where preyrun and nftables translate, each with a TUN
 * device t0 and a TAP device t1; what leaves by theirs arrives at s0 and s1 in SINK. UDP, 64 bytes from the IP header
 * on, in 100 flows, written into the devices turn about. Called by kernel_tun.sh, which makes all that. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/lib/bench.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { FLOWS = 100, SENT = 50000, LEN = 64, WAYS = 4 };

/* Where packets are written, and who counts them in the sink */
struct way {
    int fd;
    bool ethernet;
    uint8_t mac[6];   /* its own, of a TAP device */
    const char *sink; /* device */
};

__attribute__((noreturn)) static void die(const char *what)
{
    fprintf(stderr, "kernel_tun: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void enter(const char *space)
{
    char path[200];
    snprintf(path, sizeof path, "/run/netns/%s", space);
    const int fd = open(path, O_RDONLY);
    if (fd < 0 || setns(fd, CLONE_NEWNET)) die(path);
    close(fd);
}

static struct way opened(const char *space, bool ethernet, const char *sink)
{
    struct way w = {.ethernet = ethernet, .sink = sink};
    struct ifreq r = {.ifr_flags = (short)((ethernet ? IFF_TAP : IFF_TUN) | IFF_NO_PI)};
    enter(space);
    w.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    strcpy(r.ifr_name, ethernet ? "t1" : "t0");
    if (w.fd < 0 || ioctl(w.fd, TUNSETIFF, &r)) die(r.ifr_name);
    if (ioctl(w.fd, SIOCGIFHWADDR, &r)) die("SIOCGIFHWADDR");
    memcpy(w.mac, r.ifr_hwaddr.sa_data, sizeof w.mac);
    return w;
}

/* Write flow n's packet, and return its length. Clients are 10.8.0.2 and on, by the TAP device 10.7.0.2 and on. */
static unsigned frame(const struct way *w, uint32_t n, uint8_t *to)
{
    uint8_t *ip = to;
    if (w->ethernet) {
        memcpy(to, w->mac, 6);
        memcpy(to + 6, "\2\0\0\0\0\7", 6);
        wire_put16(to + ETHER_TYPE_AT, ETHER_IP4);
        ip += ETHER_LEN;
    }
    memset(ip, 0, LEN);
    ip[0] = 0x45;
    wire_put16(ip + IP4_TOTAL, LEN);
    ip[IP4_TTL] = 64;
    ip[IP4_PROTO] = IPPROTO_NR_UDP;
    wire_put32(ip + IP4_SRC, (w->ethernet ? 0x0a070002u : 0x0a080002u) + n);
    wire_put32(ip + IP4_DST, 0x0a020002);
    wire_put16(ip + IP4_SUM, csum_fold(csum_add(0, ip, IP4_LEN)));
    wire_put16(ip + IP4_LEN, (uint16_t)(5000 + n));
    wire_put16(ip + IP4_LEN + 2, 53);
    wire_put16(ip + IP4_LEN + UDP_LENGTH, LEN - IP4_LEN);
    return (unsigned)(ip - to) + LEN;
}

static uint64_t arrived(const struct way *w)
{
    char path[100];
    unsigned long long n = 0;
    snprintf(path, sizeof path, "/sys/class/net/%s/statistics/rx_packets", w->sink);
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%llu", &n) != 1) die(path);
    fclose(f);
    return n;
}

static void send_all(const struct way *w, uint32_t count)
{
    static uint8_t frames[FLOWS][ETHER_LEN + LEN];
    unsigned len = 0;
    for (uint32_t i = 0; i < FLOWS; i++) len = frame(w, i, frames[i]);
    for (uint32_t i = 0; i < count; i++)
        if (write(w->fd, frames[i % FLOWS], len) != (ssize_t)len) die("a packet");
}

/* Nanoseconds a packet; nearly all must arrive. */
static double run(const struct way *w)
{
    const uint32_t sent = bench_size(SENT, 2000);
    const uint64_t before = arrived(w), began = bench_cpu_ns();
    send_all(w, sent);
    const uint64_t took = bench_cpu_ns() - began;
    for (unsigned ms = 0; ms < 10000 && arrived(w) - before < sent; ms++) usleep(1000);
    if (arrived(w) - before >= sent * 99ull / 100) return (double)took / sent;
    fprintf(stderr, "kernel_tun: %llu of %u arrived at %s\n", (unsigned long long)(arrived(w) - before), sent, w->sink);
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 4) die("usage: kernel_tun PREY NFT SINK");
    const struct way ways[WAYS] = {opened(argv[1], false, "s0"), opened(argv[1], true, "s0"),
                                   opened(argv[2], false, "s1"), opened(argv[2], true, "s1")};
    struct series took[WAYS] = {{{0}, 0}};
    enter(argv[3]);
    if (unshare(CLONE_NEWNS)) die("a mount namespace");
    if (system("mount -t sysfs none /sys")) die("/sys");
    for (unsigned i = 0; i < WAYS; i++) { /* flows begin, and their ways are found */
        for (unsigned n = 0; n < 20; n++) {
            send_all(&ways[i], FLOWS);
            usleep(20000);
        }
    }
    for (unsigned r = 0; r <= bench_runs(); r++)
        for (unsigned i = 0; i < WAYS; i++) {
            const double ns = run(&ways[i]);
            if (r) series_add(&took[i], ns);
        }
    const char *what = "tun to veth, masquerade";
    bench_row(&(struct bench_row){what, "ns/pkt", &took[0], "TAP to veth, the same", &took[1], GOAL_RATIO, 1.1});
    bench_row(&(struct bench_row){what, "ns/pkt", &took[0], "nftables, tun to veth", &took[2], GOAL_NONE, 0});
    bench_row(&(struct bench_row){"TAP to veth, masquerade", "ns/pkt", &took[1], "nftables, TAP to veth", &took[3],
                                  GOAL_NONE, 0});
    bench_note("kernel_tun: processor time of a write to the device until the packet is at the veth's other end");
    return 0;
}
