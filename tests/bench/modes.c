/* modes: nanoseconds per packet of forwarded flows, through all of vm_run (view, parse, look-up, rewriting or
 * encapsulation, checksums, sending), for each mode with 1, 1,000 and a million flows; new flows per second; bytes
 * per flow.
 *
 * Two peers: a plain copy of the same packets into the same pool, and one random read per packet of as much memory
 * as the flows take. A third is hand-written for a single task: UDP's addresses and ports translated there and back
 * in place, checksums updated, by a table of 5,000 flows. Frames of 64 bytes, UDP, are in memory one after the
 * other; time is the thread's processor time. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/compiler.h"
#include "tests/lib/bench.h"
#include "tests/lib/frame.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"
#include "vm/vm.h"

enum { FRAME = 64, LINE = 64, SLOTS = 256, SERVERS = 32, HAND_FLOWS = 5000 };
#define SERVICE 0xc6336401u /* 198.51.100.1 */

static unsigned packets; /* per run, a multiple of VM_BATCH: 2^18, less with SMALL */
static uint32_t million; /* flows; less with SMALL */
static struct facts facts = {.addr4 = 0x0a090001};
static uint8_t *frames; /* [packets][FRAME] */
static uint32_t *drawn; /* [packets] whose flow each is */
static struct pool *pool;
static volatile uint64_t sink;
static uint64_t now_ns = 1;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "modes: %s: %s\n", what, why);
    exit(2);
}

/* ---- programs and packets ---- */

struct mode {
    const char *name;
    bool port; /* the servers use another port */
};
static const struct mode modes[] = {
    {"passthrough", true}, {"passthrough keep source", true}, {"dsr l2", false}, {"dsr rewrite", true},
    {"dsr ipip", false},   {"dsr gue 6080", false},
};
enum { MODES = sizeof modes / sizeof *modes };

static struct program *compiled(const struct mode *m, uint32_t flows)
{
    char text[4000], err[256];
    struct compile c;
    int n = snprintf(text, sizeof text, "limits { flows %u }\npool web {\n  source 10.9.0.7 ports 1024-65535\n", flows);
    for (unsigned i = 0; i < SERVERS; i++)
        n +=
            snprintf(text + n, sizeof text - (size_t)n, "  server s%u 10.0.0.%u%s\n", i, i + 1, m->port ? ":8080" : "");
    n += snprintf(text + n, sizeof text - (size_t)n, "}\nservice www on 198.51.100.1 udp/53 { mode %s; -> web }\n",
                  m->name);
    compile_init(&c);
    if (compile_text(&c, "bench.prey", text, (size_t)n) != 0) {
        diags_print_text(c.diags, stderr, false);
        die("rules", "do not compile");
    }
    struct program *p = program_load(c.pbc, c.pbc_len, err, sizeof err);
    if (!p) die("program", err);
    compile_fini(&c);
    return p;
}

static uint32_t client_of(uint32_t n) { return 0x64400000 + n / 200; }
static uint16_t client_port(uint32_t n) { return (uint16_t)(1024 + n % 200); }

static void frame_of(uint8_t f[FRAME], uint32_t n)
{
    const struct header h = {client_of(n), SERVICE, client_port(n), 53, 17};
    uint8_t *udp = frame_fill(&h, FRAME, f);
    wire_put16(udp + 6, 0x1234); /* any checksum: an update keeps a wrong one wrong */
}

/* ---- contenders ---- */

/* The same over writable memory, one slot per frame with ROOM bytes of headroom: packets that leave are rewritten in
 * place. */
enum { ROOM = 64, STRIDE = ROOM + FRAME };
static uint8_t *writable; /* [packets][STRIDE] */

