/* flows: the flow table only. Nanoseconds to look up a packet's flow and stamp it, in batches of 64 whose memory is
 * prefetched like the worker's; the cost of a miss, a new flow, an end and a sweep; bytes per flow.
 *
 * The peer of a look-up is one random read. For the same packets in the same order it reads the line of the flow's
 * slot in memory of the same size, prefetched a batch ahead and stamped in the same way. It knows the slot, which a
 * table must find. In our figure the time includes making each packet's id from its number, as a worker makes it
 * from the packet. Time is the thread's processor time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/bench.h"
#include "vm/flow/table/table_priv.h"

enum { BATCH = 64, SECOND = 1000000000, LINE = 64 };
static unsigned packets; /* per run, a multiple of BATCH: 2^18, less with SMALL */
static uint32_t million; /* flows; less with SMALL */

static uint32_t *numbers; /* numbers of the packets' flows, in order */
static int32_t *slots;    /* slots of those flows */
static volatile uint64_t sum;

/* Make a tuple from a number and a family, written in whole words because the hash then reads those. */
static inline void id_of(struct flow_id *id, uint32_t n, bool v6)
{
    const uint64_t ports = (1024 + n % 200) | 443u << 16, kind = v6 ? FLOW_ID_IP6 : 0;
    const uint64_t words[5] = {0x0a000000 + n / 200, v6 ? (uint64_t)n << 32 : 0, 0xc0a80001, v6 ? 1ull << 32 : 0,
                               ports | 6ull << 48 | kind << 56};
    memcpy(id, words, sizeof words);
}

static struct flow_table *table_of(uint64_t flows, uint64_t half_open)
{
    struct flow_table_cfg cfg = {.flows = flows, .half_open = half_open, .seed = 1};
    for (unsigned i = 0; i < FLOW_STATES; i++) cfg.timeout_ns[i] = 100ull * SECOND;
    struct flow_table *t = flow_table_new(&cfg);
    if (!t) exit(2);
    return t;
}

static void fill(struct flow_table *t, uint32_t flows, bool v6)
{
    for (uint32_t i = 0; i < flows; i++) {
        struct flow_id id;
        id_of(&id, i, v6);
        table_begin(t, &(struct flow_tuple){id, flow_hash(t, &id), FLOW_NONE, false}, FLOW_STATE_OPEN, 0, 1);
    }
}

static void draw_packets(struct flow_table *t, struct rng *r, uint32_t flows, bool skewed, bool v6)
{
    for (unsigned i = 0; i < packets; i++) {
        struct flow_id id;
        numbers[i] = bench_draw(r, flows, skewed);
        id_of(&id, numbers[i], v6);
        slots[i] = flow_find(t, &id, flow_hash(t, &id), 1);
        if (slots[i] == FLOW_NONE) exit(2);
    }
}

static void number_packets(uint32_t *next)
{
    for (unsigned i = 0; i < packets; i++) numbers[i] = (*next)++;
}

struct batch {
    struct flow_id id[BATCH];
    uint64_t hash[BATCH];
    int32_t hint[BATCH];
};

static void ask_batch(struct flow_table *t, const uint32_t *number, bool v6, struct batch *b)
{
    for (unsigned i = 0; i < BATCH; i++) {
        id_of(&b->id[i], number[i], v6);
        b->hash[i] = flow_hash(t, &b->id[i]);
        table_ask_tags(t, b->hash[i]);
    }
    for (unsigned i = 0; i < BATCH; i++) b->hint[i] = table_ask_slot(t, b->hash[i]);
}

/* Look a flow up as the tracker does: if the hint is right, no group is searched. */
static int32_t find_at(struct flow_table *t, const struct flow_id *id, uint64_t hash, int32_t hint, uint64_t now_ns)
{
    return table_holds(t, hint, id, now_ns) ? hint : flow_find(t, id, hash, now_ns);
}

