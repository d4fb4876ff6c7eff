/* Creation and destruction of the kernel. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "runtime/kernel/kernel_priv.h"
#include "runtime/kernel/object/refused.h"
#include "runtime/kernel/pass/passed.h"
#include "runtime/kernel/run/flow_map.h"
#include "vm/kernel/gen/insns.h"

/* True if the kernel lacks may_goto (Linux 6.9), so that loops are counted (vm/kernel/loop.bpf.h). This is tried,
 * not read from its version. If nothing can be loaded at all, the stages report that. */
static bool form_is_counted(void)
{
    static const struct bpf_insn loop[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
                                           {.code = INSN_MAY_GOTO, .off = 1},
                                           {.code = BPF_JMP | BPF_JA, .off = -2},
                                           {.code = BPF_JMP | BPF_EXIT}};
    const int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "may_goto", "Dual BSD/GPL", loop, sizeof loop / sizeof *loop, NULL);
    if (fd >= 0) close(fd);
    return fd < 0;
}

static int init_constants(struct kernel *k, char *err, size_t err_len)
{
    if (!k->objects->constants_len) return 0;
    const int failed = map_flat(&k->constants, "constants", k->objects->constants_len);
    if (failed) refused_map("constants", k->constants.len, failed, err, err_len);
    if (!failed) memcpy(k->constants.memory, k->objects->constants, k->objects->constants_len);
    return failed;
}

/* Return the last line of a log. */
static const char *last_line(char *log)
{
    const char *last = "";
    for (char *at, *line = strtok_r(log, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) last = line;
    return last;
}

/* Set each packet's place; the secret, so that arriving packets cannot pass for a test run; and prey's own mark. */
static int init_world(struct kernel *k, char *err, size_t err_len)
{
    struct kernel_world *w = kernel_world(k);
    for (uint32_t i = 0; i < k->maps.v[KERNEL_MAP_kpkts].entries; i++) kernel_kpkts(k)[i].place = i;
    w->ours = k->cfg.mark;
    while (!w->secret || !w->ours) {
        const bool drawn = getrandom(&w->secret, sizeof w->secret, 0) == sizeof w->secret &&
                           (k->cfg.mark || getrandom(&w->ours, sizeof w->ours, 0) == sizeof w->ours);
        if (drawn) continue;
        snprintf(err, err_len, "random numbers aren't available: %s", strerror(errno));
        return -errno;
    }
    return 0;
}

static int init_types(struct kernel *k, char *err, size_t err_len)
{
    char log[4096] = "";
    k->btf = bpf_btf_load(k->objects->btf, k->objects->btf_len, NULL);
    if (k->btf >= 0) return 0;
    const int failed = -errno;
    LIBBPF_OPTS(bpf_btf_load_opts, o, .log_buf = log, .log_size = sizeof log, .log_level = 1);
    const int again = bpf_btf_load(k->objects->btf, k->objects->btf_len, &o);
    if (again >= 0) close(again);
    const char *why = last_line(log);
    snprintf(err, err_len, "the kernel rejects the type information of prey's eBPF programs: %s%s%s; use --exec user",
             strerror(-failed), *why ? ": " : "", why);
    return failed;
}

/* Maps that are made, whose pages the kernel clears, while objects are read. */
struct making {
    struct kernel *kernel;
    const struct kernel_sizes *sizes;
    pthread_t thread;
    bool apart; /* the maps are made in a separate thread */
    int failed;
    char err[400];
};

/* Take the maps of another process, and make the arrays of stages. */
static int take_maps(struct making *m)
{
    struct kernel *k = m->kernel;
    int fds[KERNEL_MAPS], failed = 0;
    kernel_passed_maps(k->cfg.passed, fds, k->tables);
    for (unsigned i = 0; i < KERNEL_MAPS; i++)
        if (fds[i] >= 0) fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
    for (unsigned i = 0; i != KERNEL_TABLES; i++) k->tables[i] = fcntl(k->tables[i], F_DUPFD_CLOEXEC, 0);
    failed = maps_adopt(&k->maps, m->sizes, fds, true);
    if (failed)
        snprintf(m->err, sizeof m->err, "the maps of the previous process can't be taken over: %s", strerror(-failed));
    return failed ? failed : maps_complete(&k->maps, m->err, sizeof m->err);
}

static void *make_maps(void *arg)
{
    struct making *m = arg;
    m->failed = m->kernel->cfg.passed ? take_maps(m) : maps_init(&m->kernel->maps, m->sizes, m->err, sizeof m->err);
    return NULL;
}

/* Read the objects and load their types, and make the maps. */
static int init_parts(struct kernel *k, const struct kernel_sizes *sizes, char *err, size_t err_len)
{
    struct making m = {.kernel = k, .sizes = sizes};
    m.apart = !pthread_create(&m.thread, NULL, make_maps, &m);
    k->objects = objects_new(form_is_counted(), err, err_len);
    const int failed = k->objects ? init_types(k, err, err_len) : -ENOMEM;
    if (m.apart)
        pthread_join(m.thread, NULL);
    else
        make_maps(&m);
    if (failed || !m.failed) return failed;
    snprintf(err, err_len, "%s", m.err);
    return m.failed;
}

/* Fill the tables that have contents at a start. */
static int init_contents(struct kernel *k, const struct program *p, char *err, size_t err_len)
{
    const struct map *const v = k->maps.v;
    const uint64_t seed = k->cfg.seed;
    flows_begin(p, k->cfg.live, seed, k->maps.sizes.flow_slots, v[KERNEL_MAP_flow_head].memory);
    hash_key_init(&((struct inline_marks *)v[KERNEL_MAP_marks].memory)->key, seed);
    hash_key_init(&((struct splice_head *)v[KERNEL_MAP_splices].memory)->key, seed + 1);
    hash_key_init(&((struct question_head *)v[KERNEL_MAP_question_head].memory)->hash, seed + 2);
    if (k->maps.sizes.source_slots)
        kernel_sources_fill(v[KERNEL_MAP_sources].memory, grain_keys(p->flows, p->grains_count), seed);
    return init_world(k, err, err_len);
}

/* Load the stages, and make rings meanwhile. */
static int load_beside_rings(struct kernel *k, char *err, size_t err_len)
{
    pthread_t thread;
    const bool apart = k->cfg.raises && !pthread_create(&thread, NULL, rings_make, k);
    const int failed = load_stages(k, err, err_len);
    if (apart) pthread_join(thread, NULL);
    return failed;
}

struct kernel *kernel_empty(const struct kernel_cfg *cfg)
{
    struct kernel *k = calloc(1, sizeof *k);
    if (!k) return NULL;
    *k = (struct kernel){.cfg = *cfg, .btf = -1, .constants.fd = -1, .cpus = (uint32_t)libbpf_num_possible_cpus()};
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++) k->programs[e] = -1;
    for (unsigned i = 0; i < KERNEL_MAPS; i++) k->maps.v[i].fd = -1;
    for (unsigned i = 0; i < KERNEL_SERVED; i++) k->rings[i] = -1;
    for (unsigned i = 0; i != KERNEL_TABLES; i++) k->tables[i] = -1;
    return k;
}