static void run_in_place(struct vm *vm)
{
    static struct pkt pkts[VM_BATCH];
    static struct pkt *pointers[VM_BATCH];
    static struct verdict verdicts[VM_BATCH];
    static struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    const struct vm_in in = {.mono_ns = now_ns, .facts = &facts};
    unsigned left = 0;
    for (unsigned i = 0; i < packets; i += VM_BATCH) {
        for (unsigned k = 0; k < VM_BATCH; k++) {
            pkt_view(&pkts[k], writable + (size_t)(i + k) * STRIDE + ROOM, FRAME, FRAME, LINK_ETHER, IFACE_NONE);
            pkts[k].flags = PKT_WRITABLE;
            pkts[k].headroom = ROOM;
            pointers[k] = &pkts[k];
        }
        struct vm_tx tx = {.entries = entries, .cap = sizeof entries / sizeof *entries};
        vm_run(vm, &in, pointers, VM_BATCH, verdicts, &tx);
        left += tx.count;
        for (unsigned k = 0; k < tx.count; k++)
            if (entries[k].pkt != &pkts[entries[k].input]) die("a packet", "is not rewritten in place");
    }
    if (left != packets) die("a packet", "is not sent on");
}

static void fill_writable(void)
{
    for (unsigned i = 0; i < packets; i++)
        memcpy(writable + (size_t)i * STRIDE + ROOM, frames + (size_t)i * FRAME, FRAME);
}

/* End all flows by their time. */
static void outlive(struct vm *vm)
{
    static struct tx_entry entries[VM_TX_PER_PACKET];
    const uint64_t day_ns = UINT64_C(86400000000000);
    unsigned part = 0;
    now_ns += day_ns;
    const struct vm_in in = {.mono_ns = now_ns, .facts = &facts};
    struct vm_tx tx = {.entries = entries, .cap = sizeof entries / sizeof *entries};
    while (vm_expire(vm, &in, &tx, &part)) continue;
}

/* Run the first `count` frames through the vm and return packets that leave to the pool. All must have left. */
static void run(struct vm *vm, unsigned count)
{
    static struct pkt pkts[VM_BATCH];
    static struct pkt *pointers[VM_BATCH];
    static struct verdict verdicts[VM_BATCH];
    static struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    const struct vm_in in = {.mono_ns = now_ns, .facts = &facts};
    unsigned left = 0;
    for (unsigned i = 0; i < count; i += VM_BATCH) {
        const unsigned n = count - i < VM_BATCH ? count - i : VM_BATCH;
        for (unsigned k = 0; k < n; k++) {
            pkt_view(&pkts[k], frames + (size_t)(i + k) * FRAME, FRAME, FRAME, LINK_ETHER, IFACE_NONE);
            pointers[k] = &pkts[k];
        }
        struct vm_tx tx = {.entries = entries, .cap = sizeof entries / sizeof *entries};
        vm_run(vm, &in, pointers, n, verdicts, &tx);
        left += tx.count;
        for (unsigned k = 0; k < tx.count; k++) pool_put(entries[k].pkt);
    }
    if (left != count) die("a packet", "is not sent on");
}

static void copy(unsigned count)
{
    struct pkt view, *copies[VM_BATCH];
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i += VM_BATCH) {
        const unsigned n = count - i < VM_BATCH ? count - i : VM_BATCH;
        for (unsigned k = 0; k < n; k++) {
            pkt_view(&view, frames + (size_t)(i + k) * FRAME, FRAME, FRAME, LINK_ETHER, IFACE_NONE);
            copies[k] = pool_copy(pool, &view);
        }
        for (unsigned k = 0; k < n; k++) {
            sum += copies[k]->data[20];
            pool_put(copies[k]);
        }
    }
    sink += sum;
}

/* Read one line per packet, the one of its flow, in the order of the packets. */
static void read_lines(const uint8_t *memory, uint64_t lines)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < packets; i++) sum += memory[drawn[i] * UINT64_C(0x9e3779b97f4a7c15) % lines * LINE];
    sink += sum;
}

static double per_packet(uint64_t began, unsigned count) { return (double)(bench_cpu_ns() - began) / count; }

/* ---- rows of a mode ---- */

static void open_all(struct vm *vm, uint32_t flows)
{
    for (uint32_t done = 0; done < flows;) {
        unsigned n = 0;
        for (; n < packets && done < flows; n++, done++) frame_of(frames + (size_t)n * FRAME, done);
        run(vm, n);
    }
}

static void draw(struct rng *r, uint32_t flows)
{
    for (unsigned i = 0; i < packets; i++) {
        drawn[i] = rng_below(r, flows);
        frame_of(frames + (size_t)i * FRAME, drawn[i]);
    }
}