static void look_batch(struct flow_table *t, const uint32_t *number, bool v6, uint64_t now_ns)
{
    struct batch b;
    ask_batch(t, number, v6, &b);
    for (unsigned i = 0; i < BATCH; i++) {
        const int32_t slot = find_at(t, &b.id[i], b.hash[i], b.hint[i], now_ns);
        if (slot != FLOW_NONE) flow_at(t, slot)->seen_ns = now_ns;
    }
}

static double look_all(struct flow_table *t, bool v6, uint64_t now_ns)
{
    const uint64_t began = bench_cpu_ns();
    for (unsigned i = 0; i < packets; i += BATCH) look_batch(t, numbers + i, v6, now_ns);
    return (double)(bench_cpu_ns() - began) / packets;
}

static double read_all(struct flow *memory)
{
    const uint64_t began = bench_cpu_ns();
    for (unsigned i = 0; i < packets; i += BATCH) {
        for (unsigned k = i; k < i + BATCH; k++) __builtin_prefetch(&memory[slots[k]]);
        for (unsigned k = i; k < i + BATCH; k++) {
            sum += memory[slots[k]].taken;
            memory[slots[k]].seen_ns = i;
        }
    }
    return (double)(bench_cpu_ns() - began) / packets;
}

/* ---- look-ups ---- */

struct scene {
    const char *what;
    uint32_t flows;
    bool skewed, v6;
};

static const struct scene scenes[] = {
    {"a flow looked up: of 1", 1, false, false},
    {"a flow looked up: of 1,000", 1000, false, false},
    {"a flow looked up: of 1,000, skewed", 1000, true, false},
    {"a flow looked up: of 1,000,000", 1000000, false, false},
    {"a flow looked up: of 1,000,000, skewed", 1000000, true, false},
    {"a flow looked up: of 1,000,000, IPv6", 1000000, false, true},
};

static struct flow *memory_like(const struct flow_table *t)
{
    const size_t bytes = (size_t)flow_groups(t) * 16 * LINE;
    struct flow *memory = aligned_alloc(LINE, bytes);
    if (!memory) exit(2);
    for (size_t i = 0; i < bytes / sizeof *memory; i++) memory[i] = (struct flow){.taken = i}; /* maps the pages */
    return memory;
}

static void measure_look_up(const struct scene *s, struct rng *r)
{
    const uint32_t flows = bench_size(s->flows, million);
    struct series mine = {0}, theirs = {0};
    struct flow_table *t = table_of(million, million / 1000);
    struct flow *memory = memory_like(t);
    fill(t, flows, s->v6);
    for (unsigned run = 0; run <= bench_runs(); run++) {
        draw_packets(t, r, flows, s->skewed, s->v6);
        const double ours = look_all(t, s->v6, 1), peer = read_all(memory);
        if (run == 0) continue; /* warms up */
        series_add(&mine, ours);
        series_add(&theirs, peer);
    }
    bench_row(&(struct bench_row){.what = s->what,
                                  .unit = "ns",
                                  .ours = &mine,
                                  .peer = "a random read of as much memory",
                                  .peer_runs = &theirs,
                                  .goal = s->flows == 1000000 && !s->v6 ? GOAL_RATIO : GOAL_NONE,
                                  .goal_value = 2});
    free(memory);
    flow_table_free(t);
}

/* ---- misses, new flows and ends ---- */

static void row(const char *what, const char *unit, const struct series *ours)
{
    bench_row(&(struct bench_row){.what = what, .unit = unit, .ours = ours});
}

static void measure_misses(void)
{
    struct series ns = {0};
    struct flow_table *t = table_of(million, million / 1000);
    uint32_t next = 1u << 24;
    fill(t, million, false);
    for (unsigned run = 0; run <= bench_runs(); run++) {
        number_packets(&next);
        const double took = look_all(t, false, 1);
        if (run) series_add(&ns, took);
    }
    row("no such flow, among 1,000,000", "ns", &ns);
    flow_table_free(t);
}

