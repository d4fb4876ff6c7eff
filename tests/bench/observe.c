/* observe [CAPTURE]: nanoseconds per packet of long connections with `mode observe`, through all of vm_run, and
 * bytes of an idle one. With CAPTURE the program only writes those packets there, for tests/bench/observe.sh.
 *
 * 64 connections send segments of 1,448 bytes in turn, and every second one is acknowledged. The peer judges the
 * same packets without observing. Frames are in memory; time is the thread's processor time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/bench.h"
#include "tests/lib/frame.h"
#include "vm/observe/observe.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/key.h"
#include "vm/packet/wire.h"
#include "vm/vm.h"

enum { HEAD = 54, FRAME = 1536, PAYLOAD = 1448, CONNS = 64, IDLE = 200000, PAGE = 4096 };
enum { CLIENT_SEQ = 1000, SERVER_SEQ = 5000, EVENTS = 3 /* EVENTS: packets per connection in a round */ };

#define WATCHED                                                                                                        \
    "limits { observed 200_000 }\nfirewall f default accept { }\n"                                                     \
    "service w on any tcp/any { mode observe; stream to \"d\" }\n"
static const char without[] = "firewall f default accept { }\n";

static uint32_t packets, *lengths; /* [packets] */
static uint8_t *frames;            /* [packets][FRAME] */
static const struct facts facts;
static uint64_t now_ns = 1000000000;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "observe: %s: %s\n", what, why);
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

/* Write a segment of connection n; return its length. */
static uint32_t frame_of(uint8_t *f, uint32_t n, bool reply, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
    const uint32_t client = 0x0a000000 + n / 200, server = 0xc0a80001;
    const uint16_t port = (uint16_t)(1024 + n % 200);
    const struct header h = {reply ? server : client, reply ? client : server, reply ? 443 : port, reply ? port : 443,
                             6};
    uint8_t *tcp = frame_fill(&h, HEAD + len, f);
    frame_segment(tcp, seq, ack, flags);
    wire_put16(tcp + TCP_WINDOW, UINT16_MAX);
    memset(f + HEAD, (int)(seq >> 8), len);
    return HEAD + len;
}

static void run(struct vm *vm, uint32_t count)
{
    static struct pkt pkts[VM_BATCH];
    static struct pkt *pointers[VM_BATCH];
    static struct verdict verdicts[VM_BATCH];
    static struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    for (uint32_t i = 0; i < count; i += VM_BATCH) {
        const struct vm_in in = {.mono_ns = now_ns += 50000, .facts = &facts};
        const uint32_t n = count - i < VM_BATCH ? count - i : VM_BATCH;
        for (uint32_t k = 0; k < n; k++) {
            pkt_view(&pkts[k], frames + (size_t)(i + k) * FRAME, lengths[i + k], lengths[i + k], LINK_ETHER,
                     IFACE_NONE);
            pointers[k] = &pkts[k];
        }
        struct vm_tx tx = {.entries = entries, .cap = sizeof entries / sizeof *entries};
        vm_run(vm, &in, pointers, n, verdicts, &tx);
    }
}

static void add(uint32_t *at, uint32_t n, bool reply, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
    lengths[*at] = frame_of(frames + (size_t)*at * FRAME, n, reply, flags, seq, ack, len);
    ++*at;
}

static uint32_t shake(uint32_t from, uint32_t to)
{
    uint32_t at = 0;
    for (uint32_t n = from; n < to && at + 3 <= packets; n++) {
        add(&at, n, false, TCP_SYN, CLIENT_SEQ - 1, 0, 0);
        add(&at, n, true, TCP_SYN | TCP_ACK, SERVER_SEQ - 1, CLIENT_SEQ, 0);
        add(&at, n, false, TCP_ACK, CLIENT_SEQ, SERVER_SEQ, 0);
    }
    return at;
}

/* Make the next round's packets, those of all connections. */
static uint32_t talk(uint64_t round)
{
    uint32_t at = 0;
    const uint32_t turns = packets / (CONNS * EVENTS);
    for (uint32_t t = 0; t < turns; t++)
        for (uint32_t n = 0; n < CONNS; n++) {
            const uint32_t seq = CLIENT_SEQ + (uint32_t)((round * turns + t) * 2 * PAYLOAD);
            add(&at, n, false, TCP_ACK, seq, SERVER_SEQ, PAYLOAD);
            add(&at, n, false, TCP_ACK, seq + PAYLOAD, SERVER_SEQ, PAYLOAD);
            add(&at, n, true, TCP_ACK, SERVER_SEQ, seq + 2 * PAYLOAD, 0);
        }
    return at;
}

static double timed(struct vm *vm, uint32_t count)
{
    const uint64_t began = bench_cpu_ns();
    run(vm, count);
    return (double)(bench_cpu_ns() - began) / count;
}

