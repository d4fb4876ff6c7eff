/* Loading of programs into the kernel. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/kernel/kernel_priv.h"
#include "runtime/kernel/object/refused.h"
#include "runtime/kernel/run/copied_ring.h"
#include "runtime/kernel/run/each.h"
#include "vm/kernel/gen/gen.h"

struct entry {
    const char *name;
    enum bpf_prog_type type;
    int array; /* enum kernel_map; -1: none */
    uint32_t at;
};
enum { KERNEL_MAP_NONE = -1 };
static const struct entry entries[] = {
#define ENTRY(name, type, array, at, doc) {#name, BPF_PROG_TYPE_##type, KERNEL_MAP_##array, at},
#include "vm/kernel/entry.def"
};

bool entry_is_wanted(unsigned hooks, enum kernel_entry e)
{
    if (entries[e].type == BPF_PROG_TYPE_SYSCALL) return true;
    if (e == KERNEL_ENTRY_look_bare || e == KERNEL_ENTRY_look_bare_in) return hooks & KERNEL_BARE;
    return hooks & (entries[e].type == BPF_PROG_TYPE_XDP ? KERNEL_XDP : KERNEL_TC);
}

/* If a log does not fit, the kernel drops its beginning; before Linux 6.4 its end. */
enum { LOG_BYTES = 1 << 24 };

/* Output of the kernel's verifier: nothing; messages only, which is free (BPF_LOG_STATS); instructions, too
 * (BPF_LOG_LEVEL1). */
enum log_level { LOG_NONE = 0, LOG_INSTRUCTIONS = 1, LOG_MESSAGES = 4 };

static int load_linked(const struct kernel *k, enum kernel_entry e, const struct linked *l, char *log,
                       enum log_level level)
{
    const enum bpf_prog_type type = entries[e].type;
    const uint32_t flags = type == BPF_PROG_TYPE_XDP       ? BPF_F_XDP_HAS_FRAGS
                           : type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE
                                                           : 0;
    LIBBPF_OPTS(bpf_prog_load_opts, o, .prog_btf_fd = (uint32_t)k->btf, .func_info = l->types,
                .func_info_cnt = l->function_count, .func_info_rec_size = sizeof *l->types, .line_info = l->lines,
                .line_info_cnt = l->line_count, .line_info_rec_size = sizeof *l->lines, .log_buf = log,
                .log_size = log ? LOG_BYTES : 0, .log_level = level, .prog_flags = flags);
    if (log) log[0] = 0;
    const int fd = bpf_prog_load(type, entries[e].name, "Dual BSD/GPL", l->insns, l->count, &o);
    return fd < 0 ? -errno : fd;
}

/* Load a refused program again for the verifier's log. */
static void ask_log(const struct kernel *k, enum kernel_entry e, const struct linked *l, char *log,
                    enum log_level level)
{
    const int fd = load_linked(k, e, l, log, level);
    if (fd >= 0) close(fd); /* the kernel has accepted the program this time */
}

/* Describe a refusal. The log's instructions identify the function. A program that was too complex is verified
 * again, which takes seconds, only if the log is wanted. */
static void say_refused(const struct kernel *k, enum kernel_entry e, const struct linked *l, int failed, char *err,
                        size_t err_len)
{
    if (failed == -E2BIG && !k->cfg.refused) {
        refused_program(l, entries[e].name, failed, (char[]){""}, err, err_len);
        return;
    }
    char *messages = malloc(LOG_BYTES), *instructions = malloc(LOG_BYTES), *log = messages;
    if (messages && instructions) {
        ask_log(k, e, l, messages, LOG_MESSAGES);
        instructions[0] = 0;
        if (*messages && !strstr(messages, "too large")) ask_log(k, e, l, instructions, LOG_INSTRUCTIONS);
        if (strstr(instructions, "\nprocessed ")) log = instructions; /* the log reaches its end, the summary line */
        if (k->cfg.refused) k->cfg.refused(entries[e].name, log);
        refused_program(l, entries[e].name, failed, log, err, err_len);
    } else {
        snprintf(err, err_len, "out of memory");
    }
    free(messages);
    free(instructions);
}

struct naming {
    const struct kernel *kernel;
    const struct sections *sections; /* tables of the program; NULL: a stage without them */
    const struct judge_tables *tables;
};

