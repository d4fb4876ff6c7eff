/* The map's memory is read in place; changes are runs of a kernel program, ordered with the stages */
#include "runtime/kernel/run/flow_map.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/base/clock.h"
#include "vm/flow/flow.h"
#include "vm/flow/track/track.h"
#include "vm/keyed/large.h"
#include "vm/packet/pkt.h"

/* Run an operation in the kernel, which writes its result back to *op. */
static bool flow_op_run(void *arg, struct flow_op *op)
{
    const struct kernel *kernel = arg;
    LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = op, .ctx_size_in = sizeof *op);
    return !bpf_prog_test_run_opts(kernel_program(kernel, KERNEL_ENTRY_flow_op), &o);
}

/* Count a flow that was read into the table, by each network that the head lists. */
static bool count_opener(void *arg, const uint32_t opener[4], bool v6)
{
    const struct kernel *kernel = arg;
    const struct flow_head *head = kernel_map(kernel, KERNEL_MAP_flow_head)->memory;
    const struct grains *grains = &head->grains;
    struct kernel_sources *s = kernel_map(kernel, KERNEL_MAP_sources)->memory;
    bool all = kernel_map(kernel, KERNEL_MAP_source_words)->entries > 1;
    for (uint32_t i = 0; i < grains->count && all; i++) {
        struct kernel_source of;
        if (grain_again(grains, i, v6)) continue;
        kernel_source_of(opener, grain_len(&grains->of[i], v6), v6, &of);
        all = kernel_sources_count(s, kernel_map(kernel, KERNEL_MAP_source_tags)->memory,
                                   kernel_map(kernel, KERNEL_MAP_source_words)->memory,
                                   kernel_map(kernel, KERNEL_MAP_source_keys)->memory, &of);
    }
    return all;
}

static size_t binds_bytes(const struct kernel *kernel)
{
    return kernel_map(kernel, KERNEL_MAP_flow_recipes)->entries * sizeof(struct flow_bind);
}

/* Make the bindings in this process, because no stage reads them, and the table's pointers, because no other process
 * may see them: a process that takes over shares the map of the rest with the one before. */
bool flows_init(struct flow_ops *ops, const struct kernel *kernel)
{
    struct flow_head *head = kernel_map(kernel, KERNEL_MAP_flow_head)->memory;
    const bool bound = kernel_map(kernel, KERNEL_MAP_flow_recipes)->entries > 1;
    *ops = (struct flow_ops){.run = flow_op_run,
                             .count = count_opener,
                             .arg = (void *)(uintptr_t)kernel,
                             .table = calloc(1, sizeof *ops->table),
                             .common = &head->table,
                             .pickup_until_ns = &head->pickup_until_ns,
                             .tells = &head->tells,
                             .tags = kernel_map(kernel, KERNEL_MAP_flow_tags)->memory,
                             .slots = kernel_map(kernel, KERNEL_MAP_flow_slots)->memory,
                             .cold = kernel_map(kernel, KERNEL_MAP_flow_cold)->memory,
                             .binds = bound ? large_sparse(binds_bytes(kernel)) : NULL,
                             .recipes = bound ? kernel_map(kernel, KERNEL_MAP_flow_recipes)->memory : NULL,
                             .half_open = kernel_map(kernel, KERNEL_MAP_flow_bits)->memory,
                             .swept = kernel_map(kernel, KERNEL_MAP_flow_swept)->memory};
    if (ops->table && (ops->binds || !bound)) return true;
    flows_fini(ops);
    return false;
}

void flows_fini(struct flow_ops *ops)
{
    if (ops->binds) large_sparse_free(ops->binds, binds_bytes(ops->arg));
    free(ops->table);
    ops->binds = NULL;
    ops->table = NULL;
}

const char *flows_lack(const struct kernel *k, const struct program *p)
{
    struct kernel_sizes s = {0};
    flows_sizes(p, &s);
    if ((p->mirrors_count || p->observes_count) && kernel_map(k, KERNEL_MAP_copies)->entries == 1)
        return p->mirrors_count ? "copy packets" : "watch connections";
    if (!(p->meta->flags & PBC_KEEPS_FLOWS)) return NULL;
    const struct flow_head *const head = kernel_map(k, KERNEL_MAP_flow_head)->memory;
    if (!head->table.groups) return "follow connections";
    if (s.flow_bound > 1 && kernel_map(k, KERNEL_MAP_flow_recipes)->entries == 1) return "send connections on";
    const bool counts = p->meta->flags & PBC_COUNTS_FLOWS;
    if (counts && kernel_map(k, KERNEL_MAP_source_words)->entries == 1) return "count flows by source";
    const struct grains asked = grains_of(p->grains, p->grains_count);
    return counts && !grains_hold(&head->grains, &asked) ? "have a `flows over` with a new prefix length" : NULL;
}

/* In a live run, mid-stream TCP is picked up from the first frame, because this frame may come before a worker sees
 * the time. */
void flows_begin(const struct program *p, bool live, uint64_t seed, uint32_t slots, struct flow_head *head)
{
    if (!(p->meta->flags & PBC_KEEPS_FLOWS)) return;
    struct flow_table_cfg cfg = track_table_cfg(p, false);
    cfg.seed = seed;
    cfg.begins = live;
    flow_table_begin(&head->table, &cfg, slots);
    if (live) head->pickup_until_ns = time_after(clock_ns(CLOCK_MONOTONIC), flow_pickup_ns(p->settings, true));
    head->grains = grains_of(p->grains, p->grains_count);
}
