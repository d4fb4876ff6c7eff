/* One contender of bench-live: frames into its namespace, counted where they come out, and what CPU time that took.
 *
 *     live PID GENERATOR SINK COUNT FLOWS forward|drop
 *
 * Sends COUNT frames of 64 bytes, UDP of so many flows to 10.1.0.100:53, by g0 in the namespace GENERATOR, in bursts,
 * each when the one before has arrived at s0 in SINK or is overdue. PID (0: the kernel itself does it) is the
 * contender's process. Prints frames that arrived, CPU nanoseconds a frame in sending (which the kernel's way of each
 * frame up to a ring, or out again, is part of) and in the process. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "vm/packet/csum.h"
#include "vm/packet/wire.h"

enum { BURST = 64, FRAME = 60, LATE_NS = 3000000, ETH = 14, IP = 20 };

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static uint64_t clock_of(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t)) return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void enter(const char *space)
{
    char path[100];
    snprintf(path, sizeof path, "/run/netns/%s", space);
    const int fd = open(path, O_RDONLY);
    if (fd < 0 || setns(fd, CLONE_NEWNET)) fail(path);
    close(fd);
}

static int sender(void)
{
    const int fd = socket(AF_PACKET, SOCK_RAW, 0);
    const struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("g0")};
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at)) fail("g0");
    return fd;
}

/* Frames that s0 has received; fd is a netlink socket of its namespace. */
static uint64_t arrived(int fd, int ifindex)
{
    struct {
        struct nlmsghdr h;
        struct ifinfomsg i;
    } ask = {.h = {.nlmsg_len = sizeof ask, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
             .i = {.ifi_index = ifindex}};
    static uint8_t got[16384] __attribute__((aligned(8)));
    if (send(fd, &ask, sizeof ask, 0) < 0) fail("netlink");
    const ssize_t n = recv(fd, got, sizeof got, 0);
    if (n <= 0) fail("netlink");
    struct nlmsghdr *h = (void *)got;
    struct rtattr a;
    for (size_t at = NLMSG_LENGTH(sizeof(struct ifinfomsg)); at + sizeof a <= h->nlmsg_len;
         at += (a.rta_len + 3u) & ~3u) {
        struct rtnl_link_stats64 s;
        memcpy(&a, got + at, sizeof a);
        if (a.rta_len < sizeof a) break;
        if (a.rta_type != IFLA_STATS64) continue;
        memcpy(&s, got + at + sizeof a, sizeof s);
        return s.rx_packets;
    }
    return 0;
}

static void make(uint8_t f[FRAME], const uint8_t to[6], unsigned flow)
{
    memset(f, 0, FRAME);
    memcpy(f, to, 6);
    memcpy(f + 6, "\2\0\0\0\0\1\x8\0", 8);
    uint8_t *ip = f + ETH, *udp = ip + IP;
    ip[0] = 0x45;
    wire_put16(ip + 2, FRAME - ETH);
    ip[8] = 64;
    ip[9] = 17;
    wire_put32(ip + 12, 0x0a010001);
    wire_put32(ip + 16, 0x0a010064);
    wire_put16(ip + 10, csum_of(ip, IP));
    wire_put16(udp, (uint16_t)(10000 + flow));
    wire_put16(udp + 2, 53);
    wire_put16(udp + 4, FRAME - ETH - IP);
}

struct run {
    int out, sink, ifindex;
    clockid_t process;
    uint64_t sending_ns, process_ns, came;
};

static void burst(struct run *r, const uint8_t to[6], unsigned *flow, unsigned flows, bool drops)
{
    static uint8_t frames[BURST][FRAME];
    static struct iovec parts[BURST];
    static struct mmsghdr messages[BURST];
    for (unsigned i = 0; i < BURST; i++) {
        make(frames[i], to, *flow);
        *flow = (*flow + 1) % flows;
        parts[i] = (struct iovec){frames[i], FRAME};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    const uint64_t goal = arrived(r->sink, r->ifindex) + BURST;
    const uint64_t begin = clock_of(CLOCK_THREAD_CPUTIME_ID);
    if (sendmmsg(r->out, messages, BURST, 0) != BURST) fail("sendmmsg");
    r->sending_ns += clock_of(CLOCK_THREAD_CPUTIME_ID) - begin;
    const uint64_t late = clock_of(CLOCK_MONOTONIC) + (drops ? 100000 : LATE_NS);
    while (arrived(r->sink, r->ifindex) < goal && clock_of(CLOCK_MONOTONIC) < late) sched_yield();
}

int main(int argc, char *argv[])
{
    if (argc != 7) return 2;
    struct run r = {0};
    const int pid = atoi(argv[1]);
    const long count = atol(argv[4]);
    const unsigned flows = (unsigned)atoi(argv[5]);
    const bool drops = !strcmp(argv[6], "drop");
    uint8_t to[6] = {2, 0, 0, 0, 0, 2};
    unsigned flow = 0;
    enter(argv[3]);
    r.sink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    r.ifindex = (int)if_nametoindex("s0");
    enter(argv[2]);
    r.out = sender();
    if (pid && clock_getcpuclockid(pid, &r.process)) fail("the contender's clock");
    for (unsigned i = 0; i < flows + 10 * BURST; i += BURST) burst(&r, to, &flow, flows, drops); /* flows begin */
    const uint64_t from = arrived(r.sink, r.ifindex), cpu = pid ? clock_of(r.process) : 0;
    r.sending_ns = 0;
    for (long i = 0; i < count; i += BURST) burst(&r, to, &flow, flows, drops);
    usleep(20000);
    const uint64_t came = arrived(r.sink, r.ifindex) - from;
    const double of = (double)(drops ? (uint64_t)count : came);
    printf("%llu %.1f %.1f\n", (unsigned long long)came, (double)r.sending_ns / of,
           pid ? (double)(clock_of(r.process) - cpu) / of : 0.0);
    return 0;
}
