/* Sizes follow from the program's limits; a refusal by the kernel is reported with the number of flows that would
 * fit */
#include "runtime/kernel/maps/maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/kernel/object/refused.h"
#include "vm/flow/track/track.h"
#include "vm/kernel/events.h"

static const char *const names[] = {
#define FLAT(name, type, entries)        #name,
#define EXACT(name, type, entries)       #name,
#define KEYED(name, type, key, value, n) #name,
#include "runtime/kernel/maps/map.def"
};

/* Longest value that a pointer with an offset may reach into (BPF_MAX_VAR_OFF). */
static const uint64_t value_most = 1u << 29;

/* Least size of a ring: a page of any machine. */
enum { RING_LEAST = 1 << 16 };

static uint64_t pages(uint64_t len)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return (len + page - 1) / page * page;
}

int map_flat(struct map *m, const char *name, uint64_t len)
{
    LIBBPF_OPTS(bpf_map_create_opts, flags, .map_flags = BPF_F_MMAPABLE);
    m->len = len = pages(len);
    if (len > value_most) return -E2BIG;
    m->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, (uint32_t)len, 1, &flags);
    if (m->fd < 0) return -errno;
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
    if (at == MAP_FAILED) return -errno;
    m->memory = at;
    return 0;
}

/* Make a map that is not mapped; with ARRAY_OF_MAPS, an array of rings of any size. */
static int keyed(struct map *m, const char *name, enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t n)
{
    const bool grows = type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LPM_TRIE;
    const bool rings = type == BPF_MAP_TYPE_ARRAY_OF_MAPS;
    const int like = rings ? bpf_map_create(BPF_MAP_TYPE_RINGBUF, name, 0, 0, RING_LEAST, NULL) : 0;
    if (like < 0) return -errno;
    LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = grows ? BPF_F_NO_PREALLOC : 0,
                .inner_map_fd = rings ? (uint32_t)like : 0);
    m->entries = n;
    m->fd = bpf_map_create(type, name, key, value, n, &opts); /* entries of sets take memory as they are added */
    const int failed = m->fd < 0 ? -errno : 0;
    if (rings) close(like);
    return failed;
}

uint64_t map_power(uint64_t entries)
{
    uint64_t power = 1;
    while (power < entries) power <<= 1;
    return power;
}

int map_entries(struct map *m, const char *name, uint64_t size, uint64_t entries)
{
    m->entries = (uint32_t)entries;
    return map_flat(m, name, size * entries);
}

/* Return 0 if the descriptor is a map of that type and those sizes, or a negative errno. Another process's
 * descriptor may be anything. */
static int map_is(int fd, enum bpf_map_type type, uint32_t key, uint64_t value, uint64_t entries, uint32_t flags)
{
    struct bpf_map_info info = {0};
    uint32_t len = sizeof info;
    if (bpf_obj_get_info_by_fd(fd, &info, &len)) return -errno;
    const bool is = info.type == (uint32_t)type && info.key_size == key && info.value_size == value &&
                    info.max_entries == entries && (info.map_flags & flags) == flags;
    return is ? 0 : -EPROTO;
}

int map_adopt(struct map *m, int fd, uint64_t size, uint64_t entries)
{
    m->fd = fd;
    m->entries = (uint32_t)entries;
    const uint64_t len = pages(size * entries);
    const int other = map_is(fd, BPF_MAP_TYPE_ARRAY, 4, len, 1, BPF_F_MMAPABLE);
    if (other) return other;
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
    if (at == MAP_FAILED) return -errno;
    m->memory = at;
    m->len = len;
    return 0;
}

static uint64_t at_least_one(uint64_t entries) { return entries ? entries : 1; }

