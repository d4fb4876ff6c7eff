/* Reuses a kernel whose maps are large enough, after clearing everything that outlives a program (one_kernel.h). */
#include "tests/lib/one_kernel.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/run/events.h"
#include "runtime/kernel/run/flow_map.h"
#include "runtime/kernel/kernel_priv.h"

enum { KEPT = 4 };

static struct kept {
    struct kernel *kernel;
    struct executor *in; /* NULL: unused */
} kept[KEPT];

/* ---- clearing ---- */

static void forget(void *arg, const struct kernel_event *event, size_t len) { (void)arg, (void)event, (void)len; }

static void clear_ring(const struct kernel *k)
{
    struct kernel_events *e = kernel_events_new(kernel_map(k, KERNEL_MAP_events)->fd, forget, NULL);
    if (e) kernel_events_take(e);
    kernel_events_free(e);
}

static void clear_pieces(const struct kernel *k)
{
    const int map = kernel_map(k, KERNEL_MAP_datagrams)->fd;
    struct kernel_datagram piece;
    while (!bpf_map_get_next_key(map, NULL, &piece)) bpf_map_delete_elem(map, &piece);
}

static void clear_routes(const struct kernel *k)
{
    const int map = kernel_map(k, KERNEL_MAP_routes)->fd;
    struct kernel_route_to to;
    while (!bpf_map_get_next_key(map, NULL, &to) && !bpf_map_delete_elem(map, &to)) continue;
}

static void clear(const struct kernel *k, enum kernel_map map)
{
    const struct map *m = kernel_map(k, map);
    memset(m->memory, 0, m->len);
}

static void clear_slot(const struct kernel *k, uint32_t slot)
{
    const uint32_t bound = kernel_map(k, KERNEL_MAP_flow_recipes)->entries;
    ((struct flow *)kernel_map(k, KERNEL_MAP_flow_slots)->memory)[slot] = (struct flow){0};
    ((struct flow_cold *)kernel_map(k, KERNEL_MAP_flow_cold)->memory)[slot] = (struct flow_cold){0};
    if (slot >= bound) return;
    ((struct recipe *)kernel_map(k, KERNEL_MAP_flow_recipes)->memory)[slot] = (struct recipe){0};
}

/* Clear the flow table. Lines of free slots need no clearing. */
static void clear_flows(const struct kernel *k)
{
    const struct map *tags = kernel_map(k, KERNEL_MAP_flow_tags);
    for (uint32_t slot = 0; slot < tags->entries; slot++)
        if (((const uint16_t *)tags->memory)[slot]) clear_slot(k, slot);
    clear(k, KERNEL_MAP_flow_tags);
    clear(k, KERNEL_MAP_flow_bits);
    clear(k, KERNEL_MAP_flow_head);
    clear(k, KERNEL_MAP_source_tags);
    clear(k, KERNEL_MAP_source_words);
    clear(k, KERNEL_MAP_sources);
}

static void clear_marks(const struct kernel *k)
{
    struct inline_marks *m = kernel_map(k, KERNEL_MAP_marks)->memory;
    if (m->live) clear(k, KERNEL_MAP_marks);
    hash_key_init(&m->key, k->cfg.seed);
}

static void clear_world(const struct kernel *k)
{
    struct kernel_world *w = kernel_world(k);
    *w = (struct kernel_world){.secret = w->secret};
    clear(k, KERNEL_MAP_kpkts);
    for (uint32_t i = 0; i < kernel_map(k, KERNEL_MAP_kpkts)->entries; i++) kernel_kpkts(k)[i].place = i;
}

/* Restore the state that kernel_new leaves. */
static void begin(struct kernel *k, const struct program *p, const struct kernel_cfg *cfg)
{
    kernel_discard(k->judge);
    k->judge = NULL;
    k->cfg = *cfg;
    clear_ring(k);
    clear_pieces(k);
    clear_routes(k);
    clear_flows(k);
    clear_world(k);
    clear_marks(k);
    clear(k, KERNEL_MAP_counters);
    clear(k, KERNEL_MAP_counts);
    clear(k, KERNEL_MAP_events_lost);
    const struct kernel_sizes sizes = kernel_sizes_of(p, k->cpus);
    flows_begin(p, cfg->live, cfg->seed, sizes.flow_slots, kernel_map(k, KERNEL_MAP_flow_head)->memory);
    if (sizes.source_slots)
        kernel_sources_fill(kernel_map(k, KERNEL_MAP_sources)->memory, grain_keys(p->settings->flows, p->grains_count),
                            cfg->seed);
}

