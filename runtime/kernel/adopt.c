/* See adopt.h. All of the giver's hooks are loaded, so both sides know which descriptors come, and in which order. */
#include "runtime/kernel/adopt.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/kernel/kernel_priv.h"

static bool is_judge(enum kernel_entry e) { return e == KERNEL_ENTRY_judge_xdp || e == KERNEL_ENTRY_judge_tc; }

void kernel_ready(void) { libbpf_num_possible_cpus(); /* which the library remembers */ }

unsigned kernel_fds(const struct kernel *k, int fds[KERNEL_FDS_MOST])
{
    unsigned n = 0;
    for (unsigned i = 0; i < KERNEL_MAPS; i++) fds[n++] = k->maps.v[i].fd;
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++)
        if (!is_judge(e)) fds[n++] = k->programs[e];
    return n;
}

static void close_all(const int fds[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) close(fds[i]);
}

struct kernel *kernel_adopt(const struct program *p, const int fds[], unsigned count)
{
    const uint32_t cpus = (uint32_t)libbpf_num_possible_cpus();
    const struct kernel_sizes sizes = {.cpus = cpus, .program = p};
    struct kernel *k = count == KERNEL_FDS_MOST - 2 ? calloc(1, sizeof *k) : NULL;
    if (!k) {
        close_all(fds, count);
        return NULL;
    }
    unsigned n = KERNEL_MAPS;
    *k = (struct kernel){.cfg.hooks = KERNEL_XDP | KERNEL_TC, .btf = -1, .constants.fd = -1, .cpus = cpus};
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++) k->programs[e] = is_judge(e) ? -1 : fds[n++];
    const int failed = maps_adopt(&k->maps, &sizes, fds);
    if (!failed) return k;
    kernel_free(k);
    errno = -failed;
    return NULL;
}

unsigned judge_fds(const struct judge *j, int fds[JUDGE_FDS_MOST])
{
    unsigned n = 0;
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++)
        if (is_judge(e)) fds[n++] = j->programs[e];
    return n;
}

struct judge *judge_adopt(const int fds[], unsigned count)
{
    struct judge *j = count == 2 ? judge_begin() : NULL;
    if (!j) {
        close_all(fds, count);
        return NULL;
    }
    unsigned n = 0;
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++)
        if (is_judge(e)) j->programs[e] = fds[n++];
    return j;
}

void kernel_took(struct kernel *k, struct judge *j)
{
    kernel_discard(k->judge);
    k->judge = j;
}
