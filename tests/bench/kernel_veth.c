/* kernel_veth GEN FWD SINK: processor time of a frame through three network namespaces, from g0 to f0 in FWD, and
 * from f1 there to s0, including sending and counting it. Forwarders in FWD are: none (the frame is dropped, or
 * redirected blindly), a hand-written translation, ours, the kernel's forwarding and nftables' DNAT. With every
 * frame dropped at f0: ours and nftables with as many rules. UDP frames of 64 bytes in 1,000 flows. kernel_veth.sh
 * makes the namespaces and calls this program. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/kernel/executor_priv.h"
#include "tests/bench/peers/kernel_hand.h"
#include "tests/lib/bench.h"
#include "tests/lib/kernel_both.h"
#include "tests/lib/kernel_time.h"

enum { FLOWS = 1000, SENT = 50000, WAY = 1 /* WAY: interface id of f1 */ };

static int fwd, gen; /* namespaces */
static int f0, f1;   /* interfaces */
static struct nft_ctx *nft;

/* ---- namespaces ---- */

static int space(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "/run/netns/%s", name);
    const int fd = open(path, O_RDONLY);
    if (fd < 0) time_die(path, strerror(errno));
    return fd;
}

static void enter(int fd)
{
    if (setns(fd, CLONE_NEWNET)) time_die("namespace", strerror(errno));
}

static int device(int space_fd, const char *name)
{
    enter(space_fd);
    const int i = (int)if_nametoindex(name);
    if (!i) time_die(name, strerror(errno));
    return i;
}

static void attach(int space_fd, int ifindex, int program)
{
    enter(space_fd);
    const int failed = program < 0 ? bpf_xdp_detach(ifindex, XDP_FLAGS_DRV_MODE, NULL)
                                   : bpf_xdp_attach(ifindex, program, XDP_FLAGS_DRV_MODE, NULL);
    if (failed) time_die("XDP", strerror(-failed));
}

static void rules(const char *text)
{
    enter(fwd);
    if (nft_run_cmd_from_buffer(nft, text)) time_die("nftables", nft_ctx_get_error_buffer(nft));
}

/* ---- forwarders ---- */

struct contender {
    const char *what;
    int program;          /* at f0; -1: none, the kernel's stack gets the frames */
    const char *on, *off; /* nft commands to turn it on and off; NULL: none */
    bool drops;           /* no frame arrives */
    uint32_t sent;        /* frames sent */
    uint32_t *told;       /* set to 1 while it runs: drops are reported (kernel_world.drops); or NULL */
};

/* Return how many frames have arrived, after waiting for the last of `sent`. */
static uint64_t arrivals(const struct frames *f, uint64_t sent)
{
    uint64_t came = 0;
    for (unsigned ms = 0; ms < 10000; ms++) {
        usleep(1000);
        came = __atomic_load_n(&f->arrived, __ATOMIC_RELAXED);
        if (came >= sent) break;
    }
    return came;
}

/* Return nanoseconds per frame; all must arrive, or none. */
static double run(const struct contender *c)
{
    char why[200];
    struct frames *f = time_frames();
    const uint32_t sent = bench_size(c->sent, 2000);
    attach(fwd, f0, c->program);
    if (c->on) rules(c->on);
    if (c->told) *c->told = 1;
    enter(gen);
    time_send(sent / 10); /* begins the connections */
    f->arrived = 0;
    const double ns = time_send(sent);
    const uint64_t came = arrivals(f, c->drops ? 0 : sent);
    if (c->off) rules(c->off);
    if (c->told) *c->told = 0;
    snprintf(why, sizeof why, "%llu of %u arrived", (unsigned long long)came, sent);
    if (c->drops ? came > sent / 100 : came < sent * 99ull / 100) time_die(c->what, why);
    return ns;
}

static void race(const char *what, const struct contender *ours, const struct contender *peer, double goal)
{
    struct series a = {0}, b = {0};
    for (unsigned i = 0; i <= bench_runs(); i++) {
        const double x = run(ours), y = run(peer);
        if (i == 0) continue; /* warms up */
        series_add(&a, x);
        series_add(&b, y);
    }
    bench_row(&(struct bench_row){what, "ns/pkt", &a, peer->what, &b, goal > 0 ? GOAL_RATIO : GOAL_NONE, goal});
}

/* ---- forwarding ---- */

static const struct contender dnat = {
    "nftables DNAT",
    -1,
    "table ip n { chain pre { type nat hook prerouting priority -100; ip daddr 198.51.100.1 udp dport 53 dnat to "
    "10.2.0.2:8080; }; }",
    "delete table ip n",
    false,
    SENT,
    NULL};
static const struct contender stack = {"forwarded by the kernel", -1, NULL, NULL, false, SENT, NULL};

static void by_hand(void)
{
    const uint32_t zero = 0;
    const int map = time_hand_map("flows"), outs = time_hand_map("outs");
    enter(fwd);
    if (bpf_map_update_elem(outs, &zero, &f1, BPF_ANY)) time_die("outs", strerror(errno));
    for (uint32_t n = 0; n < FLOWS; n++) {
        const struct nat_ends from = {htobe32(frames_client(n)), htobe32(0xc6336401), htobe16(frames_port(n)),
                                      htobe16(53)};
        const struct nat_to to = {
            .ends = {htobe32(0x0a020001), htobe32(0x0a020002), htobe16((uint16_t)(1024 + n)), htobe16(8080)},
            .mac = {2, 0, 0, 0, 0, 4},
            .out = 1};
        if (bpf_map_update_elem(map, &from, &to, BPF_ANY)) time_die("flows", strerror(errno));
    }
}