static bool value_of(void *arg, const char *name, struct link_value *v)
{
    const struct naming *n = arg;
    const struct kernel *k = n->kernel;
    const uint32_t constant = objects_constant(k->objects, name);
    if (constant != UINT32_MAX) {
        *v = (struct link_value){.kind = LINK_ADDRESS, .map = k->constants.fd, .number = constant};
        return true;
    }
    return (n->sections && sections_value(n->sections, name, v)) || (n->tables && tables_value(n->tables, name, v)) ||
           maps_value(&k->maps, name, v);
}

/* Collection of the sections that are read. */
struct wanting {
    struct naming naming;
    uint64_t sections;
};
static bool value_wanted(void *arg, const char *name, struct link_value *v)
{
    struct wanting *w = arg;
    const unsigned section = section_of(name);
    *v = (struct link_value){.kind = LINK_NUMBER};
    if (section == SECTION_COUNT) return value_of(&w->naming, name, v);
    w->sections |= 1ull << section;
    return true;
}

/* Link and load; *fd is the program. */
static int link_and_load(const struct kernel *k, const struct code *code, enum kernel_entry e, struct naming *n,
                         int *fd, char *err, size_t err_len)
{
    struct linked l;
    int failed = link_program(k->objects, code, entries[e].name, value_of, n, &l, err, err_len);
    /* Load without a log at first, because a load fails if its log does not fit. */
    if (!failed) *fd = load_linked(k, e, &l, NULL, LOG_NONE);
    if (!failed && *fd < 0) say_refused(k, e, &l, *fd, err, err_len);
    linked_fini(&l);
    return failed ? failed : *fd < 0 ? *fd : 0;
}

static int load_stage(void *arg, enum kernel_entry e, char *err, size_t err_len)
{
    struct kernel *k = arg;
    return link_and_load(k, NULL, e, &(struct naming){.kernel = k}, &k->programs[e], err, err_len);
}

/* Put the program into its array, if it has one. */
static int entry_put(const struct kernel *k, enum kernel_entry e, int fd)
{
    if (entries[e].array < 0) return 0;
    return bpf_map_update_elem(k->maps.v[entries[e].array].fd, &entries[e].at, &fd, BPF_ANY) ? -errno : 0;
}

int load_stages(struct kernel *k, char *err, size_t err_len)
{
    uint32_t stages = 0;
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++)
        if (!entry_is_programs(e) && entry_is_wanted(k->cfg.hooks, e)) stages |= 1u << e;
    int failed = each_entry(stages, load_stage, k, err, err_len);
    for (unsigned e = 0; !failed && e < KERNEL_ENTRIES; e++) {
        failed = stages >> e & 1 ? entry_put(k, e, k->programs[e]) : 0;
        if (failed)
            snprintf(err, err_len, "the eBPF program `%s` can't be put in force: %s", entries[e].name,
                     strerror(-failed));
    }
    return failed;
}

/* A loaded judge; each entry has its own thread. */
struct judging {
    const struct kernel *kernel;
    const struct code *code;
    struct judge *judge;
};

static int load_one(void *arg, enum kernel_entry e, char *err, size_t err_len)
{
    const struct judging *w = arg;
    struct judge *j = w->judge;
    struct naming n = {.kernel = w->kernel, .sections = &j->sections, .tables = &j->tables};
    return link_and_load(w->kernel, w->code, e, &n, &j->programs[e], err, err_len);
}

static int wanted(const struct kernel *k, const struct judge *j, const struct code *code, enum kernel_entry e,
                  uint64_t *sections, char *err, size_t err_len)
{
    struct wanting w = {.naming = {.kernel = k, .tables = &j->tables}};
    struct linked l;
    const int failed = link_program(k->objects, code, entries[e].name, value_wanted, &w, &l, err, err_len);
    linked_fini(&l);
    *sections |= w.sections;
    return failed;
}

/* Make the judge's tables; or take those of the process before, for the program that is in force there. Each process
 * has its own live sets, because only it knows how their slots are used: members pass by the archive. */
