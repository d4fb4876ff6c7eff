/* Access to a kernel's maps, programs and counters. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "runtime/kernel/kernel_priv.h"

int kernel_program(const struct kernel *k, enum kernel_entry entry)
{
    return k->programs[entry] < 0 && k->judge ? k->judge->programs[entry] : k->programs[entry];
}
enum kernel_hook kernel_arrives(const struct kernel *k) { return k->cfg.hooks & KERNEL_XDP ? KERNEL_XDP : KERNEL_IN; }
const struct map *kernel_map(const struct kernel *k, enum kernel_map map) { return &k->maps.v[map]; }
struct kpkt *kernel_kpkts(const struct kernel *k) { return k->maps.v[KERNEL_MAP_kpkts].memory; }
struct kernel_world *kernel_world(const struct kernel *k) { return k->maps.v[KERNEL_MAP_world].memory; }

struct splice_slots kernel_splices(const struct kernel *k)
{
    const struct map *tags = &k->maps.v[KERNEL_MAP_splice_tags], *slots = &k->maps.v[KERNEL_MAP_splice_slots];
    return (struct splice_slots){.head = k->maps.v[KERNEL_MAP_splices].memory,
                                 .tags = tags->memory,
                                 .slots = slots->memory,
                                 .groups = slots->entries > 1 ? tags->entries : 0};
}

const struct judge_tables *judge_tables(const struct judge *j) { return &j->tables; }
const struct judge_tables *kernel_tables(const struct kernel *k) { return &k->judge->tables; }
struct kernel_meters *kernel_meters(struct kernel *k) { return k->judge ? &k->judge->tables.meters : NULL; }

uint64_t kernel_events_lost(const struct kernel *k)
{
    const struct map *m = &k->maps.v[KERNEL_MAP_events_lost];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m->entries; i++) sum += ((const uint64_t *)m->memory)[i];
    return sum;
}

uint64_t kernel_drops_untold(const struct kernel *k)
{
    const struct map *m = &k->maps.v[KERNEL_MAP_drops];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m->entries; i++) sum += ((const struct kernel_drops *)m->memory)[i].untold;
    return sum;
}

bool kernel_sweep(struct kernel *k, uint64_t now_ns)
{
    struct kernel_meters *m = kernel_meters(k);
    if (!m || !kernel_meters_held(m)) return false;
    struct kernel_meters_sweep ctx = {.now_ns = now_ns, .hand = m->hand};
    LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = &ctx, .ctx_size_in = sizeof ctx); /* the program also writes to ctx */
    if (!bpf_prog_test_run_opts(k->judge->programs[KERNEL_ENTRY_sweep_meters], &o)) m->hand = ctx.hand;
    return true;
}

uint32_t kernel_cpus(const struct kernel *k) { return k->cpus; }

uint64_t kernel_memory(const struct kernel *k)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < KERNEL_MAPS; i++) bytes += k->maps.v[i].len;
    return bytes;
}
unsigned kernel_prover(const struct kernel *k) { return k->first ? k->prover : KERNEL_ASKERS - 1; }
uint32_t kernel_askers(const struct kernel *k) { return 2 * k->cpus; }

const struct kernel_program *kernel_rows(const struct kernel *k)
{
    return &kernel_world(k)->programs[kernel_world(k)->program % KERNEL_PROGRAMS];
}

struct kernel_counters kernel_counters(const struct kernel *k)
{
    const uint64_t *rows = k->maps.v[KERNEL_MAP_counters].memory;
    union {
        struct kernel_counters all;
        uint64_t words[sizeof(struct kernel_counters) / 8];
    } sum = {.words = {0}};
    const size_t words = sizeof sum.words / sizeof *sum.words;
    for (size_t i = 0; i < words * k->cpus; i++) sum.words[i % words] += __atomic_load_n(&rows[i], __ATOMIC_RELAXED);
    return sum.all;
}
struct kernel_way *kernel_ways(const struct kernel *k) { return k->maps.v[KERNEL_MAP_ways].memory; }
