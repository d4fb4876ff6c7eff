/* Measures one contender of bench-live: sends frames into its namespace, counts those that come out, and measures
 * CPU time.
 *
 *     live PID GENERATOR SINK COUNT FLOWS forward|drop [PROGRAM SEED OWNERS]
 *     live PID GENERATOR SINK COUNT FLOWS INTERVAL
 *
 * Sends COUNT frames of 64 bytes, UDP of FLOWS flows to 10.1.0.100:53, by g0 in the namespace GENERATOR; with
 * PROTO=tcp in the environment ACKs of as many connections. PID (0: the kernel itself does it) is the contender's
 * process. With NEWS=1 in the environment each frame is the first of its flow.
 *
 * First form: in bursts; each is sent when the one before has arrived at s0 in SINK or is overdue. Prints frames
 * that arrived, CPU nanoseconds per frame for sending (including the kernel's path of each frame to a ring or out
 * again) and in the process, and elapsed nanoseconds per frame. Of two workers with that program and seed, OWNERS
 * selects whose flows are sent: 0, 1, or both.
 *
 * Second form: one every INTERVAL nanoseconds. Prints how many arrived, and the median, 99 % and 99.9 % of their
 * delays in nanoseconds, from the beginning of sending. */
#include <endian.h>
#include <linux/if_ether.h>
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

#include "tests/lib/bench.h"
#include "tests/lib/frame.h"
#include "vm/worker/owner.h"

enum {
    BURST = 64,
    WARMING = 10 * BURST,
    FRAME = 60,
    LATE_NS = 3000000,
    ANY_NS = 2000000000 /* if nothing is measured */,
    STAMP = FRAME - 8,
    FLOWS_MOST = 50000
};

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
    if (!bench_enter(space)) fail(space);
}

static int sender(void)
{
    const int fd = socket(AF_PACKET, SOCK_RAW, 0);
    const struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("g0")};
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at)) fail("g0");
    return fd;
}

/* Return the number of frames that s0 has received; fd is a netlink socket of its namespace. */
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

static bool is_tcp, are_new;

static void make(uint8_t f[FRAME], const uint8_t to[6], unsigned flow)
{
    const struct header h = {0x0a010001, 0x0a010064, (uint16_t)(10000 + flow), 53, is_tcp ? 6 : 17};
    uint8_t *l4 = frame_fill(&h, FRAME, f);
    memcpy(f, to, 6);
    if (is_tcp) frame_segment(l4, 1000, 0, 0x10);
}

/* ---- owners of flows ---- */

static uint16_t flows[FLOWS_MOST]; /* flows that are sent, in turn */

static unsigned owner_of(const struct owners *o, unsigned flow)
{
    static const struct facts nothing;
    static const uint8_t to[6] = {2};
    uint8_t frame[FRAME];
    struct pkt pkt;
    make(frame, to, flow);
    pkt_view(&pkt, frame, FRAME, FRAME, LINK_ETHER, 0);
    return vm_owner(o, &nothing, &pkt);
}

static void choose(unsigned count, char *const argv[])
{
    char err[300];
    struct program *p = argv ? program_load_file(argv[0], err, sizeof err) : NULL;
    if (argv && !p) fail(argv[0]);
    const struct owners_cfg cfg = {.workers = 2, .seed = argv ? strtoull(argv[1], NULL, 0) : 0};
    const bool any = !argv || !strcmp(argv[2], "both");
    const unsigned wanted = any ? 0 : (unsigned)atoi(argv[2]);
    struct owners *o = any ? NULL : owners_new(p, &cfg, NULL, 0);
    unsigned n = 0;
    for (unsigned flow = 0; flow < FLOWS_MOST && n < count; flow++)
        if (any || owner_of(o, flow) == wanted) flows[n++] = (uint16_t)flow;
    if (n < count) fail("so many flows");
    owners_free(o);
}

struct run {
    int out, sink, ifindex;
    clockid_t process;
    uint64_t sending_ns;
    uint8_t to[6];
    unsigned at, flow_count;
};

static void next_frame(struct run *r, uint8_t f[FRAME])
{
    make(f, r->to, flows[r->at]);
    r->at = (r->at + 1) % r->flow_count;
}

/* Wait for the last frames: 20 ms, or if nothing is measured, as long as a busy machine takes. */
static void settle(const struct run *r, uint64_t goal)
{
    const uint64_t late = clock_of(CLOCK_MONOTONIC) + (bench_small() ? ANY_NS : 0);
    do usleep(20000);
    while (arrived(r->sink, r->ifindex) < goal && clock_of(CLOCK_MONOTONIC) < late);
}

/* ---- at full speed ---- */