static int map_make(struct map *m, enum kernel_map which, const struct kernel_sizes *s)
{
#define FLAT(name, type, count)                                                                                        \
    if (which == KERNEL_MAP_##name) return map_entries(m, #name, sizeof(type), map_power(count));
#define EXACT(name, type, count)                                                                                       \
    if (which == KERNEL_MAP_##name) return map_entries(m, #name, sizeof(type), at_least_one(count));
#define KEYED(name, type, key, value, count)                                                                           \
    if (which == KERNEL_MAP_##name) return keyed(m, #name, BPF_MAP_TYPE_##type, key, value, count);
#include "runtime/kernel/maps/map.def"
    return -EINVAL;
}

enum { GROUP_SLOTS = 16 };

void flows_sizes(const struct program *p, struct kernel_sizes *s)
{
    s->flow_slots = 2 * GROUP_SLOTS;
    s->flow_bound = 1;
    if (!(p->meta->flags & PBC_KEEPS_FLOWS)) return;
    const struct flow_table_cfg cfg = track_table_cfg(p, false);
    if (cfg.bound) s->flow_bound = UINT32_MAX;
    flows_sized(flow_table_groups(&cfg) * GROUP_SLOTS, s);
}

void flows_sized(uint32_t slots, struct kernel_sizes *s)
{
    const uint32_t words = (slots / GROUP_SLOTS + 63) / 64;
    s->flow_slots = slots;
    if (s->flow_bound > 1) s->flow_bound = slots;
    s->flow_words = words + (words + 63) / 64;
}

/* Return the number of spliced connections for which there is room: all, if connections of a service may leave its
 * sockets for the packet path; some, if the rules have other services, because a reload may bring such a service. */
static uint64_t spliced_most(const struct program *p)
{
    enum { BY_RELOAD = 4096 };
    const uint64_t all = p->settings->proxy_sessions;
    bool any = false;
    for (uint32_t i = 0; i < p->proxies_count; i++) any |= (p->proxies[i].flags & PBC_PROXY_LEAVES) != 0;
    if (any || !p->services_count) return any ? all : 0;
    return all < BY_RELOAD ? all : BY_RELOAD;
}

struct kernel_sizes kernel_sizes_of(const struct program *p, uint32_t cpus)
{
    const bool counts = p->meta->flags & PBC_COUNTS_FLOWS;
    const uint64_t spliced = spliced_most(p);
    struct kernel_sizes s = {.cpus = cpus,
                             .program = p,
                             .source_slots = counts ? kernel_sources_slots(grain_keys(p->flows, p->grains_count)) : 0,
                             .copies = p->mirrors_count || p->observes_count,
                             .splice_groups = spliced ? splice_groups_for(spliced) : 0,
                             .made = p->proxies_count ? MADE_MOST : MADE_MOST / 32,
                             .counts = counts_room(p, cpus)};
    flows_sizes(p, &s);
    return s;
}

/* Return the size of the largest table for this many flows. */
static uint64_t largest(const struct program *p, uint64_t flows)
{
    struct program other = *p;
    struct kernel_sizes s = {0};
    other.flows = flows;
    flows_sizes(&other, &s);
    const uint64_t bytes[] = {s.flow_slots * sizeof(struct flow), s.flow_slots * sizeof(struct flow_cold),
                              s.flow_bound * sizeof(struct recipe)};
    uint64_t most = 0;
    for (unsigned i = 0; i < sizeof bytes / sizeof *bytes; i++) most = bytes[i] > most ? bytes[i] : most;
    return pages(most);
}

/* Return the most flows that fit, by bisection. */
static uint64_t most_flows(const struct program *p)
{
    uint64_t fits = 1, over = p->flows;
    while (fits + 1 < over) {
        const uint64_t between = fits + (over - fits) / 2;
        if (largest(p, between) <= value_most)
            fits = between;
        else
            over = between;
    }
    return fits;
}

int maps_init(struct maps *m, const struct kernel_sizes *s, char *err, size_t err_len)
{
    m->sizes = *s;
    for (unsigned i = 0; i < KERNEL_MAPS; i++) m->v[i] = (struct map){.fd = -1};
    for (unsigned i = 0; i < KERNEL_MAPS; i++) {
        const int failed = map_make(&m->v[i], i, s);
        if (!failed) continue;
        /* The refusal is reported in the words of the rules if these concern the map's content. */
        const struct program *p = s->program;
        const bool flows = !strncmp(names[i], "flow_", 5);
        if (flows && failed == -E2BIG)
            return refused_flows(p->flows, most_flows(p), largest(p, p->flows), err, err_len);
        return refused_map(flows ? "connections" : names[i], m->v[i].len, failed, err, err_len);
    }
    return 0;
}

int maps_adopt(struct maps *m, const struct kernel_sizes *s, const int fds[KERNEL_MAPS], bool part)
{
    const struct {
        uint64_t size, entries; /* size 0: not mapped */
        enum bpf_map_type type;
        uint32_t key, value; /* bytes of a key and of a value, unless the map is mapped */
    } shapes[] = {
#define FLAT(name, kind, count)  {.size = sizeof(kind), .entries = map_power(count)},
#define EXACT(name, kind, count) {.size = sizeof(kind), .entries = at_least_one(count)},
#define KEYED(name, kind, key_, value_, count)                                                                         \
    {.entries = count, .type = BPF_MAP_TYPE_##kind, .key = key_, .value = value_},
#include "runtime/kernel/maps/map.def"
    };
    int failed = 0;
    m->sizes = *s;
    for (unsigned i = 0; i < KERNEL_MAPS; i++)
        m->v[i] = (struct map){.fd = fds[i], .entries = (uint32_t)shapes[i].entries};
    for (unsigned i = 0; i < KERNEL_MAPS && !failed; i++) {
        if (part && fds[i] < 0) continue;
        failed = shapes[i].size ? map_adopt(&m->v[i], fds[i], shapes[i].size, shapes[i].entries)
                                : map_is(fds[i], shapes[i].type, shapes[i].key, shapes[i].value, shapes[i].entries, 0);
    }
    return failed;
}

int maps_complete(struct maps *m, char *err, size_t err_len)
{
    int failed = 0;
    for (unsigned i = 0; i < KERNEL_MAPS && !failed; i++) {
        if (m->v[i].fd >= 0) continue;
        failed = map_make(&m->v[i], i, &m->sizes);
        if (failed) refused_map(names[i], m->v[i].len, failed, err, err_len);
    }
    return failed;
}

void map_fini(struct map *m)
{
    if (m->memory) munmap(m->memory, m->len);
    if (m->fd >= 0) close(m->fd);
    *m = (struct map){.fd = -1};
}

void maps_fini(struct maps *m)
{
    for (unsigned i = 0; i < KERNEL_MAPS; i++) map_fini(&m->v[i]);
}

/* Return the text behind the word, or NULL if the symbol does not begin with it. */
static const char *after(const char *symbol, const char *word)
{
    const size_t len = strlen(word);
    return strncmp(symbol, word, len) ? NULL : symbol + len;
}

bool map_value(const struct map *m, const char *symbol, const char *word, const char *name, struct link_value *v)
{
    const char *map = after(symbol, "map_"), *mask = after(symbol, "mask_"), *last = after(symbol, "last_");
    const char *named = map ? map : mask ? mask : last ? last : after(symbol, word);
    if (!named || strcmp(named, name) || (!map && !m->memory)) return false;
    if (mask && m->entries & (m->entries - 1)) return false;
    *v = mask || last ? (struct link_value){.kind = LINK_NUMBER, .number = m->entries - 1}
                      : (struct link_value){.kind = map ? LINK_MAP : LINK_ADDRESS, .map = m->fd};
    return true;
}

bool maps_value(const struct maps *m, const char *symbol, struct link_value *v)
{
    for (unsigned i = 0; i < KERNEL_MAPS; i++)
        if (map_value(&m->v[i], symbol, "state_", names[i], v)) return true;
    return false;
}
