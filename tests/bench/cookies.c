/* cookies: nanoseconds for a SYN that `syn cookies` replies to, and for an ACK with a false cookie, through all of
 * vm_run, each packet from another client. The peer is the same service without cookies, where a SYN opens a
 * forwarded flow. Frames are adjacent in memory; replies go back to the pool. Time is the thread's processor time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/bench.h"
#include "tests/lib/frame.h"
#include "vm/vm.h"

enum { FRAME = 128, LEN = 74, SYN = 2, ACK = 16, SLOTS = 1024, SLOT_BYTES = 2048 };

#define RULES(options)                                                                                                 \
    "limits { flows 1_000_000; half_open 1_000_000 }\n"                                                                \
    "pool p { server a 10.0.0.1:80\n server b 10.0.0.2:80\n }\n"                                                       \
    "service w on 203.0.113.10 tcp/80 { mode passthrough keep source; " options " -> p }\n"                            \
    "firewall f default drop { accept tcp to 203.0.113.10 port 80 flags has syn lacks ack\n accept state established " \
    "}\n"

static unsigned packets; /* per run, a multiple of VM_BATCH: 2^16, less with SMALL */
static const struct facts facts;
static uint8_t *frames; /* [packets][FRAME] */
static struct pool *pool;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "cookies: %s: %s\n", what, why);
    exit(2);
}

static struct vm *worker(const char *text)
{
    struct compile c;
    char err[256];
    compile_init(&c);
    if (compile_text(&c, "bench.prey", text, strlen(text)) != 0) die("rules", "do not compile");
    struct program *p = program_load(c.pbc, c.pbc_len, err, sizeof err);
    if (!p) die("program", err);
    compile_fini(&c);
    struct vm *vm = vm_new(p, &(struct vm_cfg){.pool = pool, .seed = 1});
    program_put(p);
    if (!vm) die("flows", "out of memory");
    return vm;
}

/* Write a segment of client n with the options of a Linux SYN. */
static void frame_of(uint8_t f[FRAME], uint32_t n, unsigned flags)
{
    static const uint8_t options[20] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7};
    const struct header h = {0x0b000000 + n / 50000, 0xcb00710a, (uint16_t)(1024 + n % 50000), 80, 6};
    uint8_t *tcp = frame_fill(&h, LEN, f);
    frame_segment(tcp, n * 2654435761u, flags & ACK ? n * 40503u : 0, flags);
    tcp[12] = 10 << 4;
    memcpy(tcp + 20, options, sizeof options);
}

static double timed(struct vm *vm, enum action expected)
{
    static struct pkt pkts[VM_BATCH];
    static struct pkt *pointers[VM_BATCH];
    static struct verdict verdicts[VM_BATCH];
    static struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    const struct vm_in in = {.mono_ns = 1, .facts = &facts};
    const uint64_t began = bench_cpu_ns();
    for (unsigned i = 0; i < packets; i += VM_BATCH) {
        for (unsigned k = 0; k < VM_BATCH; k++) {
            pkt_view(&pkts[k], frames + (size_t)(i + k) * FRAME, LEN, LEN, LINK_ETHER, IFACE_NONE);
            pointers[k] = &pkts[k];
        }
        struct vm_tx tx = {.entries = entries, .cap = sizeof entries / sizeof *entries};
        vm_run(vm, &in, pointers, VM_BATCH, verdicts, &tx);
        for (unsigned k = 0; k < VM_BATCH; k++)
            if (verdicts[k].action != expected) die("a packet", "meets another verdict");
        for (unsigned k = 0; k < tx.count; k++) pool_put(entries[k].pkt);
    }
    return (double)(bench_cpu_ns() - began) / packets;
}

static void fill(uint32_t first, unsigned flags)
{
    for (uint32_t i = 0; i < packets; i++) frame_of(frames + (size_t)i * FRAME, first + i, flags);
}

int main(void)
{
    packets = bench_size(1 << 16, 1 << 12);
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    frames = aligned_alloc(FRAME, (size_t)packets * FRAME);
    pool = memory && frames ? pool_init(memory, bytes, SLOTS, SLOT_BYTES) : NULL;
    if (!pool) die("frames", "out of memory");
    struct vm *with = worker(RULES("syn cookies;")), *without = worker(RULES(""));
    struct series syns = {0}, flows = {0}, acks = {0};
    for (unsigned i = 0; i <= bench_runs(); i++) {
        fill(i * packets, SYN);
        const double a = timed(with, ACTION_FORWARD), b = timed(without, ACTION_FORWARD);
        fill(i * packets, ACK);
        const double c = timed(with, ACTION_DROP);
        if (i == 0) continue; /* warms up */
        series_add(&syns, a);
        series_add(&flows, b);
        series_add(&acks, c);
    }
    bench_row(&(struct bench_row){.what = "a SYN answered with a cookie",
                                  .unit = "ns/pkt",
                                  .ours = &syns,
                                  .peer = "without cookies: a flow",
                                  .peer_runs = &flows});
    bench_row(&(struct bench_row){.what = "an ACK that proves no cookie", .unit = "ns/pkt", .ours = &acks});
    bench_note("syn cookies: %.1f million SYNs a second and worker are answered", 1000 / series_median(&syns));
    vm_free(with);
    vm_free(without);
    free(frames);
    free(memory);
    return 0;
}