static void burst(struct run *r, bool drops)
{
    static uint8_t frames[BURST][FRAME];
    static struct iovec parts[BURST];
    static struct mmsghdr messages[BURST];
    for (unsigned i = 0; i < BURST; i++) {
        next_frame(r, frames[i]);
        parts[i] = (struct iovec){frames[i], FRAME};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    const uint64_t goal = arrived(r->sink, r->ifindex) + BURST;
    const uint64_t begin = clock_of(CLOCK_THREAD_CPUTIME_ID);
    if (sendmmsg(r->out, messages, BURST, 0) != BURST) fail("sendmmsg");
    r->sending_ns += clock_of(CLOCK_THREAD_CPUTIME_ID) - begin;
    const uint64_t late = clock_of(CLOCK_MONOTONIC) + (drops ? 100000 : bench_small() ? ANY_NS : LATE_NS);
    while (arrived(r->sink, r->ifindex) < goal && clock_of(CLOCK_MONOTONIC) < late) sched_yield();
}

static int throughput(struct run *r, unsigned pid, long count, bool drops)
{
    const unsigned before = are_new ? WARMING : r->flow_count + WARMING;
    for (unsigned i = 0; i < before; i += BURST) burst(r, drops); /* flows begin, or the route becomes known */
    const uint64_t from = arrived(r->sink, r->ifindex), cpu = pid ? clock_of(r->process) : 0;
    const uint64_t begin = clock_of(CLOCK_MONOTONIC);
    r->sending_ns = 0;
    for (long i = 0; i < count; i += BURST) burst(r, drops);
    const uint64_t took = clock_of(CLOCK_MONOTONIC) - begin;
    settle(r, drops ? 0 : from + (uint64_t)count);
    const uint64_t came = arrived(r->sink, r->ifindex) - from;
    if (!came && !drops) return 2;
    const double of = (double)(drops ? (uint64_t)count : came);
    printf("%llu %.1f %.1f %.1f\n", (unsigned long long)came, (double)r->sending_ns / of,
           pid ? (double)(clock_of(r->process) - cpu) / of : 0.0, (double)took / of);
    return 0;
}

/* ---- one by one ---- */

/* Open a socket for every frame that comes to s0, with the kernel's time. */
static int listener(int ifindex)
{
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0), one = 1, bytes = 256 << 20;
    const struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htobe16(ETH_P_ALL), .sll_ifindex = ifindex};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) ||
        bind(fd, (const struct sockaddr *)&at, sizeof at))
        fail("s0");
    return fd;
}

/* Return the delay of the next frame; 0: none. */
static uint64_t one_way(int fd)
{
    uint8_t frame[2048], control[CMSG_SPACE(sizeof(struct timespec))] __attribute__((aligned(8)));
    struct iovec part = {frame, sizeof frame};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    const ssize_t n = recvmsg(fd, &m, 0);
    const struct cmsghdr *c = n >= FRAME ? CMSG_FIRSTHDR(&m) : NULL;
    struct timespec came;
    uint64_t sent;
    if (!c) return 0;
    memcpy(&came, CMSG_DATA(c), sizeof came);
    memcpy(&sent, frame + n - (FRAME - STAMP), sizeof sent);
    const uint64_t at = (uint64_t)came.tv_sec * 1000000000u + (uint64_t)came.tv_nsec;
    return at > sent ? at - sent : 1;
}

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void send_paced(struct run *r, long count, uint64_t interval)
{
    const uint64_t goal = arrived(r->sink, r->ifindex) + (uint64_t)count;
    uint64_t due = clock_of(CLOCK_MONOTONIC);
    for (long i = 0; i < count; i++, due += interval) {
        uint8_t f[FRAME];
        next_frame(r, f);
        while (clock_of(CLOCK_MONOTONIC) < due) continue;
        const uint64_t now = clock_of(CLOCK_REALTIME);
        memcpy(f + STAMP, &now, sizeof now);
        if (send(r->out, f, FRAME, 0) != FRAME) fail("send");
    }
    settle(r, goal);
}

static int latency(struct run *r, int heard, long count, uint64_t interval)
{
    uint64_t *took = calloc((size_t)count, sizeof *took), one;
    long n = 0;
    if (!took) fail("memory");
    send_paced(r, r->flow_count, interval); /* begins the flows */
    while (one_way(heard)) continue;
    send_paced(r, count, interval);
    while (n < count && (one = one_way(heard))) took[n++] = one;
    qsort(took, (size_t)n, sizeof *took, compare);
    if (n)
        printf("%ld %llu %llu %llu\n", n, (unsigned long long)took[n / 2], (unsigned long long)took[n * 99 / 100],
               (unsigned long long)took[n * 999 / 1000]);
    free(took);
    return n ? 0 : 2;
}

int main(int argc, char *argv[])
{
    if (argc != 7 && argc != 10) return 2;
    struct run r = {.to = {2, 0, 0, 0, 0, 2}, .flow_count = (unsigned)atoi(argv[5])};
    const int pid = atoi(argv[1]);
    const long count = atol(argv[4]), interval = atol(argv[6]);
    is_tcp = !strcmp(getenv("PROTO") ? getenv("PROTO") : "", "tcp");
    are_new = getenv("NEWS");
    if (are_new) r.flow_count = (unsigned)count + WARMING + BURST;
    if (!r.flow_count || r.flow_count > FLOWS_MOST) return 2;
    choose(r.flow_count, argc == 10 ? argv + 7 : NULL);
    enter(argv[3]);
    r.sink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    r.ifindex = (int)if_nametoindex("s0");
    const int heard = interval ? listener(r.ifindex) : -1;
    enter(argv[2]);
    r.out = sender();
    if (pid && clock_getcpuclockid(pid, &r.process)) fail("the contender's clock");
    return interval ? latency(&r, heard, count, (uint64_t)interval)
                    : throughput(&r, (unsigned)pid, count, !strcmp(argv[6], "drop"));
}
