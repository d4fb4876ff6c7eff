/* kernel_shapes: nanoseconds that packets of known flows take in the kernel by the shape of their headers, by
 * BPF_PROG_TEST_RUN, above a program that does nothing. IPv6, and one VLAN tag, are compared with IPv4 without one.
 * UDP goes through a service and through a nat, and TCP connections are established; 1,000 flows, frames of 80
 * bytes, processor time. Skipped if eBPF programs may not be loaded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/executor_priv.h"
#include "tests/lib/bench.h"
#include "tests/lib/kernel_both.h"
#include "tests/lib/talk.h"
#include "vm/packet/parse/header.h"

enum { FLOWS = 1000, CLIENTS = 0x64400000, SERVICE = 0xc6336401u /* 198.51.100.1 */, VID = 5 };

struct shape {
    const char *name;
    bool v6, tag;
};
static const struct shape shapes[] = {
    {"IPv4", false, false}, {"IPv6", true, false}, {"IPv4, a tag", false, true}, {"IPv6, a tag", true, true}};
enum { SHAPES_PLAIN = 2, SHAPES = sizeof shapes / sizeof *shapes };

/* A kind of frames: their protocol, the program, and its action on them. */
struct kind {
    const char *name, *text;
    uint8_t proto;
    enum action action;
    bool sent_on, untagged; /* untagged: a nat takes no frame with a tag */
};

/* A packet of a flow. The first three of TCP are the handshake, the second from the other side. */
struct wanted {
    const struct shape *shape;
    const struct kind *kind;
    unsigned step;
};

static void make(void *arg, uint32_t i, uint8_t frame[FRAMES_LONG])
{
    const struct wanted *w = arg;
    const bool back = w->kind->proto == IPPROTO_NR_TCP && w->step == 1;
    const uint32_t n = i % FLOWS, client = CLIENTS + n / 200;
    const uint16_t port = (uint16_t)(1024 + n % 200), served = w->kind->proto == IPPROTO_NR_TCP ? 443 : 53;
    uint8_t made[TALK_FRAME_MAX] = {0};
    struct talk t = {.v6 = w->shape->v6,
                     .src = back ? SERVICE : client,
                     .dst = back ? client : SERVICE,
                     .src_port = back ? served : port,
                     .dst_port = back ? port : served,
                     .proto = w->kind->proto,
                     .ttl = 64,
                     .window = 65535,
                     .seq = back ? 5000 : 1000 + (w->step > 1),
                     .ack = back      ? 1001
                            : w->step ? 5001
                                      : 0,
                     .flags = back      ? TCP_SYN | TCP_ACK
                              : w->step ? TCP_ACK
                                        : TCP_SYN};
    if (w->shape->tag) t.tag_count = 1, t.tags[0].tpid = ETHER_VLAN, t.tags[0].vid = VID;
    if (talk_build(&t, made) > FRAMES_LONG) time_die(w->shape->name, "is too long");
    memcpy(frame, made, FRAMES_LONG);
    frame[0] = frame[6] = 2; /* unicast MAC addresses */
}

/* Begin the flows of that shape, until their packets are ordinary. */
static void begin(const struct both *b, const struct kind *kind, const struct shape *shape)
{
    static uint8_t frames[FLOWS][FRAMES_LONG];
    struct wanted w = {shape, kind, 0};
    for (; w.step < 3; w.step++) {
        for (uint32_t i = 0; i < FLOWS; i++) make(&w, i, frames[i]);
        both_give(b->kernel, frames, FLOWS);
    }
    if (kind->sent_on) both_resolve(b->kernel, IFACE_NONE);
}

/* Return how many packets have taken the long path so far. */
static uint64_t long_ways(const struct both *b)
{
    const struct kernel_counters c = kernel_counters(b->kernel->kernel);
    uint64_t all = 0;
    for (unsigned i = 0; i < KERNEL_LONGS; i++) all += c.longs[i];
    return all;
}

static void rows(const struct kind *kind)
{
    struct series ns[SHAPES][2] = {0}; /* IPv4's and its own, in turns */
    struct both b = both_of(kind->text);
    const unsigned count = kind->untagged ? SHAPES_PLAIN : SHAPES;
    for (unsigned s = 0; s < count; s++) begin(&b, kind, &shapes[s]);
    for (unsigned i = 0; i <= bench_runs(); i++)
        for (unsigned s = 1; s < count; s++)
            for (unsigned own = 0; own < 2; own++) {
                time_pool(make, &(struct wanted){&shapes[own ? s : 0], kind, 2});
                const uint64_t before = long_ways(&b);
                const double took = time_kernel(b.kernel->kernel, kind->action, time_nothing());
                if (long_ways(&b) - before > FLOWS) time_die(kind->name, "takes the long way");
                if (i) series_add(&ns[s][own], took);
            }
    for (unsigned s = 1; s < count; s++) {
        char what[100];
        snprintf(what, sizeof what, "kernel: %s, %s", kind->name, shapes[s].name);
        bench_row(&(struct bench_row){what, "ns/pkt", &ns[s][1], "IPv4", &ns[s][0], GOAL_RATIO, 1.2});
    }
    both_end(&b);
}

int main(int argc, char **argv)
{
    (void)argc;
    static const struct kind kinds[] = {
        {"passthrough",
         "limits { flows 30_000 }\n"
         "pool web { source 10.9.0.7, 2001:db8::a09:7 ports 1024-65535\n"
         "  server a 10.0.0.1:8080 mac 02:00:00:00:00:01; server b [2001:db8::a00:1]:8080 mac 02:00:00:00:00:01 }\n"
         "service www on 198.51.100.1, 2001:db8::c633:6401 udp/53 { mode passthrough; -> web }\n",
         IPPROTO_NR_UDP, ACTION_FORWARD, true, false},
        {"nat forward",
         "limits { flows 30_000 }\n"
         "nat n { forward 198.51.100.1 udp/53 -> 10.0.0.1:8080\n"
         "  forward 2001:db8::c633:6401 udp/53 -> [2001:db8::a00:1]:8080 }\n",
         IPPROTO_NR_UDP, ACTION_FORWARD, true, true},
        {"established TCP",
         "limits { flows 30_000 }\n"
         "firewall edge default drop {\n"
         "  accept state established, related\n  drop state invalid\n  accept tcp port 443\n}\n",
         IPPROTO_NR_TCP, ACTION_ACCEPT, false, false},
    };
    if (!both_may()) return 0;
    time_open(argv[0]);
    both_begin();
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) rows(&kinds[i]);
    bench_note("kernel_shapes: frames of 80 bytes, of 1,000 flows of each shape");
    both_finish();
    time_close();
    return 0;
}
