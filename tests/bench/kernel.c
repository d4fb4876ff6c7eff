/* kernel: nanoseconds a packet in the kernel, by BPF_PROG_TEST_RUN, over a program that does nothing: a judgement by 1
 * to 1,000 rules, beside the same program in user space (vm_run); and a translation by hand, beside our last stage. UDP
 * frames of 64 bytes whose flows are drawn. Skipped where programs of the kernel may not be loaded. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/kernel/kernel.h"
#include "tests/bench/peers/kernel_nat.h"
#include "tests/lib/bench.h"
#include "tests/lib/compiled.h"
#include "vm/packet/csum.h"
#include "vm/packet/pool.h"
#include "vm/packet/wire.h"
#include "vm/vm.h"

enum { REPEAT = 100000, VIEWS = 4096, TEXT = 8 << 20 };
#define SERVICE 0xc6336401u /* 198.51.100.1 */

static struct bpf_object *peers;
static int frames, nothing, contender;
static struct nat_draw *draw;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "kernel: %s: %s\n", what, why);
    exit(2);
}

/* ---- frames ---- */

static void frame_of(uint8_t f[NAT_FRAME], uint32_t n)
{
    memset(f, 0, NAT_FRAME);
    f[0] = f[6] = 2;
    wire_put16(f + 12, 0x0800);
    wire_put64(f + 14, 0x4500003200000000);
    wire_put32(f + 22, 0x40110000);
    wire_put32(f + 26, nat_client(n));
    wire_put32(f + 30, SERVICE);
    wire_put16(f + 24, csum_of(f + 14, 20));
    wire_put32(f + 34, (uint32_t)nat_port(n) << 16 | 53);
    wire_put32(f + 38, 30u << 16 | 0x1234); /* any sum: an update keeps a wrong one wrong */
}

static void draw_from(uint32_t flows)
{
    uint8_t f[NAT_FRAME];
    frame_of(f, 0);
    memset(f + 24, 0, 6);
    memset(f + 34, 0, 2);
    draw->sum = (uint16_t)~csum_of(f + 14, 20);
    memcpy(draw->frame, f, sizeof f);
    draw->flows = flows;
    draw->state = 1;
}

/* ---- contenders ---- */

static void open_peers(const char *self)
{
    char path[500];
    snprintf(path, sizeof path, "%.*s/peers/kernel_nat.bpf.o", (int)(strrchr(self, '/') - self), self);
    peers = bpf_object__open_file(path, NULL);
    if (!peers) die(path, strerror(errno));
    struct bpf_program *each; /* as the stages are, or they cannot be called */
    bpf_object__for_each_program(each, peers)
    {
        bpf_program__set_expected_attach_type(each, 0);
        bpf_program__set_flags(each, BPF_F_XDP_HAS_FRAGS);
    }
    bpf_map__set_max_entries(bpf_object__find_map_by_name(peers, "flows"), 1 << 20);
    if (bpf_object__load(peers)) die(path, strerror(errno));
    frames = bpf_program__fd(bpf_object__find_program_by_name(peers, "frames"));
    nothing = bpf_program__fd(bpf_object__find_program_by_name(peers, "nothing"));
    contender = bpf_map__fd(bpf_object__find_map_by_name(peers, "contender"));
    draw = mmap(NULL, sizeof *draw, PROT_READ | PROT_WRITE, MAP_SHARED,
                bpf_map__fd(bpf_object__find_map_by_name(peers, ".bss")), 0);
    if (frames < 0 || nothing < 0 || contender < 0 || draw == MAP_FAILED) die(path, "is not what it was");
}

static double run(int fd)
{
    uint8_t frame[NAT_FRAME], out[NAT_FRAME + 256];
    const uint32_t zero = 0;
    frame_of(frame, 0);
    if (bpf_map_update_elem(contender, &zero, &fd, BPF_ANY)) die("contender", strerror(errno));
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = sizeof frame, .data_out = out,
                .data_size_out = sizeof out, .repeat = REPEAT);
    const uint64_t began = bench_cpu_ns();
    if (bpf_prog_test_run_opts(frames, &o)) die("test run", strerror(errno));
    if (o.retval == XDP_ABORTED) die("test run", "a frame was not made");
    return (double)(bench_cpu_ns() - began) / REPEAT;
}

static uint8_t views[VIEWS][NAT_FRAME];

static double run_user(struct vm *vm)
{
    static struct pkt pkts[VM_BATCH];
    static struct pkt *pointers[VM_BATCH];
    static struct verdict verdicts[VM_BATCH];
    static struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    const struct vm_in in = {.mono_ns = 1000000000};
    const uint64_t began = bench_cpu_ns();
    for (unsigned i = 0; i < REPEAT; i += VM_BATCH) {
        for (unsigned k = 0; k < VM_BATCH; k++) {
            pkt_view(&pkts[k], views[(i + k) % VIEWS], NAT_FRAME, NAT_FRAME, LINK_ETHER, IFACE_NONE);
            pointers[k] = &pkts[k];
        }
        struct vm_tx tx = {.entries = entries, .cap = sizeof entries / sizeof *entries};
        vm_run(vm, &in, pointers, VM_BATCH, verdicts, &tx);
    }
    return (double)(bench_cpu_ns() - began) / REPEAT;
}

