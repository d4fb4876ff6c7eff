/* See kernel_time.h. */
#include "tests/lib/kernel_time.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/kernel/kernel.h"
#include "tests/lib/bench.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

/* Frames for the user-space executor: DRAWN of them, each in STRIDE bytes, with ROOM bytes in front. */
enum { DRAWN = 1 << 16, ROOM = 64, STRIDE = 192 };

static struct {
    cpu_set_t cpus; /* CPUs that the process may run on */
    struct bpf_object *makers, *hand;
    int of_flow, of_pool, nothing, contender;
    struct frames *frames; /* memory of the programs that make frames */
    bool pool;             /* of_pool makes the frames */
    enum time_kind kind;
    uint8_t (*copies)[STRIDE]; /* [DRAWN] frames as drawn, and copies that forwarding rewrites */
    uint8_t (*drawn)[STRIDE];
} it;

void time_die(const char *what, const char *why)
{
    fprintf(stderr, "kernel_time: %s: %s\n", what, why);
    exit(2);
}

/* ---- opening ---- */

static struct bpf_object *object(const char *self, const char *name)
{
    char path[500];
    snprintf(path, sizeof path, "%.*s/peers/%s.bpf.o", (int)(strrchr(self, '/') - self), self, name);
    struct bpf_object *o = bpf_object__open_file(path, NULL);
    if (!o) time_die(path, strerror(errno));
    struct bpf_program *each; /* as the stages are, because they couldn't be called otherwise */
    bpf_object__for_each_program(each, o)
    {
        bpf_program__set_expected_attach_type(each, 0);
        bpf_program__set_flags(each, BPF_F_XDP_HAS_FRAGS);
    }
    if (bpf_object__load(o)) time_die(path, strerror(errno));
    return o;
}

static int program_of(const struct bpf_object *o, const char *name)
{
    const struct bpf_program *p = bpf_object__find_program_by_name(o, name);
    if (!p) time_die(name, "is no program");
    return bpf_program__fd(p);
}

static int map_of(const struct bpf_object *o, const char *name)
{
    const struct bpf_map *m = bpf_object__find_map_by_name(o, name);
    if (!m) time_die(name, "is no map");
    return bpf_map__fd(m);
}

int time_maker(const char *program) { return program_of(it.makers, program); }
struct frames *time_frames(void) { return it.frames; }
int time_hand(const char *program) { return program_of(it.hand, program); }
int time_hand_map(const char *map) { return map_of(it.hand, map); }

void time_open(const char *self)
{
    cpu_set_t one;
    sched_getaffinity(0, sizeof it.cpus, &it.cpus);
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    libbpf_set_print(NULL);
    it.makers = object(self, "kernel_frames");
    it.hand = object(self, "kernel_hand");
    it.of_flow = program_of(it.makers, "of_flow");
    it.of_pool = program_of(it.makers, "of_pool");
    it.nothing = program_of(it.makers, "nothing");
    it.contender = map_of(it.makers, "contender");
    it.frames = mmap(NULL, sizeof *it.frames, PROT_READ | PROT_WRITE, MAP_SHARED, map_of(it.makers, ".bss"), 0);
    it.copies = aligned_alloc(64, (size_t)DRAWN * STRIDE);
    it.drawn = aligned_alloc(64, (size_t)DRAWN * STRIDE);
    if (it.frames == MAP_FAILED || !it.copies || !it.drawn) time_die("memory", strerror(errno));
}

void time_close(void)
{
    bpf_object__close(it.makers);
    bpf_object__close(it.hand);
    munmap(it.frames, sizeof *it.frames);
    free(it.copies);
    free(it.drawn);
}

/* ---- frames ---- */

enum { CLIENT_SEQ = 1000, SERVER_SEQ = 5000, SERVICE = 0xc6336401u /* 198.51.100.1 */ };

static void put_tcp(uint8_t tcp[TCP_LEN], enum time_kind kind)
{
    static const uint8_t flags[] = {[TIME_SYN] = TCP_SYN, [TIME_SYN_ACK] = TCP_SYN | TCP_ACK, [TIME_ACK] = TCP_ACK};
    const bool reply = kind == TIME_SYN_ACK, ack = kind == TIME_ACK;
    wire_put16(tcp + (reply ? 0 : 2), 443);
    wire_put32(tcp + 4, reply ? SERVER_SEQ - 1 : ack ? CLIENT_SEQ : CLIENT_SEQ - 1);
    wire_put32(tcp + 8, reply ? CLIENT_SEQ : ack ? SERVER_SEQ : 0);
    tcp[12] = 5 << 4;
    tcp[13] = flags[kind];
    wire_put16(tcp + 14, 65535);
}

