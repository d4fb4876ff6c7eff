/* Differential test: flows in the kernel against native flows. Random conversations go through the stages and
 * through a worker. Both tables must be equal, slot for slot: places, numbers, states, evictions and ends. A worker
 * in kernel mode takes the packets that are passed up; the kernel makes its changes.
 *
 *   kernel_flows [SEED [RUNS [PACKETS]]]
 *
 * The rules let everything pass but one packet in six. XDP and traffic control take turns. Skipped if eBPF programs
 * may not be loaded. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/asker.h"
#include "runtime/kernel/run/events.h"
#include "runtime/kernel/run/flow_map.h"
#include "tests/lib/compiled.h"
#include "tests/lib/draw_talk.h"
#include "tests/lib/kernel_load.h"
#include "vm/context/context.h"
#include "vm/flow/table/table_priv.h"
#include "vm/flow/track/track_priv.h"
#include "vm/kernel/kpkt.h"
#include "vm/vm.h"

#define S UINT64_C(1000000000)
enum { EVENTS = 1024, TICKS = 10 };

/* One executor: a worker and its reports. */
struct side {
    struct vm *vm;
    struct event events[EVENTS];
    struct vm_tx tx;
};

struct run {
    struct rng rng;
    struct talks talks;
    struct program *program;
    struct kernel *kernel;
    struct asker asker;
    struct kernel_events *ring;
    struct flow_ops ops;
    struct vm_kernel up;
    struct side native, shared;
    struct facts facts;
    struct vm_in in;
    char why[256];
};

static const char *const up_names[] = {
#define UP(ident, name, doc) name,
#include "vm/kernel/up.def"
};

struct totals {
    uint64_t packets, ups[KERNEL_UPS], ends[FLOW_ENDS];
};

static struct program *compile_rules(uint64_t flows, uint64_t half, bool limited)
{
    char text[512];
    snprintf(text, sizeof text,
             "limits { flows %" PRIu64 "; half_open %" PRIu64 " }\nfirewall f default accept {\n  drop ttl %d\n%s"
             "  accept state new as NEW\n  accept state established as ESTABLISHED\n  accept state related as RELATED\n"
             "  accept state invalid as INVALID\n}\n",
             flows, half, TALK_TTL_DROPPED,
             limited ? "  drop state new flows over 3 per source as MANY\n"
                       "  drop state new flows over 5 per source/31,/127 as NETWORKS\n"
                     : "");
    return compiled_text(text);
}

/* ---- comparing ---- */

/* True if the lines are equal except for an executor's private parts: the lock and the change count, or remembered
 * verdicts. */
static bool same_line(const struct flow *a, const struct flow *b)
{
    struct flow x = *a, y = *b;
    x.epoch = y.epoch = 0;
    x.memo[0] = x.memo[1] = y.memo[0] = y.memo[1] = 0;
    x.memo_iface[0] = x.memo_iface[1] = y.memo_iface[0] = y.memo_iface[1] = 0;
    return memcmp(&x, &y, sizeof x) == 0;
}

static bool wrong(struct run *r, const char *what, uint32_t slot)
{
    snprintf(r->why, sizeof r->why, "%s, slot %" PRIu32, what, slot);
    return false;
}

static bool compare(struct run *r)
{
    const struct flow_table *a = r->native.vm->track->table, *b = r->ops.table;
    static const struct flow none;
    if (a->groups != b->groups) return wrong(r, "sizes differ", 0);
    if (memcmp(table_block(a, 0), &none, sizeof none)) return wrong(r, "the row of free slots is written to", 0);
    for (uint32_t i = 0; i < a->groups * GROUP; i++) {
        if (*table_tag(a, i) != *table_tag(b, i)) return wrong(r, "tags differ", i);
        if (!*table_tag(a, i)) {
            if (table_slot(b, i)->taken) return wrong(r, "a free slot is taken", i);
            continue;
        }
        if (table_slot(b, i)->taken & TAKEN_LOCK) return wrong(r, "a lock is left", i);
        if (!same_line(table_slot(a, i), table_slot(b, i))) return wrong(r, "flows differ", i);
        if (memcmp(table_cold(a, i), table_cold(b, i), sizeof(struct flow_cold)))
            return wrong(r, "second lines differ", i);
    }
    for (uint32_t i = 0; i < (a->groups + 63) / 64; i++)
        if (a->half_open[i] != b->half_open[i]) return wrong(r, "bits differ", i);
    if (memcmp(&a->counters, flow_table_counters(b), sizeof a->counters)) return wrong(r, "counters differ", 0);
    return a->hand == table_common(b)->hand || wrong(r, "the hand differs", a->hand);
}

