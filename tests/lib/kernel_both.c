/* See kernel_both.h. */
#include "tests/lib/kernel_both.h"

#include <stdlib.h>

#include "runtime/kernel/executor_priv.h"
#include "tests/lib/bench.h"
#include "tests/lib/compiled.h"
#include "tests/lib/one_kernel.h"
#include "vm/judge/lives.h"
#include "vm/packet/pkt.h"

enum { SLOTS = 512, LOOPBACK = 1 };

const struct facts both_facts = {.generation = 1, .addr4 = 0x0a020001, .addr6 = {0x20010db8, 0, 0, 0x0a020001}};
static void *memory;
static struct pool *pool;

void both_begin(void)
{
    const size_t bytes = (pool_bytes(SLOTS, 2048) + 63) / 64 * 64;
    memory = aligned_alloc(64, bytes);
    pool = memory ? pool_init(memory, bytes, SLOTS, 2048) : NULL;
    if (!pool) time_die("memory", "is out");
}

void both_finish(void) { free(memory); }

bool both_may(void)
{
    char err[300] = "";
    struct program *plain = compiled_text("firewall f default drop { accept tcp port 80 }");
    struct kernel *k = plain ? kernel_new(plain, &(struct kernel_cfg){.hooks = KERNEL_XDP}, err, sizeof err) : NULL;
    if (!k) bench_note("skipped: %s", err);
    program_put(plain);
    kernel_free(k);
    return k;
}

static struct executor *executor(struct program *p, bool in_kernel)
{
    char err[300] = "memory is out";
    const struct vm_cfg cfg = {.pool = pool, .seed = 1};
    /* measurements use a separate kernel executor; otherwise the stages are loaded only once */
    struct executor *e = bench_small() ? one_kernel_new(p, &cfg, in_kernel, err, sizeof err)
                                       : executor_new(p, &cfg, in_kernel ? KERNEL_XDP : 0, err, sizeof err);
    if (!e) time_die("program", err);
    return e;
}

/* Register the interface of test runs as the kernel does when live: frames are addressed to it. */
static void know_loopback(struct kernel *k)
{
    struct kernel_port *ports = kernel_map(k, KERNEL_MAP_ports)->memory;
    ports[LOOPBACK] = (struct kernel_port){
        .ifindex = LOOPBACK, .iface = IFACE_NONE, .link = LINK_ETHER, .mac = UINT64_C(0x020000000000)};
}

struct both both_of(const char *text)
{
    struct both b = {.program = compiled_text(text)};
    if (!b.program) time_die("rules", "do not compile");
    if (b.program->lives_count) b.lives = lives_new(b.program, 1);
    program_members(b.program, b.lives);
    b.kernel = executor(b.program, true);
    b.user = executor(b.program, false);
    know_loopback(b.kernel->kernel);
    return b;
}

void both_end(struct both *b)
{
    one_kernel_free(b->kernel);
    executor_free(b->user);
    program_members(b->program, NULL);
    lives_free(b->lives);
    program_put(b->program);
}

int both_look(const struct both *b) { return kernel_program(b->kernel->kernel, KERNEL_ENTRY_look_xdp); }

/* Run up to VM_BATCH adjacent frames of that length. */
static void run_batch(struct executor *e, uint8_t *frames, uint32_t len, unsigned n)
{
    static struct pkt pkts[VM_BATCH];
    static struct pkt *pointers[VM_BATCH];
    static struct verdict verdicts[VM_BATCH];
    static struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    const struct vm_in in = {.mono_ns = bench_now_ns(), .facts = &both_facts};
    for (unsigned i = 0; i < n; i++) {
        pkt_view(&pkts[i], frames + (size_t)i * len, len, len, LINK_ETHER, IFACE_NONE);
        pointers[i] = &pkts[i];
    }
    struct vm_tx tx = {.entries = entries, .cap = sizeof entries / sizeof *entries};
    executor_run(e, &in, pointers, n, verdicts, &tx);
    for (unsigned i = 0; i < tx.count; i++) pool_put(entries[i].pkt);
}

static unsigned batch_of(uint32_t left) { return left < VM_BATCH ? left : VM_BATCH; }

void both_feed(struct executor *e, enum time_kind kind, uint32_t first, uint32_t count)
{
    static uint8_t frames[VM_BATCH][FRAMES_LEN];
    for (uint32_t done = 0; done < count; done += VM_BATCH) {
        const unsigned n = batch_of(count - done);
        for (unsigned i = 0; i < n; i++) time_frame(frames[i], kind, first + done + i);
        run_batch(e, frames[0], FRAMES_LEN, n);
    }
    if (executor_fault(e)) time_die("flows", "the kernel did not run them");
}

void both_give(struct executor *e, uint8_t (*frames)[FRAMES_LONG], uint32_t count)
{
    for (uint32_t done = 0; done < count; done += VM_BATCH)
        run_batch(e, frames[done], FRAMES_LONG, batch_of(count - done));
    if (executor_fault(e)) time_die("flows", "the kernel did not run them");
}

void both_resolve(const struct executor *e, uint16_t out)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 4};
    const struct map *m = kernel_map(e->kernel, KERNEL_MAP_flow_recipes);
    struct recipe *recipes = m->memory;
    for (uint32_t i = 0; i < m->entries; i++) {
        memcpy(recipes[i].next_mac, mac, sizeof mac);
        recipes[i].out_if = out;
    }
}

void both_open(const struct both *b, enum time_kind kind, uint32_t count, uint16_t out)
{
    for (unsigned i = 0; i < 2; i++) {
        both_feed(b->kernel, kind, 0, count);
        both_feed(b->user, kind, 0, count);
    }
    both_resolve(b->kernel, out);
}
