/* Maps that outlive programs (map.def). */
#pragma once

#include "runtime/kernel/maps/counts.h"
#include "runtime/kernel/object/link.h"
#include "vm/flow/inquiry.h"
#include "vm/flow/marks.h"
#include "vm/forward/splice/slots.h"
#include "vm/judge/asked/questions.h"
#include "vm/judge/routes.h"
#include "vm/kernel/counts.h"
#include "vm/kernel/events.h"
#include "vm/kernel/flow/flow_head.h"
#include "vm/kernel/gate.h"
#include "vm/kernel/given.h"
#include "vm/kernel/keyed/sources.h"
#include "vm/kernel/kpkt.h"
#include "vm/kernel/shapes.h"
#include "vm/program/program.h"

enum kernel_map {
#define FLAT(name, type, entries)        KERNEL_MAP_##name,
#define EXACT(name, type, entries)       KERNEL_MAP_##name,
#define KEYED(name, type, key, value, n) KERNEL_MAP_##name,
#include "runtime/kernel/maps/map.def"
    KERNEL_MAPS
};

/* Inputs of the maps' sizes. */
struct kernel_sizes {
    uint32_t cpus; /* number of possible CPUs */
    const struct program *program;
    uint64_t source_slots; /* slots for flows by source; 0: the program does not count them */
    /* Flow table: slots, slots of bound flows, and words of both levels of bits. */
    uint32_t flow_slots, flow_bound, flow_words;
    uint32_t made;          /* entries for proxied connections */
    bool copies;            /* the program copies frames */
    uint32_t splice_groups; /* groups of slots for spliced connections; 0: the program has none */
    uint64_t counts;        /* entries for counters of programs */
};

struct map {
    int fd;
    uint32_t entries; /* entries of a flat map */
    uint64_t len;     /* bytes of a flat map, mapped */
    void *memory;     /* memory of a flat map */
};
struct maps {
    struct map v[KERNEL_MAPS];
    struct kernel_sizes sizes; /* sizes that the maps were made with */
};

/* Set the sizes of the flow table in s, which give the memory for the program's flows. */
void flows_sizes(const struct program *p, struct kernel_sizes *s);
/* The same for a table of that many slots, which may hold bound flows if s->flow_bound. */
void flows_sized(uint32_t slots, struct kernel_sizes *s);
struct kernel_sizes kernel_sizes_of(const struct program *p, uint32_t cpus);

/* Make the maps. Call maps_fini in any case. Return 0, or a negative errno with one line in err. */
int maps_init(struct maps *m, const struct kernel_sizes *s, char *err, size_t err_len);
/* Adopt maps that another process has made for the same sizes; their descriptors then belong to `m`. part: some
 * descriptors may be -1; their maps are not adopted. Call maps_fini in any case. Return 0 or a negative errno:
 * -EBADF: one is not a map; -EPROTO: of another type or size. */
int maps_adopt(struct maps *m, const struct kernel_sizes *s, const int fds[KERNEL_MAPS], bool part);
/* Make the maps that were not adopted. */
int maps_complete(struct maps *m, char *err, size_t err_len);
void maps_fini(struct maps *m);

/* Make and map an array with one value of `len` bytes, leaving m->entries alone. m->len is set in any case. Return 0 or
 * a negative errno. */
int map_flat(struct map *m, const char *name, uint64_t len);
/* Make and map a flat map of `entries` entries of a size; sets m->entries. */
int map_entries(struct map *m, const char *name, uint64_t size, uint64_t entries);
/* Adopt another process's map of `entries` entries; m owns its descriptor. Return 0 or a negative errno: -EPROTO:
 * another type or size. */
int map_adopt(struct map *m, int fd, uint64_t size, uint64_t entries);
/* Return the next power of two, so that a mask suffices for an index. */
uint64_t map_power(uint64_t entries);
void map_fini(struct map *m);
/* True if the symbol names this map: map_NAME, mask_NAME (of a power of two), last_NAME (its last entry), or `word` and
 * NAME for the address of its value. */
bool map_value(const struct map *m, const char *symbol, const char *word, const char *name, struct link_value *v);

/* Find the value of map_NAME, state_NAME, mask_NAME or last_NAME. */
bool maps_value(const struct maps *m, const char *symbol, struct link_value *v);
