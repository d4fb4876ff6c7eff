/* See adopt.h. Both sides know which hooks are loaded, and so the descriptors and their order. */
#include "runtime/kernel/adopt.h"

#include <assert.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

#include "runtime/kernel/kernel_priv.h"

static_assert(KERNEL_TABLES + JUDGE_ENTRIES <= JUDGE_FDS_MOST, "descriptors of a judge");

void kernel_ready(void) { libbpf_num_possible_cpus(); /* the library caches this number */ }

static bool is_stage(const struct kernel *k, enum kernel_entry e)
{
    return !entry_is_programs(e) && entry_is_wanted(k->cfg.hooks, e);
}

unsigned kernel_fds(const struct kernel *k, int fds[KERNEL_FDS_MOST])
{
    unsigned n = 0;
    for (unsigned i = 0; i < KERNEL_MAPS; i++) fds[n++] = k->maps.v[i].fd;
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++)
        if (is_stage(k, e)) fds[n++] = k->programs[e];
    return n;
}

unsigned kernel_hooks(const struct kernel *k) { return k->cfg.hooks; }

static void close_all(const int fds[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) close(fds[i]);
}

static unsigned stages(const struct kernel *k)
{
    unsigned n = 0;
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++) n += is_stage(k, e);
    return n;
}

struct kernel *kernel_adopt(const struct program *p, const struct kernel_sizes *sizes, unsigned hooks, const int fds[],
                            unsigned count)
{
    const struct kernel_sizes own = kernel_sizes_of(p, (uint32_t)libbpf_num_possible_cpus());
    const struct kernel_cfg cfg = {.hooks = hooks, .live = true};
    const unsigned due = KERNEL_MAPS + stages(&(struct kernel){.cfg = cfg});
    struct kernel *k = count == due ? kernel_empty(&cfg) : NULL;
    if (!k) {
        close_all(fds, count);
        return NULL;
    }
    unsigned n = KERNEL_MAPS;
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++)
        if (is_stage(k, e)) k->programs[e] = fds[n++];
    const int failed = maps_adopt(&k->maps, sizes ? sizes : &own, fds, false);
    if (!failed) return k;
    kernel_free(k);
    errno = -failed;
    return NULL;
}

unsigned judge_fds(const struct judge *j, int fds[JUDGE_FDS_MOST])
{
    unsigned n = 0;
    for (unsigned i = 0; i != KERNEL_TABLES; i++) fds[n++] = j->tables.v[i].fd;
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++)
        if (entry_is_programs(e) && j->programs[e] >= 0) fds[n++] = j->programs[e];
    return n;
}

struct judge *judge_adopt(const struct kernel *k, const struct program *p, const int fds[], unsigned count)
{
    struct judge *j = count >= KERNEL_TABLES ? judge_begin() : NULL;
    if (!j) {
        close_all(fds, count);
        return NULL;
    }
    /* In the order of judge_fds; entries that the program does not need are not among them. */
    unsigned n = KERNEL_TABLES;
    const int failed = tables_adopt(&j->tables, p, (uint32_t)libbpf_num_possible_cpus(), fds);
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++)
        if (entry_is_programs(e) && entry_is_wanted(k->cfg.hooks, e) && tables_want(&j->tables, e) && n < count)
            j->programs[e] = fds[n++];
    if (!failed && n == count) return j;
    kernel_discard(j);
    return NULL;
}

void kernel_took(struct kernel *k, struct judge *j)
{
    kernel_discard(k->judge);
    k->judge = j;
}