static struct vm *worker_with(struct program *p, bool prefault)
{
    struct vm *vm = vm_new(p, &(struct vm_cfg){.pool = pool, .seed = 1, .prefault = prefault});
    if (!vm) die("flows", "out of memory");
    return vm;
}

static struct vm *worker(struct program *p) { return worker_with(p, false); }

/* Measure a mode. `peer` and `reads`: a plain copy of the same packets, and the read of one of `lines` per packet. */
static void measure(const struct mode *m, struct program *p, uint32_t flows, const char *count, uint64_t bytes_a_flow,
                    struct rng *r)
{
    const uint64_t lines = (flows * bytes_a_flow + LINE - 1) / LINE;
    struct series ours = {0}, peer = {0}, reads = {0};
    struct vm *vm = worker(p);
    uint8_t *memory = aligned_alloc(LINE, lines * LINE);
    char what[100];
    if (!memory) die("flows", "out of memory");
    memset(memory, 1, lines * LINE);
    open_all(vm, flows);
    for (unsigned i = 0; i <= bench_runs(); i++) {
        draw(r, flows);
        uint64_t began = bench_cpu_ns();
        run(vm, packets);
        const double a = per_packet(began, packets);
        began = bench_cpu_ns();
        copy(packets);
        const double b = per_packet(began, packets);
        began = bench_cpu_ns();
        read_lines(memory, lines);
        const double c = per_packet(began, packets);
        if (i == 0) continue; /* warms up */
        series_add(&ours, a);
        series_add(&peer, b);
        series_add(&reads, c);
    }
    snprintf(what, sizeof what, "%s, %s", m->name, count);
    bench_row(&(struct bench_row){what, "ns/pkt", &ours, "plain copy", &peer, GOAL_NONE, 0});
    bench_row(&(struct bench_row){what, "ns/pkt", &ours, "a random read of as much memory", &reads, GOAL_NONE, 0});
    vm_free(vm);
    free(memory);
}

/* Return the bytes that this process has mapped: tables are mapped, and so are large heap blocks. */
static size_t mapped_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu", &pages) != 1) die("/proc/self/statm", "cannot be read");
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Return thousands of flows per second that the first `count` frames open. */
static double rate_of(struct vm *vm, unsigned count)
{
    const uint64_t began = bench_cpu_ns();
    run(vm, count);
    return 1e6 / per_packet(began, count);
}

/* Measure how fast flows open, in thousands per second: in memory that was never touched, so that the system allocates
 * a page for nearly each flow; in memory that flows used before; and in memory taken at the start. Also measure the
 * bytes that a worker reserves per flow, as the difference of two limits, so that fixed memory is left out. Returns
 * these bytes. */
static uint64_t measure_new(const struct mode *m)
{
    const uint32_t fewer = million / 4;
    struct series rate = {0}, again = {0}, taken = {0}, bytes = {0};
    struct program *few = compiled(m, fewer), *many = compiled(m, million);
    char what[100];
    for (unsigned i = 0; i <= bench_runs(); i++) {
        const size_t at_first = mapped_bytes();
        struct vm *small = worker(few);
        const size_t after_small = mapped_bytes();
        struct vm *vm = worker(many);
        const size_t after_large = mapped_bytes();
        vm_free(small);
        for (unsigned n = 0; n < packets; n++) frame_of(frames + (size_t)n * FRAME, n);
        const double first = rate_of(vm, packets);
        outlive(vm);
        const double second = rate_of(vm, packets);
        vm_free(vm);
        vm = worker_with(many, true);
        const double third = rate_of(vm, packets);
        vm_free(vm);
        if (i == 0) continue;
        series_add(&rate, first);
        series_add(&again, second);
        series_add(&taken, third);
        series_add(&bytes, (double)((after_large - after_small) - (after_small - at_first)) / (million - fewer));
    }
    snprintf(what, sizeof what, "%s, new flows", m->name);
    bench_row(&(struct bench_row){.what = what, .unit = "k/s", .ours = &rate});
    snprintf(what, sizeof what, "%s, new flows, memory touched before", m->name);
    bench_row(&(struct bench_row){.what = what, .unit = "k/s", .ours = &again});
    snprintf(what, sizeof what, "%s, new flows, memory taken at the start", m->name);
    bench_row(&(struct bench_row){.what = what, .unit = "k/s", .ours = &taken});
    snprintf(what, sizeof what, "%s, memory a flow", m->name);
    bench_row(&(struct bench_row){.what = what, .unit = "bytes", .ours = &bytes});
    program_put(few);
    program_put(many);
    return (uint64_t)series_median(&bytes);
}