static int init_tables(const struct kernel *k, const struct program *p, struct judge *j, char *err, size_t err_len)
{
    int fds[KERNEL_TABLES + 1];
    if (!k->first) return tables_init(&j->tables, p, k->cpus, k->cfg.seed, err, err_len);
    for (unsigned i = 0; i != KERNEL_TABLES; i++)
        fds[i] = table_is_of_lives(i) ? -1 : fcntl(k->tables[i], F_DUPFD_CLOEXEC, 0);
    const int failed = tables_adopt(&j->tables, p, k->cpus, fds);
    if (failed) snprintf(err, err_len, "the meters of the previous process can't be taken over: %s", strerror(-failed));
    return failed;
}

int load_code(const struct kernel *k, const struct program *p, const struct code *code, struct judge *j, char *err,
              size_t err_len)
{
    uint64_t sections = 0;
    uint32_t all = 0;
    j->serial = p->serial;
    int failed = init_tables(k, p, j, err, err_len);
    for (unsigned e = 0; !failed && e < KERNEL_ENTRIES; e++) {
        if (!entry_is_programs(e) || !entry_is_wanted(k->cfg.hooks, e) || !tables_want(&j->tables, e)) continue;
        all |= 1u << e;
        failed = wanted(k, j, code, e, &sections, err, err_len);
    }
    if (!failed) failed = sections_init(&j->sections, p, sections, err, err_len);
    struct judging w = {k, code, j};
    return failed ? failed : each_entry(all, load_one, &w, err, err_len);
}

static int load_judge(const struct kernel *k, const struct program *p, struct judge *j, char *err, size_t err_len)
{
    struct code code = {0};
    int failed = gen_judge(p, k->objects->counted, &code, err, err_len);
    if (!failed) failed = load_code(k, p, &code, j, err, err_len);
    gen_free(&code);
    return failed;
}

struct judge *judge_begin(void)
{
    struct judge *j = calloc(1, sizeof *j);
    if (!j) return NULL;
    j->sections.map.fd = -1;
    for (unsigned i = 0; i != KERNEL_TABLES; i++) j->tables.v[i].fd = -1;
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++) j->programs[e] = -1;
    return j;
}

void kernel_discard(struct judge *j)
{
    if (!j) return;
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++)
        if (j->programs[e] >= 0) close(j->programs[e]);
    sections_fini(&j->sections);
    tables_fini(&j->tables);
    free(j);
}

int kernel_prepared(const struct judge *j, enum kernel_entry entry) { return j->programs[entry]; }

/* Load the stages that count for all programs, over the present map of counters. */
static int load_counting(struct kernel *k, char *err, size_t err_len)
{
    static const enum kernel_entry counting[] = {KERNEL_ENTRY_act_xdp, KERNEL_ENTRY_act_tc};
    int failed = 0;
    for (unsigned i = 0; !failed && i < sizeof counting / sizeof *counting; i++) {
        const enum kernel_entry e = counting[i];
        const int before = k->programs[e];
        if (before < 0) continue;
        failed = load_stage(k, e, err, err_len);
        if (!failed) failed = entry_put(k, e, k->programs[e]);
        close(failed ? k->programs[e] : before);
        if (failed) k->programs[e] = before;
    }
    return failed;
}

/* Replace the map of counters by one with room for a larger program. This is not done if packets arrive, because
 * counts would be lost meanwhile, and other processes have the map. */
static int grow_counts(struct kernel *k, const struct program *p, char *err, size_t err_len)
{
    const uint64_t wanted = map_power(counts_room(p, k->cpus));
    const struct map before = k->maps.v[KERNEL_MAP_counts];
    struct map more;
    if (k->cfg.live || wanted <= before.entries) return 0;
    int failed = map_entries(&more, "counts", sizeof(struct counter), wanted);
    if (failed) {
        refused_map("counts", more.len, failed, err, err_len);
        return failed;
    }
    memcpy(more.memory, before.memory, before.entries * sizeof(struct counter));
    k->maps.v[KERNEL_MAP_counts] = more;
    failed = load_counting(k, err, err_len);
    if (failed) k->maps.v[KERNEL_MAP_counts] = before;
    map_fini(failed ? &more : &(struct map){before.fd, before.entries, before.len, before.memory});
    return failed;
}