/* Open flows whose packets leave by f1. */
static void by_us(struct both *b)
{
    const uint32_t way = WAY;
    struct kernel *k = b->kernel->kernel;
    both_open(b, TIME_UDP, FLOWS, WAY);
    kernel_ways(k)[WAY].ifindex = (uint32_t)f1;
    enter(fwd);
    if (bpf_map_update_elem(kernel_map(k, KERNEL_MAP_outs)->fd, &way, &f1, BPF_ANY)) time_die("outs", strerror(errno));
    time_flows(TIME_UDP, FLOWS);
}

static void forward_rows(void)
{
    static const struct {
        const char *name, *text;
    } ours[] = {
        {"veth: nat forward", "limits { flows 30_000 }\nnat n { forward 198.51.100.1 udp/53 -> 10.2.0.2:8080 }\n"},
        {"veth: passthrough",
         "limits { flows 30_000 }\npool web { source 10.2.0.1 ports 1024-65535; server s 10.2.0.2:8080 mac "
         "02:00:00:00:00:04 }\nservice www on 198.51.100.1 udp/53 { mode passthrough; -> web }\n"},
        {"veth: dsr l2",
         "limits { flows 30_000 }\npool web { server s 10.2.0.2 mac 02:00:00:00:00:04 }\nservice www on "
         "198.51.100.1 udp/53 { mode dsr l2; -> web }\n"},
    };
    const struct contender blind = {"redirected unseen", time_hand("blind"), NULL, NULL, false, SENT, NULL},
                           hand = {"by hand", time_hand("nat"), NULL, NULL, false, SENT, NULL};
    by_hand();
    for (unsigned i = 0; i < sizeof ours / sizeof *ours; i++) {
        struct both b = both_of(ours[i].text);
        by_us(&b);
        const struct contender us = {"ours", both_look(&b), NULL, NULL, false, SENT, NULL};
        race(ours[i].name, &us, &hand, 1.15);
        race(ours[i].name, &us, &dnat, 0.3);
        if (i == 0) race(ours[i].name, &us, &blind, 0);
        if (i == 0) race(ours[i].name, &us, &stack, 0);
        attach(fwd, f0, -1);
        both_end(&b);
    }
    race("veth: by hand", &hand, &dnat, 0.3);
    race("veth: by hand", &hand, &blind, 0);
}

/* ---- dropping ---- */

/* Write the same rules in both languages: ports that no frame has, then a drop of everything. */
static char *drops_text(unsigned count, bool of_nft)
{
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    if (!f) time_die("memory", "is out");
    fprintf(f, of_nft ? "table netdev d { chain c { type filter hook ingress device \"f0\" priority 0; policy drop;\n"
                      : "firewall f default drop {\n");
    for (unsigned i = 0; i < count; i++)
        fprintf(f, of_nft ? "ip saddr 10.%u.%u.0/24 udp dport %u accept\n" : "accept from 10.%u.%u.0/24 udp port %u\n",
                i >> 8 & 255, i & 255, 1000 + i % 60000);
    fprintf(f, of_nft ? "}; }\n" : "}\n");
    fclose(f);
    return text;
}

static void drop_rows(void)
{
    char what[80];
    const struct contender nothing = {"dropped unseen", time_maker("nothing"), NULL, NULL, true, SENT, NULL};
    for (unsigned n = 1; n <= 1000; n *= 10) {
        char *mine = drops_text(n, false), *theirs = drops_text(n, true);
        struct both b = both_of(mine);
        const struct contender us = {"ours", both_look(&b), NULL, NULL, true, SENT, NULL},
                               tables = {"nftables, ingress",         -1,  theirs, "delete table netdev d", true,
                                         n < 1000 ? SENT : SENT / 10, NULL};
        snprintf(what, sizeof what, "veth: %u rule%s, dropped", n, n == 1 ? "" : "s");
        if (n == 1) race(what, &us, &nothing, 0);
        struct contender told = us;
        told.told = &kernel_world(b.kernel->kernel)->drops;
        if (n == 1) race("veth: 1 rule, dropped and told", &told, &us, 0);
        race(what, &us, &tables, 0);
        attach(fwd, f0, -1);
        both_end(&b);
        free(mine);
        free(theirs);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) time_die("usage", "kernel_veth GEN FWD SINK");
    time_open(argv[0]);
    both_begin();
    gen = space(argv[1]);
    fwd = space(argv[2]);
    const int sink = space(argv[3]);
    time_frames()->out = (uint32_t)device(gen, "g0");
    f0 = device(fwd, "f0");
    f1 = device(fwd, "f1");
    nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft || nft_ctx_buffer_error(nft) || nft_ctx_buffer_output(nft)) time_die("nftables", "is not there");
    attach(sink, device(sink, "s0"), time_maker("sink"));
    time_flows(TIME_UDP, FLOWS);
    forward_rows();
    drop_rows();
    bench_note("kernel_veth: processor time of the whole chain, sending (by BPF_PROG_TEST_RUN) and counting included");
    if (access("/proc/net/ip_vs", F_OK)) bench_note("kernel_veth: no IPVS beside it: this kernel has none");
    nft_ctx_free(nft);
    both_finish();
    time_close();
    return 0;
}