/* ---- rows ---- */

static void row(struct kernel *k, const char *what, const char *text, double goal)
{
    char err[300];
    struct series ours = {0}, user = {0};
    struct program *p = compiled_text(text);
    if (!p || kernel_load(k, p, err, sizeof err)) die(what, p ? err : "does not compile");
    struct vm *vm = vm_new(p, &(struct vm_cfg){.seed = 1});
    for (unsigned i = 0; i <= BENCH_RUNS && vm; i++) {
        const double none = run(nothing), a = run(kernel_program(k, KERNEL_ENTRY_look_xdp)), b = run_user(vm);
        if (i == 0) continue;
        series_add(&ours, a - none);
        series_add(&user, b);
    }
    bench_row(
        &(struct bench_row){what, "ns/pkt", &ours, "user executor", &user, goal > 0 ? GOAL_VALUE : GOAL_NONE, goal});
    vm_free(vm);
    program_put(p);
}

/* Ports that no frame has. */
static void put_rules(char *text, unsigned count)
{
    size_t len = (size_t)sprintf(text, "firewall f default drop {\n");
    for (unsigned i = 0; i < count; i++)
        len += (size_t)sprintf(text + len, "  accept from 10.%u.%u.0/24 udp port %u\n", i >> 8 & 255, i & 255,
                               1000 + i % 60000);
    sprintf(text + len, "}\n");
}

/* ---- by hand ---- */

enum { HAND_FLOWS = 1000 };

static void fill_by_hand(int map)
{
    for (uint32_t n = 0; n < HAND_FLOWS; n++) {
        const struct nat_ends from = {htobe32(nat_client(n)), htobe32(SERVICE), htobe16(nat_port(n)), htobe16(53)};
        const struct nat_to to = {
            .ends = {htobe32(0x0a090007), htobe32(0x0a000001), htobe16((uint16_t)(1024 + n)), htobe16(8080)},
            .mac = {2}};
        if (bpf_map_update_elem(map, &from, &to, BPF_ANY)) die("flows", strerror(errno));
    }
}

/* What the last stage does with a packet of which all is known: any, for each is the same to it. */
static void know_all(struct kernel *k)
{
    struct kpkt *p = &kernel_kpkts(k)[2 * sched_getcpu()];
    memset(p, 0, offsetof(struct kpkt, head));
    p->pkt = (struct pkt){.wire_len = NAT_FRAME, .l3 = 14};
    p->key.kind = KIND_IP4 | KIND_UDP;
    p->program = kernel_rows(k)->serial;
    p->branch = PBC_NONE;
    p->flags = KERNEL_ORDINARY;
    p->seen.twin = true;
    p->seen.recipe = RECIPE_REWRITE;
    p->recipe = (struct recipe){.out_if = IFACE_NONE, .next_mac = {2}, .l3_delta = 1, .l4_delta = 1};
}

/* A translation by hand, from the first byte to the last, and the part of ours that follows when the flow is known. */
static void hand_row(struct kernel *k)
{
    struct series ours = {0}, hand = {0};
    const int nat = bpf_program__fd(bpf_object__find_program_by_name(peers, "nat"));
    fill_by_hand(bpf_map__fd(bpf_object__find_map_by_name(peers, "flows")));
    draw_from(HAND_FLOWS);
    for (unsigned i = 0; i <= BENCH_RUNS; i++) {
        know_all(k);
        const double none = run(nothing), a = run(kernel_program(k, KERNEL_ENTRY_act_xdp)), b = run(nat);
        if (i == 0) continue;
        series_add(&ours, a - none);
        series_add(&hand, b - none);
    }
    bench_row(&(struct bench_row){"in the kernel, the last stage by a recipe", "ns/pkt", &ours,
                                  "UDP by hand, all of it", &hand, GOAL_NONE, 0});
}

int main(int argc, char **argv)
{
    static const unsigned counts[] = {1, 10, 100, 1000};
    char err[300], what[100];
    char *text = malloc(TEXT);
    (void)argc;
    struct program *plain = compiled_text("firewall f default drop { accept tcp port 80 }");
    struct kernel *k = plain ? kernel_new(plain, &(struct kernel_cfg){.hooks = KERNEL_XDP}, err, sizeof err) : NULL;
    if (!k) {
        bench_note("kernel: skipped: %s", err);
        return 0;
    }
    if (!text) die("memory", "is out");
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    open_peers(argv[0]);
    draw_from(VIEWS);
    for (unsigned i = 0; i < VIEWS; i++) frame_of(views[i], i);
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
        put_rules(text, counts[i]);
        snprintf(what, sizeof what, "in the kernel, %u rule%s", counts[i], counts[i] == 1 ? "" : "s");
        row(k, what, text, 0);
    }
    hand_row(k);
    bench_note("kernel: UDP frames of 64 bytes, by BPF_PROG_TEST_RUN, over a program that does nothing");
    kernel_free(k);
    program_put(plain);
    bpf_object__close(peers);
    free(text);
    return 0;
}