/* ---- hand-written ---- */

struct hand_flow {
    uint32_t src, dst, to_src, to_dst;
    uint16_t sport, dport, to_sport, to_dport;
    uint64_t seen;
};
enum { HAND_SLOTS = 1 << 15 }; /* both directions of 5,000 flows, a third full */
static struct hand_flow hand[HAND_SLOTS];
static int hand_is_filled;

static uint32_t hand_slot(uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport)
{
    const uint64_t a = (uint64_t)src << 32 | dst, b = (uint64_t)sport << 16 | dport;
    return (uint32_t)(((a ^ b * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xd6e8feb86659fd93)) >> 49);
}

static void hand_add(const struct hand_flow *flow)
{
    uint32_t i = hand_slot(flow->src, flow->dst, flow->sport, flow->dport);
    while (hand[i].src) i = (i + 1) % HAND_SLOTS;
    hand[i] = *flow;
}

static const struct hand_flow *hand_find(uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport)
{
    for (uint32_t i = hand_slot(src, dst, sport, dport); hand[i].src; i = (i + 1) % HAND_SLOTS)
        if (hand[i].src == src && hand[i].dst == dst && hand[i].sport == sport && hand[i].dport == dport)
            return &hand[i];
    return NULL;
}

/* Update a checksum (RFC 1624, eqn. 3). */
static uint16_t hand_sum(uint16_t old, uint64_t gone, uint64_t come)
{
    uint64_t s = (uint16_t)~old + gone + come;
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    return (uint16_t) ~((s & 0xffff) + (s >> 16));
}

static uint64_t halves(uint32_t v) { return (v >> 16) + (v & 0xffff); }
static uint64_t unlike(uint32_t v) { return (uint16_t) ~(v >> 16) + (uint64_t)(uint16_t)~v; }

/* Translate one packet with only the necessary checks. */
static bool hand_translate(uint8_t *f, unsigned len, uint64_t now)
{
    uint8_t *ip = f + 14;
    if (len < 42 || wire_get16(f + 12) != 0x0800 || ip[0] != 0x45 || ip[9] != 17 || wire_get16(ip + 6) & 0x3fff)
        return false;
    if (wire_get16(ip + 2) > len - 14 || ip[8] < 2) return false;
    const uint32_t src = wire_get32(ip + 12), dst = wire_get32(ip + 16);
    uint8_t *udp = ip + 20;
    const uint16_t sport = wire_get16(udp), dport = wire_get16(udp + 2), sum = wire_get16(udp + 6);
    struct hand_flow *flow = (struct hand_flow *)hand_find(src, dst, sport, dport);
    if (!flow) return false;
    flow->seen = now;
    const uint64_t gone = unlike(src) + unlike(dst), come = halves(flow->to_src) + halves(flow->to_dst);
    const uint16_t ttl = wire_get16(ip + 8);
    wire_put16(ip + 8, (uint16_t)(ttl - 0x100));
    wire_put16(ip + 10, hand_sum(wire_get16(ip + 10), gone + (uint16_t)~ttl, come + (uint16_t)(ttl - 0x100)));
    wire_put32(ip + 12, flow->to_src);
    wire_put32(ip + 16, flow->to_dst);
    wire_put16(udp, flow->to_sport);
    wire_put16(udp + 2, flow->to_dport);
    if (sum)
        wire_put16(udp + 6,
                   hand_sum(sum, gone + (uint16_t)~sport + (uint16_t)~dport, come + flow->to_sport + flow->to_dport));
    return true;
}

/* Translate all frames in place. The next pass translates the same frames back, so nothing is copied. */
static double hand_pass(uint8_t *theirs, uint64_t now)
{
    unsigned done = 0;
    const uint64_t began = bench_cpu_ns();
    for (unsigned i = 0; i < packets; i++) done += hand_translate(theirs + (size_t)i * FRAME, FRAME, now);
    const double ns = per_packet(began, packets);
    if (done != packets) die("by hand", "a packet is of no flow");
    return ns;
}