/* True if both reported the same ends in the same order. */
static bool same_events(struct run *r)
{
    struct vm_tx *a = &r->native.tx, *b = &r->shared.tx;
    if (a->event_count != b->event_count) return wrong(r, "not as many ends are told", b->event_count);
    for (unsigned i = 0; i < a->event_count; i++)
        if (memcmp(&a->events[i].flow, &b->events[i].flow, sizeof a->events[i].flow))
            return wrong(r, "another end is told", i);
    a->event_count = b->event_count = 0;
    return true;
}

/* ---- running ---- */

static uint64_t judge(void *arg, const struct key *key, const struct pkt *pkt, const struct effects *e,
                      uint64_t *mirrors)
{
    struct run *r = arg;
    uint64_t decision = 0;
    if (ask_judge(&r->asker, key, pkt, e, r->in.mono_ns, &decision)) exit(1);
    return decision;
}

static void take_event(void *arg, const struct kernel_event *e, size_t len)
{
    struct run *r = arg;
    (void)len;
    if (e->kind == KERNEL_EVENT_FLOW)
        vm_flow_gone(r->shared.vm, &((const struct kernel_event_flow *)(const void *)e)->gone, &r->shared.tx);
}

static bool side_init(struct side *s, struct run *r, uint64_t seed, bool shared)
{
    s->tx = (struct vm_tx){.events = s->events, .event_cap = EVENTS};
    s->vm =
        vm_new(r->program,
               &(struct vm_cfg){.seed = seed, .flow_events = true, .forget = true, .kernel = shared ? &r->up : NULL});
    if (s->vm) vm_tick(s->vm, &r->in, &s->tx);
    return s->vm;
}

/* Run the packet through the stages, and through the worker if it is passed up. Writes the verdict's rule. */
static int in_kernel(struct run *r, struct pkt *pkt, uint32_t *rule, struct totals *totals)
{
    struct kpkt *k;
    struct verdict v;
    const int failed = ask_frame(&r->asker, totals->packets & 1 ? KERNEL_IN : KERNEL_XDP, pkt, r->in.mono_ns, &k);
    if (failed) return failed;
    kernel_events_take(r->ring);
    *rule = decided_rule(k->decision);
    if (k->out != KERNEL_UP) return 0;
    totals->ups[k->up]++;
    const struct vm_up up = {.decision = k->decision, .would = k->would, .judged = k->flags & KERNEL_JUDGED};
    vm_run_up(r->shared.vm, &r->in, &pkt, 1, &up, &v, &r->shared.tx);
    *rule = v.rule;
    return 0;
}

static bool step(struct run *r, struct totals *totals)
{
    uint8_t bytes[TALK_FRAME_MAX];
    struct talk t;
    struct pkt pkt, *pkts[] = {&pkt};
    struct verdict v;
    uint32_t rule = 0;
    draw_talk(&r->talks, &t);
    const uint32_t len = talk_build(&t, bytes);
    pkt_view(&pkt, bytes, len, len, LINK_ETHER, IFACE_NONE);
    vm_run(r->native.vm, &r->in, pkts, 1, &v, &r->native.tx);
    const int failed = in_kernel(r, &pkt, &rule, totals);
    totals->packets++;
    if (failed) return wrong(r, strerror(-failed), 0);
    if (t.ttl != TALK_TTL_DROPPED) talk_remember(&r->talks, &t);
    if (rule == v.rule && compare(r) && same_events(r)) return true;
    char text[256];
    if (rule != v.rule) snprintf(r->why, sizeof r->why, "rule %" PRIu32 ", but %" PRIu32, rule, v.rule);
    printf("# %s at %s\n", r->why, talk_text(&t, text, sizeof text));
    return false;
}

static bool tick(struct run *r)
{
    vm_tick(r->native.vm, &r->in, &r->native.tx);
    vm_tick(r->shared.vm, &r->in, &r->shared.tx);
    kernel_events_take(r->ring);
    return compare(r) && same_events(r);
}

static void pass_time(struct run *r)
{
    static const uint64_t steps[] = {1, 1000, 50000000, S, 10 * S, 61 * S, 119 * S, 121 * S, 7200 * S};
    if (rng_one_in(&r->rng, 3)) r->in.mono_ns += steps[rng_below(&r->rng, rng_one_in(&r->rng, 20) ? 9 : 5)];
}

/* Clear the remains of the last run in the kernel's table. */
static void forget(struct run *r)
{
    static const enum kernel_map maps[] = {KERNEL_MAP_flow_head,   KERNEL_MAP_flow_tags,    KERNEL_MAP_flow_slots,
                                           KERNEL_MAP_flow_cold,   KERNEL_MAP_flow_bits,    KERNEL_MAP_sources,
                                           KERNEL_MAP_source_tags, KERNEL_MAP_source_words, KERNEL_MAP_source_keys};
    for (unsigned i = 0; i < sizeof maps / sizeof *maps; i++) {
        const struct map *m = kernel_map(r->kernel, maps[i]);
        memset(m->memory, 0, m->len);
    }
}