/* Write everything but the client and the checksum. */
static void put_rest(uint8_t f[FRAMES_LEN], enum time_kind kind)
{
    const bool udp = kind == TIME_UDP, opens = kind == TIME_SYN || kind == TIME_SYN_ACK;
    uint8_t *ip = f + ETHER_LEN, *l4 = ip + IP4_LEN;
    memset(f, 0, FRAMES_LEN);
    f[0] = f[6] = 2; /* a unicast address, as in any forwarded frame */
    wire_put16(f + 12, 0x0800);
    ip[0] = 0x45;
    wire_put16(ip + 2, opens ? IP4_LEN + TCP_LEN : FRAMES_LEN - ETHER_LEN);
    ip[8] = 64;
    ip[9] = udp ? 17 : 6;
    wire_put32(ip + (kind == TIME_SYN_ACK ? 12 : 16), SERVICE);
    if (!udp) {
        put_tcp(l4, kind);
        return;
    }
    wire_put16(l4 + 2, 53);
    wire_put16(l4 + 4, FRAMES_LEN - ETHER_LEN - IP4_LEN);
}

/* Sum the words that UDP's checksum covers, as they are in the frame; the checksum itself is 0. */
static uint32_t udp_words(const uint8_t *ip)
{
    uint32_t sum = 17 + FRAMES_LEN - ETHER_LEN - IP4_LEN;
    for (unsigned i = 12; i < FRAMES_LEN - ETHER_LEN; i += 2) sum += wire_get16(ip + i);
    return sum;
}

void time_frame(uint8_t f[FRAMES_LEN], enum time_kind kind, uint32_t n)
{
    const bool reply = kind == TIME_SYN_ACK;
    uint8_t *ip = f + ETHER_LEN;
    put_rest(f, kind);
    wire_put32(ip + (reply ? 16 : 12), frames_client(n));
    wire_put16(ip + IP4_LEN + (reply ? 2 : 0), frames_port(n));
    wire_put16(ip + 10, csum_of(ip, IP4_LEN));
    if (kind != TIME_UDP) return;
    uint32_t sum = udp_words(ip);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    wire_put16(ip + IP4_LEN + 6, sum == 0xffff ? 0xffff : (uint16_t)~sum);
}

/* Frames of the user-space executor, drawn in the same way. */
static uint32_t copy_len(void) { return it.pool ? FRAMES_LONG : FRAMES_LEN; }
static void draw_copies(uint32_t of)
{
    struct rng r = {of};
    for (unsigned i = 0; i < DRAWN; i++) {
        if (it.pool)
            memcpy(it.drawn[i] + ROOM, it.frames->pool[i % FRAMES_POOL], FRAMES_LONG);
        else
            time_frame(it.drawn[i] + ROOM, it.kind, rng_below(&r, of));
    }
}

static void set_draws(enum time_kind kind, uint32_t flows, bool in_turn, uint32_t first)
{
    uint8_t f[FRAMES_LEN];
    put_rest(f, kind);
    const uint32_t sum = (uint16_t)~csum_of(f + ETHER_LEN, IP4_LEN);
    for (unsigned i = 0; i < 2; i++) {
        struct frames_draw *d = &it.frames->draw[i];
        *d = (struct frames_draw){.state = 1 + i,
                                  .flows = flows,
                                  .sum = sum,
                                  .udp_sum = kind == TIME_UDP ? udp_words(f + ETHER_LEN) : 0,
                                  .next = first,
                                  .in_turn = in_turn,
                                  .reply = kind == TIME_SYN_ACK};
        memcpy(d->frame, f, sizeof f);
    }
    it.pool = false;
    it.kind = kind;
}

void time_flows(enum time_kind kind, uint32_t flows)
{
    set_draws(kind, flows, false, 0);
    draw_copies(flows);
}

void time_pool(time_make_fn *make, void *arg)
{
    for (uint32_t i = 0; i < FRAMES_POOL; i++) make(arg, i, it.frames->pool[i]);
    for (unsigned i = 0; i < 2; i++) it.frames->draw[i] = (struct frames_draw){.state = 1 + i};
    it.pool = true;
    draw_copies(FRAMES_POOL);
}

/* ---- measurement ---- */

static double run(int program, uint32_t repeat)
{
    uint8_t frame[FRAMES_LONG] = {0}, out[FRAMES_LONG + 256];
    const uint32_t zero = 0;
    if (bpf_map_update_elem(it.contender, &zero, &program, BPF_ANY)) time_die("contender", strerror(errno));
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = copy_len(), .data_out = out,
                .data_size_out = sizeof out, .repeat = (int)repeat);
    const uint64_t began = bench_cpu_ns();
    if (bpf_prog_test_run_opts(it.pool ? it.of_pool : it.of_flow, &o)) time_die("test run", strerror(errno));
    const uint64_t took = bench_cpu_ns() - began;
    if (o.retval == XDP_ABORTED) time_die("test run", "a frame was not made");
    return (double)took / repeat;
}