static void hand_flows(void)
{
    for (uint32_t n = 0; n < HAND_FLOWS; n++) {
        const struct hand_flow there = {.src = client_of(n),
                                        .dst = SERVICE,
                                        .sport = client_port(n),
                                        .dport = 53,
                                        .to_src = 0x0a090007,
                                        .to_dst = 0x0a000001,
                                        .to_sport = (uint16_t)(1024 + n),
                                        .to_dport = 8080};
        /* Turned around twice, so the frame is the first again except for its TTL. */
        const struct hand_flow back = {.src = there.to_src,
                                       .dst = there.to_dst,
                                       .sport = there.to_sport,
                                       .dport = there.to_dport,
                                       .to_src = there.src,
                                       .to_dst = there.dst,
                                       .to_sport = there.sport,
                                       .to_dport = there.dport};
        hand_add(&there);
        hand_add(&back);
    }
}

static void measure_hand(const struct mode *m, struct rng *r)
{
    struct series copied = {0}, peer = {0};
    struct program *p = compiled(m, million);
    struct vm *vm = worker(p);
    uint8_t *theirs = aligned_alloc(LINE, (size_t)packets * FRAME);
    struct series in_place = {0};
    if (!theirs) die("flows", "out of memory");
    if (!hand_is_filled++) hand_flows();
    open_all(vm, HAND_FLOWS);
    open_all(vm, HAND_FLOWS); /* because the second packet of a flow makes its recipe */
    draw(r, HAND_FLOWS);
    memcpy(theirs, frames, (size_t)packets * FRAME);
    for (unsigned i = 0; i <= bench_runs(); i++) {
        uint64_t began = bench_cpu_ns();
        run(vm, packets);
        const double a = per_packet(began, packets), b = hand_pass(theirs, i);
        fill_writable();
        began = bench_cpu_ns();
        run_in_place(vm);
        const double c = per_packet(began, packets);
        if (i == 0) continue;
        series_add(&in_place, c);
        series_add(&copied, a);
        series_add(&peer, b);
    }
    char what[100];
    snprintf(what, sizeof what, "%s, 5,000 flows, copied from a view", m->name);
    bench_row(&(struct bench_row){what, "ns/pkt", &copied, "UDP by hand, in place", &peer, GOAL_NONE, 0});
    snprintf(what, sizeof what, "%s, 5,000 flows, in place", m->name);
    const double goal = strcmp(m->name, "dsr l2") == 0 ? 40 : 50;
    bench_row(&(struct bench_row){what, "ns/pkt", &in_place, "UDP by hand, in place", &peer, GOAL_VALUE, goal});
    vm_free(vm);
    program_put(p);
    free(theirs);
}

int main(void)
{
    static const struct {
        uint32_t flows;
        const char *name;
    } counts[] = {{1, "1 flow"}, {1000, "1,000 flows"}, {1000000, "1,000,000 flows"}};
    struct rng r = {1};
    packets = bench_size(1 << 18, 1 << 12);
    million = bench_size(1000000, 20000);
    const size_t bytes = (pool_bytes(SLOTS, 2048) + LINE - 1) / LINE * LINE;
    void *memory = aligned_alloc(LINE, bytes);
    pool = memory ? pool_init(memory, bytes, SLOTS, 2048) : NULL;
    frames = aligned_alloc(LINE, (size_t)packets * FRAME);
    writable = aligned_alloc(LINE, (size_t)packets * STRIDE);
    drawn = malloc(packets * sizeof *drawn);
    if (!pool || !writable || !frames || !drawn) die("flows", "out of memory");
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    for (unsigned i = 0; i < MODES; i++) measure_hand(&modes[i], &r);
    for (unsigned i = 0; i < MODES; i++) {
        const uint64_t bytes_a_flow = measure_new(&modes[i]);
        struct program *p = compiled(&modes[i], million);
        for (unsigned k = 0; k < sizeof counts / sizeof *counts; k++)
            measure(&modes[i], p, bench_size(counts[k].flows, million), counts[k].name, bytes_a_flow, &r);
        program_put(p);
    }
    bench_note("modes: UDP frames of 64 bytes; but for those in place, each figure has the copy into a slot and giving "
               "it back");
    free(drawn);
    free(writable);
    free(frames);
    free(memory);
    return 0;
}