static bool begin(struct run *r, uint64_t seed)
{
    forget(r);
    r->talks = (struct talks){.rng = &r->rng};
    r->rng.state = seed;
    r->talks.hosts = 2 + rng_below(&r->rng, 12);
    r->talks.chatty = rng_below(&r->rng, 8);
    r->talks.plain = rng_one_in(&r->rng, 8);
    if (r->talks.plain) r->talks.hosts = r->talks.chatty = 7;
    r->talks.ports = 1 + rng_below(&r->rng, 3);
    struct kernel_sizes sizes = {0};
    flows_sizes(r->program, &sizes);
    flows_begin(r->program, false, seed, sizes.flow_slots, kernel_map(r->kernel, KERNEL_MAP_flow_head)->memory);
    kernel_sources_fill(kernel_map(r->kernel, KERNEL_MAP_sources)->memory,
                        grain_keys(r->program->settings->flows, r->program->grains_count), seed);
    r->facts = (struct facts){.generation = 1};
    r->in = (struct vm_in){.mono_ns = 100000 * S, .facts = &r->facts};
    if (!flows_init(&r->ops, r->kernel)) return false;
    r->up = (struct vm_kernel){.arg = r, .judge = judge, .flows = &r->ops};
    return side_init(&r->native, r, seed, false) && side_init(&r->shared, r, seed, true);
}

static bool run_one(struct run *r, uint64_t seed, unsigned packets, struct totals *totals)
{
    bool good = begin(r, seed);
    for (unsigned i = 0; good && i < packets; i++) {
        pass_time(r);
        good = step(r, totals);
        if (good && rng_one_in(&r->rng, TICKS)) good = tick(r);
    }
    for (unsigned i = 0; i < FLOW_ENDS; i++) totals->ends[i] += flow_table_counters(r->ops.table)->ended[i];
    if (!good) printf("# seed %" PRIu64 ": %s\n", seed, r->why);
    vm_free(r->native.vm);
    vm_free(r->shared.vm);
    flows_fini(&r->ops);
    return good;
}

/* Make runs in a kernel with a table of that size. Returns 0; 1: a difference; 77: skipped. */
static int runs_of(uint64_t flows, bool limited, uint64_t first, unsigned runs, unsigned packets, struct totals *totals)
{
    static struct run r;
    char err[300];
    int status = 1;
    r.program = compile_rules(flows, flows / 4, limited);
    if (!r.program) return 1;
    r.kernel = kernel_new(r.program, &(struct kernel_cfg){.hooks = KERNEL_XDP | KERNEL_TC}, err, sizeof err);
    if (!r.kernel) {
        status = errno == EPERM || errno == ENOTSUP ? 77 : 1;
        printf("%s - %s\n", status == 77 ? "ok - # SKIP" : "not ok", err);
        goto out;
    }
    if (kernel_load(r.kernel, r.program, err, sizeof err)) {
        printf("not ok - %s\n", err);
        goto out;
    }
    asker_init(&r.asker, r.kernel, 0);
    r.ring = kernel_events_new(kernel_map(r.kernel, KERNEL_MAP_events)->fd, take_event, &r);
    if (!r.ring) goto out;
    status = 0;
    for (unsigned i = 0; !status && i < runs; i++) {
        status = !run_one(&r, first + i, packets, totals);
        if (status) printf("# again with: kernel_flows %" PRIu64 " 1 %u\n", first + i, packets);
    }
out:
    kernel_events_free(r.ring);
    r.ring = NULL;
    kernel_free(r.kernel);
    program_put(r.program);
    return status;
}

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned runs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 60 * long_run;
    const unsigned packets = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 500;
    static struct totals totals;
    int status = runs_of(16, false, first, runs, packets, &totals);
    if (!status) status = runs_of(16, true, first, runs / 3 + 1, packets, &totals);
    if (!status) status = runs_of(1000, true, first, runs / 3 + 1, packets, &totals);
    if (status == 77) return 0;
    printf("%s - flows in the kernel are what they are natively: %" PRIu64 " packets\n", status ? "not ok" : "ok",
           totals.packets);
    for (unsigned i = 0; i < KERNEL_UPS; i++) printf("# up %-19s %" PRIu64 "\n", up_names[i], totals.ups[i]);
    for (unsigned i = 0; i < FLOW_ENDS; i++) printf("# %-22s %" PRIu64 "\n", flow_end_name(i), totals.ends[i]);
    return status;
}