/* Give the program rows of counters, found by its serial; a program in force keeps its rows. */
static int make_rows(struct kernel *k, const struct program *p, char *err, size_t err_len)
{
    struct kernel_world *w = kernel_world(k);
    struct kernel_program *rows = &w->programs[(uint32_t)p->serial % KERNEL_PROGRAMS];
    const struct kernel_program *now = kernel_rows(k);
    struct kernel_program fresh;
    if (now->row && now->serial == (uint32_t)p->serial) return 0;
    int failed = grow_counts(k, p, err, err_len);
    if (!failed)
        failed = counts_take(&fresh, &k->maps.v[KERNEL_MAP_counts], p, now->row ? now : NULL, k->cpus, k->cfg.live, err,
                             err_len);
    if (!failed) *rows = fresh;
    return failed;
}

void kernel_place(const struct kernel *k, struct program *p)
{
    const struct kernel_program *now = kernel_rows(k);
    const bool taken = now->row && now->serial != (uint32_t)p->serial;
    if (taken && now->serial % KERNEL_PROGRAMS == p->serial % KERNEL_PROGRAMS) p->serial = program_serial();
}

/* Stop remembering decisions during a change of inputs to decisions. Earlier decisions are invalid afterwards. */
void kernel_remember_nothing(struct kernel *k)
{
    __atomic_store_n(&kernel_world(k)->memos_since_ns, UINT64_MAX, __ATOMIC_SEQ_CST);
}

void kernel_remember(struct kernel *k)
{
    struct kernel_world *w = kernel_world(k);
    __atomic_store_n(&w->memos_since_ns, k->cfg.live ? clock_ns(CLOCK_MONOTONIC) : w->asked_ns, __ATOMIC_SEQ_CST);
}

struct judge *kernel_prepare(struct kernel *k, const struct program *p, char *err, size_t err_len)
{
    struct judge *j = judge_begin();
    if (!j) snprintf(err, err_len, "out of memory");
    if (j) j->says = world_of(p);
    if (j) kernel_memos_of(j->memos, p);
    if (j && p->would) kernel_memos_would(j->memos + KERNEL_MEMOS, p->would);
    if (j && !k->first) kernel_copies_of(k, p);
    const bool made = j && !make_rows(k, p, err, err_len) && !load_judge(k, p, j, err, err_len);
    if (made && k->cfg.live) kernel_meters_at(&j->tables.meters, clock_ns(CLOCK_MONOTONIC));
    if (made) return j;
    kernel_discard(j);
    return NULL;
}

/* Put each hook's judge into its array. */
static int put_judge(const struct kernel *k, const struct judge *j)
{
    int failed = 0;
    for (unsigned e = 0; !failed && e < KERNEL_ENTRIES; e++)
        if (j->programs[e] >= 0) failed = entry_put(k, e, j->programs[e]);
    return failed;
}

/* Put the first judge over another process's maps into this process's own array, which changes nothing in the other
 * process. */
static int swap_first(struct kernel *k, struct judge *j, char *err, size_t err_len)
{
    const int failed = put_judge(k, j);
    if (failed) {
        snprintf(err, err_len, "the eBPF program of the rules can't be put in force: %s", strerror(-failed));
        return failed;
    }
    k->judge = j;
    k->first = false;
    return 0;
}

int kernel_swap(struct kernel *k, struct judge *j, char *err, size_t err_len)
{
    if (k->first) return swap_first(k, j, err, err_len);
    world_prepare(kernel_world(k), &j->says);
    if (k->judge) kernel_meters_keep(&j->tables.meters, &k->judge->tables.meters);
    const int failed = put_judge(k, j);
    if (failed) {
        if (k->judge) put_judge(k, k->judge);
        snprintf(err, err_len, "the eBPF program of the rules can't be put in force: %s", strerror(-failed));
        return failed;
    }
    if (k->judge) kernel_meters_follow(&j->tables.meters, &k->judge->tables.meters);
    kernel_discard(k->judge); /* the old judge's memory is freed once no packet is in it */
    k->judge = j;
    kernel_remember_nothing(k);
    memcpy(k->maps.v[KERNEL_MAP_memos].memory, j->memos, sizeof j->memos);
    world_settle(kernel_world(k), &j->says, (uint32_t)j->serial);
    kernel_remember(k);
    return 0;
}