static uint64_t told_bytes;
static void told(void *arg, const struct observe_event *e)
{
    if (e->kind == OBSERVE_BYTES) told_bytes += e->len;
    (void)arg;
}

static void measure(struct program *watched, struct program *plain)
{
    const struct observe_out out = {.told = told};
    struct vm *vm = vm_new(watched, &(struct vm_cfg){.seed = 1, .observed = &out});
    struct vm *other = vm_new(plain, &(struct vm_cfg){.seed = 1});
    struct series ours = {0}, peer = {0};
    if (!vm || !other) die("workers", "out of memory");
    run(vm, shake(0, CONNS));
    told_bytes = 0;
    uint64_t sent = 0;
    for (unsigned i = 0; i <= bench_runs(); i++) {
        const uint32_t count = talk(i);
        sent += (uint64_t)count / EVENTS * 2 * PAYLOAD;
        const double a = timed(vm, count), b = timed(other, count);
        if (i == 0) continue; /* warms up */
        series_add(&ours, a);
        series_add(&peer, b);
    }
    if (told_bytes != sent) die("bytes", "are not told whole");
    bench_row(&(struct bench_row){.what = "a watched packet of 64 long connections",
                                  .unit = "ns/pkt",
                                  .ours = &ours,
                                  .peer = "the same, not watched",
                                  .peer_runs = &peer,
                                  .goal = GOAL_VALUE,
                                  .goal_value = 1000});
    vm_free(vm);
    vm_free(other);
}

static uint64_t resident(void)
{
    unsigned long long size = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%llu %llu", &size, &pages) != 2) die("/proc/self/statm", "cannot be read");
    fclose(f);
    return pages * PAGE;
}

/* Measure requests and replies on many connections, which then wait. */
static void measure_idle(struct program *watched)
{
    static const char request[] = "GET /index.html HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
                      answer[] = "HTTP/1.1 200 OK\r\n\r\n";
    const uint32_t idle = IDLE, asked = sizeof request - 1, answered = sizeof answer - 1;
    struct vm *vm = vm_new(watched, &(struct vm_cfg){.seed = 1});
    struct series ours = {0};
    if (!vm) die("worker", "out of memory");
    const uint64_t before = resident();
    for (uint32_t n = 0; n < idle;) {
        uint32_t from = n, at = shake(from, idle);
        n += at / 3;
        run(vm, at);
        at = 0;
        for (uint32_t k = from; k < n; k++) {
            add(&at, k, false, TCP_ACK, CLIENT_SEQ, SERVER_SEQ, asked);
            memcpy(frames + (size_t)(at - 1) * FRAME + HEAD, request, asked);
            add(&at, k, true, TCP_ACK, SERVER_SEQ, CLIENT_SEQ + asked, answered);
            memcpy(frames + (size_t)(at - 1) * FRAME + HEAD, answer, answered);
            add(&at, k, false, TCP_ACK, CLIENT_SEQ + asked, SERVER_SEQ + answered, 0);
        }
        run(vm, at);
    }
    if (vm_counters(vm)->observed->live != idle) die("connections", "are not all watched");
    series_add(&ours, (double)(resident() - before) / idle);
    bench_row(&(struct bench_row){.what = "an idle watched connection, with its names",
                                  .unit = "bytes",
                                  .ours = &ours,
                                  .goal = GOAL_VALUE,
                                  .goal_value = 400});
    vm_free(vm);
}

/* Write packets to a capture with microsecond times and Ethernet. */
static void write_packets(FILE *f, uint32_t count, uint64_t *us)
{
    for (uint32_t i = 0; i < count; i++, *us += 5) {
        const uint32_t head[4] = {(uint32_t)(*us / 1000000), (uint32_t)(*us % 1000000), lengths[i], lengths[i]};
        fwrite(head, sizeof head, 1, f);
        fwrite(frames + (size_t)i * FRAME, 1, lengths[i], f);
    }
}

static int write_capture(const char *path)
{
    const uint32_t head[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    uint64_t us = 1000000000;
    FILE *f = fopen(path, "wb");
    if (!f) die(path, "cannot be written");
    fwrite(head, sizeof head, 1, f);
    write_packets(f, shake(0, CONNS), &us);
    for (unsigned i = 0; i < 1; i++) write_packets(f, talk(i), &us);
    return fclose(f) ? 1 : 0;
}

int main(int argc, char **argv)
{
    packets = bench_size(CONNS * EVENTS * 512, CONNS * EVENTS * 4);
    frames = malloc((size_t)packets * FRAME);
    lengths = malloc(packets * sizeof *lengths);
    if (!frames || !lengths) return 2;
    if (argc == 2) return write_capture(argv[1]);
    struct program *watched = compiled(WATCHED), *plain = compiled(without);
    memset(frames, 0, (size_t)packets * FRAME);
    measure(watched, plain);
    measure_idle(watched);
    program_put(watched);
    program_put(plain);
    free(frames);
    free(lengths);
    return 0;
}
