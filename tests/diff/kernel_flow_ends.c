/* A process ends forwarded flows while their packets come as fast as a processor can send them. Each flow must end
 * even if packets have changed it since the process read it, because by then the process has released the flow's
 * resources.
 *
 *   kernel_flow_ends [FLOWS]
 *
 * Skipped if eBPF programs may not be loaded. */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/asker.h"
#include "runtime/kernel/run/flow_map.h"
#include "tests/lib/compiled.h"
#include "tests/lib/draw_talk.h"
#include "tests/lib/kernel_load.h"
#include "vm/flow/table/shared.h"
#include "vm/flow/track/track.h"
#include "vm/kernel/kpkt.h"

#define NOW UINT64_C(100000000000000)

static struct kernel *kernel;
static struct flow_ops ops;

/* Packets of one flow, sent by the host. */
struct flood {
    uint8_t bytes[TALK_FRAME_MAX];
    struct flow_tuple tuple;
    bool done; /* atomic */
};

static bool flood_init(struct flood *f)
{
    static const struct talk t = {.src = 0x0a030001,
                                  .dst = 0x0a090909,
                                  .proto = IPPROTO_NR_UDP,
                                  .ttl = 64,
                                  .src_port = 99,
                                  .dst_port = 53,
                                  .payload = 18};
    struct asker a;
    struct pkt pkt;
    struct kpkt *k;
    const uint32_t len = talk_build(&t, f->bytes);
    asker_init(&a, kernel, 0);
    pkt_view(&pkt, f->bytes, len, len, LINK_ETHER, IFACE_NONE);
    if (ask_frame(&a, KERNEL_XDP, &pkt, NOW, &k)) return false;
    f->tuple = (struct flow_tuple){.id = k->seen.id, .hash = k->seen.hash, .room = FLOW_NONE};
    return true;
}

static void *pour(void *arg)
{
    struct flood *f = arg;
    struct __sk_buff ctx = {0};
    LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = &ctx, .ctx_size_in = sizeof ctx, .data_in = f->bytes,
                .data_size_in = 60, .repeat = 1000);
    while (!__atomic_load_n(&f->done, __ATOMIC_RELAXED))
        bpf_prog_test_run_opts(kernel_program(kernel, KERNEL_ENTRY_look_tc), &o);
    return NULL;
}

static uint64_t taken_of(int32_t slot) { return __atomic_load_n(&ops.slots[slot].taken, __ATOMIC_ACQUIRE); }

/* Begin a flow with a recipe, so that the kernel handles its packets. */
static int32_t begin_flow(const struct flood *f)
{
    static const struct flow_first first = {.state = FLOW_STATE_UDP, .flags = FLOW_BOUND};
    struct recipe r = {.generation = kernel_world(kernel)->recipes, .heard_if = IFACE_NONE, .out_if = IFACE_NONE};
    int32_t slot = FLOW_NONE;
    memcpy(r.heard_mac, f->bytes + 6, sizeof r.heard_mac);
    for (unsigned tries = 0; tries < 1000 && slot == FLOW_NONE; tries++)
        slot = shared_begin(ops.table, &f->tuple, &first, NOW);
    if (slot != FLOW_NONE) shared_put_recipe(ops.table, slot, RECIPE_FRAME, &r);
    return slot;
}

/* Return the slot's taken word from before packets changed it; 0: none came. */
static uint64_t taken_before(int32_t slot)
{
    const uint64_t before = taken_of(slot) & ~TAKEN_LOCK;
    for (unsigned tries = 0; tries < 10000000; tries++) {
        if ((taken_of(slot) ^ before) & TAKEN_CHANGES) return before;
        if (tries % 100 == 99) sched_yield();
    }
    return 0;
}

/* End a flow. Returns NULL or the fault. The flow may be locked for a moment. */
static const char *end_flow(int32_t slot)
{
    struct flow_op op = {.kind = FLOW_OP_END, .said = FLOW_OP_BUSY, .slot = slot, .how = FLOW_END_IDLE, .now_ns = NOW};
    op.taken = taken_before(slot);
    if (!op.taken) return "no packets of it come";
    for (unsigned tries = 0; tries < 1000000 && op.said == FLOW_OP_BUSY; tries++) {
        ops.run(ops.arg, &op);
        if (tries % 100 == 99) sched_yield();
    }
    if (op.said != FLOW_OP_DONE) return "it doesn't end";
    return op.gone.flow.flags & FLOW_BOUND ? NULL : "another has ended";
}

static const char *end_all(unsigned flows)
{
    static struct flood flood;
    pthread_t other;
    const char *wrong = NULL;
    kernel_world(kernel)->recipes = 1;
    memset(kernel_world(kernel)->longest, 0xff, sizeof kernel_world(kernel)->longest);
    if (!flood_init(&flood)) return "its packet was not asked about";
    if (pthread_create(&other, NULL, pour, &flood)) return "no thread";
    for (unsigned i = 0; i < flows && !wrong; i++) {
        const int32_t slot = begin_flow(&flood);
        wrong = slot == FLOW_NONE ? "it doesn't begin" : end_flow(slot);
    }
    __atomic_store_n(&flood.done, true, __ATOMIC_RELAXED);
    pthread_join(other, NULL);
    return wrong;
}

int main(int argc, char **argv)
{
    char err[300];
    const unsigned flows = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 100;
    struct program *p = compiled_text("limits { flows 200 }\nfirewall f default accept { accept state new }\n"
                                      "pool p { server a 10.9.9.1:53 }\n"
                                      "service s on 10.9.9.9 udp/53 { mode passthrough; -> p }\n");
    if (!p) return 1;
    kernel = kernel_new(p, &(struct kernel_cfg){.hooks = KERNEL_XDP | KERNEL_TC, .live = true}, err, sizeof err);
    if (!kernel) {
        const bool skipped = errno == EPERM || errno == ENOTSUP;
        printf("%s%s\n", skipped ? "ok - # SKIP " : "not ok - ", err);
        program_put(p);
        return !skipped;
    }
    const char *wrong = kernel_load(kernel, p, err, sizeof err) ? err : NULL;
    if (!wrong) {
        const struct flow_table_cfg cfg = track_table_cfg(p, true);
        if (!flows_init(&ops, kernel)) return 1;
        table_over(&ops, &cfg);
        wrong = end_all(flows);
        flows_fini(&ops);
    }
    if (wrong) printf("# %s\n", wrong);
    printf("%s - a flow that is sent on ends, however fast its packets come\n", wrong ? "not ok" : "ok");
    kernel_free(kernel);
    program_put(p);
    return wrong != NULL;
}
