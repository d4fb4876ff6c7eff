/* meters: nanoseconds to test a meter, with one bucket for all, with keys that it holds (1,000 and 65,536 of them,
 * in random order), with new keys, and with a table that stays full.
 *
 * The peer of keys is one random read of memory as large as the table, the minimum cost of any table of that size.
 * Headers are built before. Time is the thread's processor time. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/bench.h"
#include "tests/lib/rng.h"
#include "vm/judge/meters/meter.h"

enum { ENTRIES = 65536, SECOND = 1000000000 };
static unsigned packets, passes; /* per pass, and per run */

static struct key *keys;
static uint64_t packet;       /* number of the next one */
static volatile uint64_t sum; /* prevents the removal of loops whose result is unused */

struct scene {
    const char *what;
    enum pbc_per per;
    uint32_t held; /* number of keys, in random order; 0: each is new */
    bool full;     /* no bucket can be replaced */
    size_t slot_bytes;
};

static const struct scene scenes[] = {
    {"a meter without a key", PBC_PER_NONE, 1, false, 0},
    {"a meter per source, one of 1,000 keys", PBC_PER_SOURCE, 1000, false, 32},
    {"a meter per source, one of 65,536 keys", PBC_PER_SOURCE, ENTRIES, false, 32},
    {"a meter per source, a new key", PBC_PER_SOURCE, 0, false, 32},
    {"a meter per source, a new key, the table full", PBC_PER_SOURCE, 0, true, 32},
    {"a meter per flow, one of 65,536 keys", PBC_PER_FLOW, ENTRIES, false, 64},
    {"a meter per flow, a new key, the table full", PBC_PER_FLOW, 0, true, 64},
};

static struct key key_of(uint32_t number)
{
    return (struct key){
        .kind = KIND_IP4 | KIND_PROTO, .src = {number * 2654435761u}, .dst = {1}, .proto = 17, .length = 64};
}

static double ask_all(struct meters *m, uint64_t *now_ns, uint64_t step_ns)
{
    uint64_t within = 0, began = bench_cpu_ns();
    for (unsigned i = 0; i < packets; i++) {
        if (i % VM_BATCH == 0) meters_at(m, *now_ns += step_ns * VM_BATCH);
        within += meter_ask(m, 0, &keys[i], packet++) == METER_WITHIN;
    }
    sum += within;
    return (double)(bench_cpu_ns() - began) / packets;
}

static double read_all(const uint64_t *memory, uint64_t mask)
{
    uint64_t total = 0, began = bench_cpu_ns();
    for (unsigned i = 0; i < packets; i++) total += memory[(keys[i].src[0] * 0x9e3779b97f4a7c15u >> 20) & mask];
    sum += total;
    return (double)(bench_cpu_ns() - began) / packets;
}

static void measure(const struct scene *s, struct rng *r)
{
    /* full: a bucket takes an hour to become idle; else most are idle before a key returns */
    struct pbc_meter def = {.per = (uint8_t)s->per, .count = s->full ? 1 : 1000, .burst = 1, .len4 = 32, .len6 = 128};
    const struct program p = {.meters = &def, .meters_count = 1};
    struct series ours = {0}, peer = {0};
    uint64_t now = 1, bytes = 2 * ENTRIES * s->slot_bytes, number = 1u << 24;
    def.per_ns = (s->full ? 3600ull : 1) * SECOND;
    def.entries = s->per ? ENTRIES : 0;
    if (s->per == PBC_PER_FLOW) def.len4 = def.len6 = 0;
    struct meters *m = meters_new(&p, 1);
    uint64_t *memory = calloc(1, bytes + 64);
    if (!m || !memory) exit(2);
    for (uint64_t i = 0; i < bytes / 8; i++) memory[i] = i; /* maps the pages */
    meters_at(m, now);
    for (uint32_t i = 0; s->full && i < ENTRIES; i++) {
        struct key key = key_of(i);
        meter_ask(m, 0, &key, packet++);
    }
    for (unsigned run = 0; run <= bench_runs(); run++) {
        double mine = 0, theirs = 0;
        for (unsigned pass = 0; pass < passes; pass++) {
            for (unsigned i = 0; i < packets; i++)
                keys[i] = key_of(s->held ? rng_below(r, s->held) : (uint32_t)number++);
            mine += ask_all(m, &now, s->full ? 0 : 100) / passes;
            if (bytes) theirs += read_all(memory, bytes / 8 - 1) / passes;
        }
        if (run == 0) continue; /* warms up */
        series_add(&ours, mine);
        if (bytes) series_add(&peer, theirs);
    }
    bench_row(&(struct bench_row){.what = s->what,
                                  .unit = "ns",
                                  .ours = &ours,
                                  .peer = bytes ? "a random read of as much memory" : NULL,
                                  .peer_runs = bytes ? &peer : NULL});
    meters_free(m);
    free(memory);
}

int main(void)
{
    struct rng r = {1};
    packets = bench_size(1 << 16, 1 << 12);
    passes = bench_size(4, 1);
    keys = aligned_alloc(64, packets * sizeof *keys);
    if (!keys) return 2;
    for (unsigned i = 0; i < sizeof scenes / sizeof *scenes; i++) measure(&scenes[i], &r);
    free(keys);
    return 0;
}