static uint32_t repeat(void) { return bench_size(100000, 1000); }
double time_run(int program) { return run(program, repeat()); }
double time_nothing(void) { return run(it.nothing, repeat()); }

void time_each(int program, enum time_kind kind, uint32_t first, uint32_t count)
{
    set_draws(kind, 1, true, first);
    run(program, count);
}

/* Return the nanoseconds that ksoftirqd has run on this CPU. */
static uint64_t ksoftirqd_ns(void)
{
    static int pid;
    char path[64], name[32], wanted[32];
    unsigned long long ns = 0;
    snprintf(wanted, sizeof wanted, "ksoftirqd/%d\n", sched_getcpu());
    for (int i = 2; !pid && i < 4096; i++) {
        snprintf(path, sizeof path, "/proc/%d/comm", i);
        FILE *f = fopen(path, "r");
        if (!f) continue;
        if (fgets(name, sizeof name, f) && strcmp(name, wanted) == 0) pid = i;
        fclose(f);
    }
    snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
    FILE *f = pid ? fopen(path, "r") : NULL;
    if (f && fscanf(f, "%llu", &ns) != 1) ns = 0;
    if (f) fclose(f);
    return ns;
}

double time_send(uint32_t count)
{
    uint8_t frame[FRAMES_LONG] = {0};
    const uint32_t zero = 0;
    const int program = time_maker("send");
    if (bpf_map_update_elem(it.contender, &zero, &program, BPF_ANY)) time_die("contender", strerror(errno));
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = copy_len(), .repeat = (int)count,
                .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
    const uint64_t began = bench_cpu_ns() + ksoftirqd_ns();
    if (bpf_prog_test_run_opts(it.pool ? it.of_pool : it.of_flow, &o)) time_die("live frames", strerror(errno));
    return (double)(bench_cpu_ns() + ksoftirqd_ns() - began) / count;
}

int time_other_cpu(void)
{
    const int mine = sched_getcpu();
    for (int i = 0; i < CPU_SETSIZE; i++)
        if ((i ^ mine) & 1 && CPU_ISSET((size_t)i, &it.cpus)) return i;
    return -1;
}

/* Check that every packet of the last run got that action. */
static void check(const struct kernel_counters *before, const struct kernel_counters *after, enum action action)
{
    char why[100];
    uint64_t ups = 0, got = 0;
    for (unsigned i = 0; i < KERNEL_UPS; i++) ups += after->ups[i].packets - before->ups[i].packets;
    for (unsigned i = 0; i < ACTION_COUNT; i++)
        if (i == action || action == ACTION_COUNT) got += after->verdicts[i].packets - before->verdicts[i].packets;
    snprintf(why, sizeof why, "%llu of %u got the verdict that is meant, %llu went up", (unsigned long long)got,
             repeat(), (unsigned long long)ups);
    if (got != repeat()) time_die("kernel", why);
}

double time_kernel(const struct kernel *k, enum action action, double nothing)
{
    const struct kernel_counters before = kernel_counters(k);
    const double took = time_run(kernel_program(k, KERNEL_ENTRY_look_xdp));
    const struct kernel_counters after = kernel_counters(k);
    check(&before, &after, action);
    return took - nothing;
}

double time_user(struct vm *vm, const struct facts *facts, enum action action)
{
    static struct pkt pkts[VM_BATCH];
    static struct pkt *pointers[VM_BATCH];
    static struct verdict verdicts[VM_BATCH];
    static struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    const struct vm_in in = {.mono_ns = bench_now_ns(), .facts = facts};
    const uint32_t len = copy_len();
    unsigned got = 0;
    memcpy(it.copies, it.drawn, (size_t)DRAWN * STRIDE); /* forwarded packets were rewritten in place */
    const uint64_t began = bench_cpu_ns();
    for (unsigned i = 0; i < DRAWN; i += VM_BATCH) {
        for (unsigned k = 0; k < VM_BATCH; k++) {
            pkt_view(&pkts[k], it.copies[i + k] + ROOM, len, len, LINK_ETHER, IFACE_NONE);
            pkts[k].flags = PKT_WRITABLE;
            pkts[k].headroom = ROOM;
            pointers[k] = &pkts[k];
        }
        struct vm_tx tx = {.entries = entries, .cap = sizeof entries / sizeof *entries};
        vm_run(vm, &in, pointers, VM_BATCH, verdicts, &tx);
        for (unsigned k = 0; k < VM_BATCH; k++) got += verdicts[k].action == action || action == ACTION_COUNT;
        for (unsigned k = 0; k < tx.count; k++)
            if (entries[k].pkt != &pkts[entries[k].input]) pool_put(entries[k].pkt);
    }
    const uint64_t took = bench_cpu_ns() - began;
    if (got != DRAWN) time_die("user executor", "not every packet got the verdict that is meant");
    return (double)took / DRAWN;
}
