/* The maps that outlive programs (map.def). */
#pragma once

#include "runtime/kernel/maps/counts.h"
#include "runtime/kernel/object/link.h"
#include "vm/judge/routes.h"
#include "vm/kernel/addresses/told.h"
#include "vm/kernel/counters.h"
#include "vm/kernel/flow/flow_head.h"
#include "vm/kernel/flow/memo.h"
#include "vm/kernel/gate.h"
#include "vm/kernel/judge/piece.h"
#include "vm/kernel/judge/routes.h"
#include "vm/kernel/keyed/sources.h"
#include "vm/kernel/kpkt.h"
#include "vm/kernel/port.h"
#include "vm/kernel/world.h"
#include "vm/program/program.h"

enum kernel_map {
#define FLAT(name, type, entries)        KERNEL_MAP_##name,
#define EXACT(name, type, entries)       KERNEL_MAP_##name,
#define KEYED(name, type, key, value, n) KERNEL_MAP_##name,
#include "runtime/kernel/maps/map.def"
    KERNEL_MAPS
};

/* What their sizes follow from. */
struct kernel_sizes {
    uint32_t cpus; /* possible ones */
    const struct program *program;
    uint64_t source_slots; /* of flows by source; 0: the program does not count them */
    /* Of the flow table: slots, those of flows that are sent on, and words of both levels of bits. */
    uint32_t flow_slots, flow_bound, flow_words;
    uint32_t made; /* of connections of the proxy's */
};

struct map {
    int fd;
    uint32_t entries; /* of a flat one */
    uint64_t len;     /* bytes of it, mapped */
    void *memory;     /* of a flat one */
};
struct maps {
    struct map v[KERNEL_MAPS];
};

/* How much memory the flows of the program take: the sizes of the flow table, into s. */
void flows_sizes(const struct program *p, struct kernel_sizes *s);
struct kernel_sizes kernel_sizes_of(const struct program *p, uint32_t cpus);

/* Call maps_fini in any case. 0 or a negative errno with one line in err. */
int maps_init(struct maps *m, const struct kernel_sizes *s, char *err, size_t err_len);
/* The same of maps that another process has made for the same sizes; their descriptors are ours from then on. */
int maps_adopt(struct maps *m, const struct kernel_sizes *s, const int fds[KERNEL_MAPS]);
void maps_fini(struct maps *m);

/* An array of one value of so many bytes, mapped; entries is left alone. 0 or a negative errno; m->len is set in any
 * case. */
int map_flat(struct map *m, const char *name, uint64_t len);
/* The same for entries of a size: m->entries of them. */
int map_entries(struct map *m, const char *name, uint64_t size, uint64_t entries);
/* Another process's, of so many entries; its descriptor is the map's from here on. 0 or a negative errno. */
int map_adopt(struct map *m, int fd, uint64_t size, uint64_t entries);
/* The power of two that is no less, so that a mask is all that an index needs. */
uint64_t map_power(uint64_t entries);
void map_fini(struct map *m);
/* Does the symbol name that map: map_NAME, mask_NAME (of a power of two), last_NAME (its last entry), or the word
 * before NAME that stands for its value's address? */
bool map_value(const struct map *m, const char *symbol, const char *word, const char *name, struct link_value *v);

/* map_NAME, state_NAME, mask_NAME and last_NAME. */
bool maps_value(const struct maps *m, const char *symbol, struct link_value *v);
