/* A program's meters where the kernel's judge asks them: one cell a meter, and arrays that the tables of all meters
 * share. Processes map all of it: they fill it in before the program judges, and read it. */
#pragma once

#include "vm/judge/meters/bucket.h"
#include "vm/packet/pkt.h"

enum { METER_LOCKS = 16 };
struct kernel_meter {
    struct meter_rate rate;
    uint64_t base_ns, started;   /* when unit 0 was; 1: it was */
    uint64_t shared;             /* the bucket of all, or of those without a slot */
    uint32_t locks[METER_LOCKS]; /* of new keys, by their hash */
    struct keyed table;          /* with a key alone; `used` and `hand` change under way */
};

/* One processor's, of one meter. */
struct kernel_meter_said {
    uint64_t packet; /* the packet that asked last (kpkt.serial) and what it was told: serial << 2 | enum meter_says */
    struct meter_counter counter;
};

/* Entries of each array. */
struct kernel_meters_layout {
    uint64_t cells, said, slots, key_words;
};
/* cpus: that may judge. False: more than a map may hold. */
bool kernel_meters_layout(const struct program *p, uint32_t cpus, struct kernel_meters_layout *l);

/* What a process asks of the program that sweeps: so many groups of slots are looked at, from meter `hand` on. */
enum { METER_SWEEPS = 16 };
struct kernel_meters_sweep {
    uint64_t now_ns;
    uint32_t hand;
};

/* Which meter one is, and where its table lies in those arrays. */
struct kernel_meter_place {
    uint64_t identity; /* equal for meters of equal definition, in whatever program */
    uint64_t first_slot, first_key;
    uint32_t groups, key_words; /* 0: it has none */
    uint32_t in_order;          /* not this one's: the meter that stands here when they are sorted by identity */
};
/* By meter, for free(). NULL: out of memory. */
struct kernel_meter_place *kernel_meters_places(const struct program *p);

struct kernel_meters {
    struct kernel_meters_layout layout;
    struct kernel_meter_place *places; /* this process's own: what stands in the cells another may have written */
    struct kernel_meter *cells;
    struct kernel_meter_said *said; /* [cpus][cells]: a row a processor */
    uint16_t *tags;                 /* [slots] */
    uint64_t *words, *keys;         /* [slots], [key_words] */
    uint32_t hand;                  /* the meter that the sweep is at */
    uint64_t until_ns;              /* up to then kernel_meters_at has nothing to do */
};
/* All buckets full, in arrays that are zero. Places and hashes are those of meters_new with that seed. */
void kernel_meters_fill(struct kernel_meters *m, const struct program *p, uint64_t seed);
/* Before anything is asked, and then at least every year: their units count from now_ns on, or again where 63 bits of
 * them have passed: then their buckets are full. */
void kernel_meters_at(struct kernel_meters *m, uint64_t now_ns);
/* Does any meter hold keys, which a sweep may free? */
bool kernel_meters_held(const struct kernel_meters *m);
/* As meters_keep, for meters of equal definition: before `to` judges, while `from` may. */
void kernel_meters_keep(struct kernel_meters *to, const struct kernel_meters *from);
/* What was taken from `from` after that, once it judges no more and `to` does. */
void kernel_meters_follow(struct kernel_meters *to, const struct kernel_meters *from);
/* Those that hold anything, to a worker's; a service's rate is the worker's own, and empty here. */
void kernel_meters_show(const struct kernel_meters *m, struct meters *to);
/* What all processors counted: sums[cells]. */
void kernel_meters_sum(const struct kernel_meters *m, struct meter_counter sums[]);