/* Add flows as for new connections: each look-up finds nothing, then comes an addition. */
static double add_all(struct flow_table *t, enum flow_state state, uint64_t now_ns)
{
    const uint64_t began = bench_cpu_ns();
    struct batch b;
    for (unsigned i = 0; i < packets; i += BATCH) {
        ask_batch(t, numbers + i, false, &b);
        for (unsigned k = 0; k < BATCH; k++)
            if (find_at(t, &b.id[k], b.hash[k], b.hint[k], now_ns) == FLOW_NONE)
                table_begin(t, &(struct flow_tuple){b.id[k], b.hash[k], FLOW_NONE, false}, state, 0, now_ns + i);
    }
    return (double)(bench_cpu_ns() - began) / packets;
}

static void measure_changes(void)
{
    struct series added = {0}, expired = {0};
    struct flow_table *t = table_of(million, million / 1000);
    uint32_t next = 1u << 24;
    fill(t, million / 2, false);
    for (unsigned run = 0; run <= bench_runs(); run++) {
        number_packets(&next);
        const double add = add_all(t, FLOW_STATE_OPEN, 1), end = look_all(t, false, 200ull * SECOND);
        if (flow_table_counters(t)->ended[FLOW_END_IDLE] != (run + 1) * packets) exit(2);
        if (run == 0) continue; /* warms up, and maps the pages */
        series_add(&added, 1e3 / add);
        series_add(&expired, end);
    }
    row("new flows a second, among 500,000", "million", &added);
    row("a flow that is over, ended when touched", "ns", &expired);
    flow_table_free(t);
}

/* Add half-open flows beyond their limit to a million established ones: each evicts an older one. */
static void measure_flood(void)
{
    struct series rate = {0};
    struct flow_table *t = table_of(million, million / 10);
    uint32_t next = 1u << 24;
    fill(t, million, false);
    for (unsigned run = 0; run <= bench_runs(); run++) {
        number_packets(&next);
        const double took = add_all(t, FLOW_STATE_SYN_SENT, 1 + (uint64_t)run * packets);
        if (run) series_add(&rate, 1e3 / took);
    }
    if (flow_table_counters(t)->live[FLOW_ESTABLISHED] != million) exit(2);
    row("half-open flows a second, over their bound", "million", &rate);
    flow_table_free(t);
}

static double sweep_ms(struct flow_table *t, uint64_t now_ns)
{
    const uint64_t began = bench_cpu_ns();
    flow_sweep(t, flow_groups(t), now_ns);
    return (double)(bench_cpu_ns() - began) / 1e6;
}

static void measure_sweep(void)
{
    struct series idle = {0}, over = {0};
    for (unsigned run = 0; run < bench_runs(); run++) {
        struct flow_table *t = table_of(million, million / 1000);
        fill(t, million, false);
        series_add(&idle, sweep_ms(t, 2));
        series_add(&over, sweep_ms(t, 200ull * SECOND));
        if (flow_table_counters(t)->ended[FLOW_END_IDLE] != million) exit(2);
        flow_table_free(t);
    }
    row("a whole sweep of 1,000,000 flows, none over", "ms", &idle);
    row("a whole sweep of 1,000,000 flows, all over", "ms", &over);
}

static void measure_bytes(void)
{
    struct flow_table *t = table_of(million, million / 10);
    struct series all = {0};
    series_add(&all, (double)(t->rows_bytes + t->tags_bytes) / million);
    row("memory reserved for each of 1,000,000 `flows`", "bytes", &all);
    bench_note(
        "flows: a look-up reads a slot of %zu bytes for IPv4, and as much again for IPv6, beside 32 bytes of tags",
        sizeof(struct flow));
    flow_table_free(t);
}

int main(void)
{
    struct rng r = {1};
    packets = bench_size(1 << 18, 1 << 12);
    million = bench_size(1000000, 20000);
    numbers = calloc(packets, sizeof *numbers);
    slots = calloc(packets, sizeof *slots);
    if (!numbers || !slots) return 2;
    for (unsigned i = 0; i < sizeof scenes / sizeof *scenes; i++) measure_look_up(&scenes[i], &r);
    measure_misses();
    measure_changes();
    measure_flood();
    measure_sweep();
    measure_bytes();
    free(numbers);
    free(slots);
    return 0;
}