struct kernel *kernel_new(const struct program *p, const struct kernel_cfg *cfg, char *err, size_t err_len)
{
    struct kernel *k = kernel_empty(cfg);
    if (!k) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    k->first = cfg->passed;
    if (k->first) k->prover = cfg->passed->says.asker;
    const struct kernel_sizes sizes = cfg->passed  ? cfg->passed->says.sizes
                                      : cfg->sizes ? *cfg->sizes
                                                   : kernel_sizes_of(p, k->cpus);
    int failed = init_parts(k, &sizes, err, err_len);
    if (!failed && !cfg->passed) failed = init_contents(k, p, err, err_len);
    if (!failed) failed = init_constants(k, err, err_len);
    if (!failed) failed = load_beside_rings(k, err, err_len);
    k->cfg.passed = NULL;
    k->cfg.sizes = NULL;
    if (!failed) return k;
    kernel_free(k);
    struct obstacle o;
    const int here = refused_here(&o); /* it reports more than the first failure does */
    const size_t said = here ? strlen(obstacle_text(&o, err, err_len)) : 0;
    if (here) snprintf(err + said, err_len - said, "; use --exec user");
    errno = here ? -here : -failed;
    return NULL;
}

void kernel_free(struct kernel *k)
{
    if (!k) return;
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++)
        if (k->programs[e] >= 0) close(k->programs[e]);
    for (unsigned i = 0; i < KERNEL_SERVED; i++)
        if (k->rings[i] >= 0) close(k->rings[i]);
    kernel_discard(k->judge);
    kernel_world_back(k);
    for (unsigned i = 0; i != KERNEL_TABLES; i++)
        if (k->tables[i] >= 0) close(k->tables[i]);
    map_fini(&k->constants);
    maps_fini(&k->maps);
    if (k->btf >= 0) close(k->btf);
    objects_free(k->objects);
    free(k);
}
