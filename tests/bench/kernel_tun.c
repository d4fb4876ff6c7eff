/* kernel_tun PREY NFT SINK: processor time of a packet that comes by a device without Ethernet and leaves by a veth
 * with its source translated; and of only prey's program, by BPF_PROG_TEST_RUN. PREY and NFT are network namespaces
 * where preyrun and nftables translate, each with a TUN device t0 and a TAP device t1. Packets that leave there
 * arrive at s0 and s1 in SINK. UDP, 64 bytes from the IP header on, in 100 flows, written into the devices in turns.
 * kernel_tun.sh makes the namespaces and calls this program. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/pkt_cls.h>
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

enum { FLOWS = 100, SENT = 50000, LEN = 64, WAYS = 4, TCX_INGRESS = 46 /* BPF_TCX_INGRESS, since Linux 6.6 */ };
/* First clients' addresses. A test run takes the first two bytes of a bare packet's source address for the frame's
 * type. */
enum { CLIENTS_BARE = 0x08000002, CLIENTS_ETHERNET = 0x0a070002 };

/* A device that packets are written into, and the device in the sink that counts them */
struct way {
    int fd;
    bool ethernet;
    unsigned ifindex;
    int program;      /* program for packets that arrive there; -1: none */
    uint8_t mac[6];   /* MAC address of a TAP device */
    const char *sink; /* device in the sink */
};

__attribute__((noreturn)) static void die(const char *what)
{
    fprintf(stderr, "kernel_tun: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void enter(const char *space)
{
    if (!bench_enter(space)) die(space);
}

/* Return the program at an interface of this thread's namespace, or -1. */
static int program_at(unsigned ifindex)
{
    uint32_t ids[8], count = 8;
    if (bpf_prog_query((int)ifindex, (enum bpf_attach_type)TCX_INGRESS, 0, NULL, ids, &count) || !count) return -1;
    return bpf_prog_get_fd_by_id(ids[0]);
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
    w.ifindex = if_nametoindex(r.ifr_name);
    w.program = program_at(w.ifindex);
    return w;
}

/* Write flow n's packet, and return its length. */
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
    wire_put32(ip + IP4_SRC, (uint32_t)(w->ethernet ? CLIENTS_ETHERNET : CLIENTS_BARE) + n);
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

/* Return nanoseconds per packet; nearly all must arrive. */
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

/* Return nanoseconds of only the program, for a packet that it forwards. */
static double run_program(const struct way *w)
{
    uint8_t bytes[ETHER_LEN + LEN];
    const uint32_t count = bench_size(SENT, 1000);
    uint64_t all = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct __sk_buff ctx = {.ifindex = w->ifindex};
        LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = bytes, .data_size_in = frame(w, i % FLOWS, bytes), .ctx_in = &ctx,
                    .ctx_size_in = sizeof ctx, .repeat = 1);
        if (bpf_prog_test_run_opts(w->program, &o)) die("BPF_PROG_TEST_RUN");
        if (o.retval != TC_ACT_REDIRECT) die("a packet that is not sent on");
        all += o.duration;
    }
    return (double)all / count;
}

/* Compare both programs, in turns. The thread is in the namespace of their devices. */
static void programs_row(const struct way *bare, const struct way *ethernet)
{
    struct series a = {{0}, 0}, b = {{0}, 0};
    if (bare->program < 0 || ethernet->program < 0) {
        bench_note("kernel_tun: no programs alone: this kernel has no links of traffic control");
        return;
    }
    for (unsigned r = 0; r < bench_runs(); r++) {
        series_add(&a, run_program(bare));
        series_add(&b, run_program(ethernet));
    }
    bench_row(&(struct bench_row){"tun, the program alone", "ns/pkt", &a, "TAP, the same", &b, GOAL_RATIO, 1.1});
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
    for (unsigned i = 0; i < WAYS; i++) { /* flows begin, and their routes are found */
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
    enter(argv[1]);
    programs_row(&ways[0], &ways[1]);
    bench_note("kernel_tun: processor time of a write to the device until the packet is at the veth's other end");
    return 0;
}