/* ---- reuse ---- */

/* True if it binds flows like the program, and has enough room for it. */
static bool fits(const struct kernel *k, const struct program *p, const struct kernel_cfg *cfg)
{
    const struct kernel_sizes s = kernel_sizes_of(p, k->cpus);
    const struct maps *m = &k->maps;
    return cfg->hooks == k->cfg.hooks && cfg->live == k->cfg.live &&
           (s.flow_bound > 1) == (m->v[KERNEL_MAP_flow_recipes].entries > 1) &&
           s.flow_bound <= m->v[KERNEL_MAP_flow_recipes].entries &&
           s.flow_slots <= m->v[KERNEL_MAP_flow_slots].entries && s.flow_words <= m->v[KERNEL_MAP_flow_bits].entries &&
           s.source_slots + GROUP <= m->v[KERNEL_MAP_source_tags].entries &&
           counts_room(p, k->cpus) <= m->v[KERNEL_MAP_counts].entries;
}

/* Return an unused kernel that fits, else one that may be replaced or an empty place. NULL if all are used. */
static struct kept *choose(const struct program *p, const struct kernel_cfg *cfg)
{
    struct kept *may = NULL;
    for (unsigned i = 0; i < KEPT; i++) {
        if (kept[i].in) continue;
        if (kept[i].kernel && fits(kept[i].kernel, p, cfg)) return &kept[i];
        if (!may || (may->kernel && !kept[i].kernel)) may = &kept[i];
    }
    return may;
}

static void free_kept(void)
{
    for (unsigned i = 0; i < KEPT; i++) kernel_free(kept[i].kernel);
}

static struct executor *within(struct kept *at, struct program *p, const struct vm_cfg *cfg,
                               const struct kernel_cfg *there, char *err, size_t err_len)
{
    static bool freed;
    if (at->kernel && fits(at->kernel, p, there)) {
        begin(at->kernel, p, there);
    } else {
        kernel_free(at->kernel);
        at->kernel = kernel_new(p, there, err, err_len);
    }
    if (!freed && !atexit(free_kept)) freed = true;
    at->in = at->kernel ? executor_over(at->kernel, p, cfg, err, err_len) : NULL;
    return at->in;
}

bool one_kernel_asked(const struct program *p) { return getenv("IN_KERNEL") && program_holds(p) == PBC_NONE; }

bool one_kernel_is_tc(void)
{
    const char *said = getenv("IN_KERNEL");
    return said && !strcmp(said, "tc");
}

struct executor *one_kernel_new(struct program *p, const struct vm_cfg *cfg, bool in_kernel, char *err, size_t err_len)
{
    const unsigned hook = !in_kernel ? 0 : one_kernel_is_tc() ? KERNEL_TC | KERNEL_BARE : KERNEL_XDP;
    const struct kernel_cfg there = {.hooks = hook, .live = cfg->live, .seed = cfg->seed};
    struct kept *at = in_kernel ? choose(p, &there) : NULL;
    return at ? within(at, p, cfg, &there, err, err_len) : executor_new(p, cfg, hook, err, err_len);
}

void one_kernel_free(struct executor *e)
{
    executor_free(e);
    for (unsigned i = 0; i < KEPT && e; i++)
        if (kept[i].in == e) kept[i].in = NULL;
}

struct executor *one_kernel_worker(struct program *p, const struct vm_cfg *cfg)
{
    char why[600] = "out of memory";
    struct executor *e = one_kernel_new(p, cfg, one_kernel_asked(p), why, sizeof why);
    if (!e) printf("# %s\n", why);
    fflush(stdout); /* the caller may exit here */
    return e;
}
