/* flow_packets: nanoseconds per packet of established TCP connections through all of vm_run (view, parse, look-up,
 * TCP window, verdict, counters), with 1, 1,000 and a million connections that handshakes opened before.
 *
 * The peer judges the same packets by rules that test no state and accept the same ones. Frames of 64 bytes are
 * adjacent in memory. Time is the thread's processor time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/bench.h"
#include "tests/lib/frame.h"
#include "vm/packet/wire.h"
#include "vm/vm.h"

enum { FRAME = 64, SYN = 2, ACK = 16, CLIENT_SEQ = 1000, SERVER_SEQ = 5000 };

static const char with_state[] = "firewall edge default drop {\n"
                                 "  accept state established, related\n"
                                 "  drop state invalid\n"
                                 "  accept tcp port 443\n"
                                 "}\n";
static const char without[] = "firewall edge default drop {\n"
                              "  accept tcp port 443\n"
                              "}\n";

static unsigned packets; /* per run: 2^18, less with SMALL */
static const struct facts facts;
static uint8_t *frames; /* [packets][FRAME] */

static void die(const char *what, const char *why)
{
    fprintf(stderr, "flow_packets: %s: %s\n", what, why);
    exit(2);
}

static struct program *compiled(const char *text)
{
    struct compile c;
    char err[256];
    compile_init(&c);
    if (compile_text(&c, "bench.prey", text, strlen(text)) != 0) die("rules", "do not compile");
    struct program *p = program_load(c.pbc, c.pbc_len, err, sizeof err);
    if (!p) die("program", err);
    compile_fini(&c);
    return p;
}

/* Write a segment of connection n; `reply`: from its server. */
static void frame_of(uint8_t f[FRAME], uint32_t n, bool reply, unsigned flags, uint32_t seq, uint32_t ack)
{
    const uint32_t client = 0x0a000000 + n / 200, server = 0xc0a80001;
    const uint16_t port = (uint16_t)(1024 + n % 200);
    const struct header h = {reply ? server : client, reply ? client : server, reply ? 443 : port, reply ? port : 443,
                             6};
    memset(f, 0, FRAME);
    uint8_t *tcp = frame_fill(&h, flags & SYN ? 54 : FRAME, f);
    frame_segment(tcp, seq, ack, flags);
    wire_put16(tcp + 14, 65535);
}

/* Run the first `count` frames through the vm; returns how many were accepted. */
static unsigned run(struct vm *vm, unsigned count)
{
    static struct pkt pkts[VM_BATCH];
    static struct pkt *pointers[VM_BATCH];
    static struct verdict verdicts[VM_BATCH];
    static struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    const struct vm_in in = {.mono_ns = 1, .facts = &facts};
    unsigned accepted = 0;
    for (unsigned i = 0; i < count; i += VM_BATCH) {
        const unsigned n = count - i < VM_BATCH ? count - i : VM_BATCH;
        for (unsigned k = 0; k < n; k++) {
            pkt_view(&pkts[k], frames + (size_t)(i + k) * FRAME, FRAME, FRAME, LINK_ETHER, IFACE_NONE);
            pointers[k] = &pkts[k];
        }
        struct vm_tx tx = {.entries = entries, .cap = sizeof entries / sizeof *entries};
        vm_run(vm, &in, pointers, n, verdicts, &tx);
        for (unsigned k = 0; k < n; k++) accepted += verdicts[k].action == ACTION_ACCEPT;
    }
    return accepted;
}

static void open_all(struct vm *vm, uint32_t flows)
{
    for (uint32_t done = 0; done < flows;) {
        unsigned n = 0;
        for (; n + 3 <= packets && done < flows; n += 3, done++) {
            uint8_t *f = frames + (size_t)n * FRAME;
            frame_of(f, done, false, SYN, CLIENT_SEQ - 1, 0);
            frame_of(f + FRAME, done, true, SYN | ACK, SERVER_SEQ - 1, CLIENT_SEQ);
            frame_of(f + 2 * FRAME, done, false, ACK, CLIENT_SEQ, SERVER_SEQ);
        }
        if (run(vm, n) != n) die("a handshake", "is not accepted");
    }
}

static void draw(struct rng *r, uint32_t flows, bool skewed)
{
    for (unsigned i = 0; i < packets; i++)
        frame_of(frames + (size_t)i * FRAME, bench_draw(r, flows, skewed), false, ACK, CLIENT_SEQ, SERVER_SEQ);
}

static double timed(struct vm *vm)
{
    const uint64_t began = bench_cpu_ns();
    if (run(vm, packets) != packets) die("a packet of a connection", "is not accepted");
    return (double)(bench_cpu_ns() - began) / packets;
}

struct scene {
    const char *what;
    uint32_t flows;
    bool skewed, forget;
};

static const struct scene scenes[] = {
    {"a packet of 1 connection", 1, false, false},
    {"a packet of 1,000 connections", 1000, false, false},
    {"a packet of 1,000,000 connections", 1000000, false, false},
    {"a packet of 1,000,000 connections, skewed", 1000000, true, false},
    {"the same, verdicts not remembered", 1000000, true, true},
};

static void measure(const struct scene *s, struct program *stateful, struct program *stateless, struct rng *r)
{
    const struct vm_cfg cfg = {.seed = 1, .forget = s->forget};
    const uint32_t flows = bench_size(s->flows, 20000);
    struct series ours = {0}, peer = {0};
    struct vm *vm = vm_new(stateful, &cfg), *plain = vm_new(stateless, &cfg);
    if (!vm || !plain) die("flows", "out of memory");
    open_all(vm, flows);
    for (unsigned i = 0; i <= bench_runs(); i++) {
        draw(r, flows, s->skewed);
        const double a = timed(vm), b = timed(plain);
        if (i == 0) continue; /* warms up */
        series_add(&ours, a);
        series_add(&peer, b);
    }
    bench_row(&(struct bench_row){.what = s->what,
                                  .unit = "ns/pkt",
                                  .ours = &ours,
                                  .peer = "rules without state",
                                  .peer_runs = &peer,
                                  .goal = s->flows == 1000000 ? GOAL_VALUE : GOAL_NONE,
                                  .goal_value = 100});
    vm_free(vm);
    vm_free(plain);
}

int main(void)
{
    struct rng r = {1};
    packets = bench_size(1 << 18, 1 << 12);
    frames = aligned_alloc(FRAME, (size_t)packets * FRAME);
    if (!frames) return 2;
    struct program *stateful = compiled(with_state), *stateless = compiled(without);
    for (unsigned i = 0; i < sizeof scenes / sizeof *scenes; i++) measure(&scenes[i], stateful, stateless, &r);
    program_put(stateful);
    program_put(stateless);
    free(frames);
    return 0;
}
