/* The other process announces sizes, and every map must have the size that follows from them. The contents of maps
 * are checked if this process or the stages would otherwise use them unchecked */
#include "runtime/kernel/pass/passed.h"

#include <assert.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/kernel/kernel_priv.h"

static_assert((int)PASSED_TABLES == (int)KERNEL_TABLES, "the tables of a judge");

static bool is_passed(enum kernel_map m) { return m != KERNEL_MAP_stages_xdp && m != KERNEL_MAP_stages_tc; }

unsigned kernel_pass(const struct kernel *k, unsigned asker, struct kernel_passed_says *says, int fds[PASSED_FDS])
{
    unsigned n = 0;
    if (!k->judge) return 0;
    const struct flow_head *flows = k->maps.v[KERNEL_MAP_flow_head].memory;
    *says = (struct kernel_passed_says){.sizes = k->maps.sizes,
                                        .bytes = flows->table.live * flow_table_bind_bytes(),
                                        .hooks = k->cfg.hooks,
                                        .program = kernel_world(k)->program,
                                        .asker = asker};
    says->sizes.program = NULL;
    for (unsigned i = 0; i < KERNEL_MAPS; i++)
        if (is_passed(i)) fds[n++] = k->maps.v[i].fd;
    for (unsigned i = 0; i != KERNEL_TABLES; i++) fds[n++] = k->judge->tables.v[i].fd;
    return n;
}

void kernel_passed_maps(const struct kernel_passed *from, int maps[KERNEL_MAPS], int tables[PASSED_TABLES])
{
    unsigned n = 0;
    for (unsigned i = 0; i < KERNEL_MAPS; i++) maps[i] = is_passed(i) ? from->fds[n++] : -1;
    for (unsigned i = 0; i != KERNEL_TABLES; i++) tables[i] = from->fds[n++];
}

void kernel_passed_close(struct kernel_passed *from)
{
    while (from->count) close(from->fds[--from->count]);
}

/* True for sizes that some program may have had. */
static bool sizes_are_sound(const struct kernel_sizes *s, const struct program *p)
{
    const uint32_t groups = s->flow_slots / GROUP, words = (groups + 63) / 64;
    const bool keeps = p->meta->flags & PBC_KEEPS_FLOWS;
    struct kernel_sizes least = {0};
    flows_sizes(p, &least);
    return s->cpus == (uint32_t)libbpf_num_possible_cpus() && s->flow_slots % GROUP == 0 && groups >= 2 &&
           (s->flow_bound == 1 || s->flow_bound == s->flow_slots) &&
           (s->flow_words == words + (words + 63) / 64 || (!keeps && !s->flow_words)) &&
           (least.flow_bound == 1 || s->flow_bound > 1) && s->counts && s->counts <= UINT32_MAX &&
           s->counts == map_power(s->counts) && s->source_slots <= UINT32_MAX && s->source_slots % GROUP == 0 &&
           s->splice_groups <= SPLICE_GROUPS_MOST && s->made && s->made <= MADE_MOST;
}

/* True if the maps' own descriptions fit their sizes and the program. */
static bool contents_are_sound(const struct maps *m, const struct kernel_passed_says *says, const struct program *p)
{
    const struct kernel_world *w = m->v[KERNEL_MAP_world].memory;
    const struct flow_head *flows = m->v[KERNEL_MAP_flow_head].memory;
    struct kernel_program wanted, rows = w->programs[says->program % KERNEL_PROGRAMS];
    kernel_program_of(&wanted, p, true);
    const uint32_t half = m->v[KERNEL_MAP_counts].entries / 2;
    const bool in_rows = (!rows.first || rows.first == half) && (uint64_t)rows.row * says->sizes.cpus <= half;
    wanted.first = rows.first;
    wanted.serial = says->program;
    wanted.flags |=
        rows.flags & (KERNEL_KEEPS_FLOWS | KERNEL_SENDS_ON); /* programs before a reload may have asked for these */
    const bool keeps = p->meta->flags & PBC_KEEPS_FLOWS;
    return w->secret && w->ours && w->program == says->program && in_rows && !memcmp(&wanted, &rows, sizeof wanted) &&
           (!keeps || flow_table_has(&flows->table, says->sizes.flow_slots));
}

int kernel_passed_look(const struct kernel_passed *from, const struct program *p, char *err, size_t err_len)
{
    int maps[KERNEL_MAPS], tables[PASSED_TABLES], own[KERNEL_MAPS];
    struct kernel_sizes sizes = from->says.sizes;
    struct maps m;
    sizes.program = p;
    int failed = from->count == PASSED_FDS && sizes_are_sound(&sizes, p) &&
                         from->says.hooks == (from->says.hooks & (KERNEL_XDP | KERNEL_TC | KERNEL_BARE)) &&
                         from->says.hooks & KERNEL_TC && from->says.asker < KERNEL_ASKERS
                     ? 0
                     : -EPROTO;
    if (failed) {
        snprintf(err, err_len, "the sizes of the running instance's maps don't fit any program");
        return failed;
    }
    kernel_passed_maps(from, maps, tables);
    for (unsigned i = 0; i < KERNEL_MAPS; i++) own[i] = maps[i] < 0 ? -1 : fcntl(maps[i], F_DUPFD_CLOEXEC, 0);
    failed = maps_adopt(&m, &sizes, own, true);
    if (!failed && !contents_are_sound(&m, &from->says, p)) failed = -EBADMSG;
    maps_fini(&m);
    if (failed)
        snprintf(err, err_len, "the running instance's maps don't match their description: %s", strerror(-failed));
    return failed;
}

int kernel_passed_anew(struct kernel_passed *from, const struct program *p, uint32_t slots, bool bound, char *err,
                       size_t err_len)
{
    struct kernel_sizes *s = &from->says.sizes;
    *s = kernel_sizes_of(p, (uint32_t)libbpf_num_possible_cpus());
    if (bound) s->flow_bound = slots;
    if (slots) flows_sized(slots, s);
    if (sizes_are_sound(s, p) && (slots || !(p->meta->flags & PBC_KEEPS_FLOWS))) return 0;
    snprintf(err, err_len, "the size of the running instance's flow table doesn't fit any program");
    return -EPROTO;
}

int kernel_world_copy(struct kernel *k)
{
    struct map *m = &k->maps.v[KERNEL_MAP_world];
    void *copy = mmap(NULL, m->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) return -ENOMEM;
    memcpy(copy, m->memory, m->len);
    k->world = m->memory;
    m->memory = copy;
    return 0;
}

void kernel_world_back(struct kernel *k)
{
    struct map *m = &k->maps.v[KERNEL_MAP_world];
    if (!k->world) return;
    munmap(m->memory, m->len);
    m->memory = k->world;
    k->world = NULL;
}
