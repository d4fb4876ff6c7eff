/* A program's meters for the kernel's judge: one cell per meter, and arrays that the tables of all meters share.
 * With `audit`, as many cells follow for would-be decisions, which take no tokens from the rules that decide.
 * Processes map all of it: they fill it in before the program judges, and read it. */
#pragma once

#include "vm/judge/meters/bucket.h"
#include "vm/packet/pkt.h"

enum { METER_LOCKS = 16 };
struct kernel_meter {
    struct meter_rate rate;
    uint64_t base_ns, started;   /* time of unit 0; started: 1 once that is set */
    uint64_t shared;             /* bucket of a meter without a key, or of keys without a slot */
    uint32_t locks[METER_LOCKS]; /* for adding keys, by the key's hash */
    struct keyed table;          /* only for a meter with a key; `used` and `hand` change while packets are judged */
};

/* State of one meter on one processor. */
struct kernel_meter_said {
    uint64_t packet; /* last packet that asked (kpkt.serial) and its result: serial << 2 | enum meter_says */
    struct meter_counter counter;
};

/* Number of entries in each array. */
struct kernel_meters_layout {
    uint64_t cells, said, slots, key_words;
    uint32_t defs; /* meters of the program: as many as cells, or half */
};
/* Set the layout. cpus: number of processors that may judge. False: more than a map may hold. */
bool kernel_meters_layout(const struct program *p, uint32_t cpus, struct kernel_meters_layout *l);

/* A process's request to the program that sweeps METER_SWEEPS groups of slots, from meter `hand` on. */
enum { METER_SWEEPS = 16 };
struct kernel_meters_sweep {
    uint64_t now_ns;
    uint32_t hand;
};

/* Identity of a meter, and the place of its table in the shared arrays. */
struct kernel_meter_place {
    uint64_t identity; /* equal for meters of equal definition, in all programs */
    uint64_t first_slot, first_key;
    uint32_t groups, key_words; /* groups 0: the meter has no table */
    uint32_t in_order;          /* the meter at this index if all are sorted by identity */
};
/* Return the places of all meters, for the caller to free. NULL: out of memory. */
struct kernel_meter_place *kernel_meters_places(const struct program *p);

struct kernel_meters {
    struct kernel_meters_layout layout;
    struct kernel_meter_place *places; /* this process's own copy: another process may have written the cells */
    struct kernel_meter *cells;
    struct kernel_meter_said *said; /* [cpus][cells] */
    uint16_t *tags;                 /* [slots] */
    uint64_t *words, *keys;         /* [slots], [key_words] */
    uint32_t hand;                  /* the next meter to sweep */
    uint64_t until_ns;              /* time before which kernel_meters_at has nothing to do */
};
/* Fill in arrays that are zero: all buckets are full. Places and hashes equal those of meters_new with that seed. */
void kernel_meters_fill(struct kernel_meters *m, const struct program *p, uint64_t seed);
/* Set the clock of meters: before anything is asked, and then at least every year. Units count from now_ns on. After
 * 63 bits of units, the count begins again, and the buckets are full. */
void kernel_meters_at(struct kernel_meters *m, uint64_t now_ns);
/* True if a meter holds keys, which a sweep may free. */
bool kernel_meters_held(const struct kernel_meters *m);
/* Take over meters of equal definition, as meters_keep does. Call it before `to` judges; `from` may still judge. */
void kernel_meters_keep(struct kernel_meters *to, const struct kernel_meters *from);
/* Add the tokens taken from the meters `from` since kernel_meters_keep. Call it once `to` judges instead. */
void kernel_meters_follow(struct kernel_meters *to, const struct kernel_meters *from);
/* Copy meters that hold anything to a worker's meters; would: to its would-be meters. A service's rate is the
 * worker's own, and empty here. */
void kernel_meters_show(const struct kernel_meters *m, struct meters *to, bool would);
/* Copy a worker's buckets of the same program to these meters, before anything is judged. */
void kernel_meters_set(struct kernel_meters *m, const struct meters *from);
/* Add up the counters of all processors: sums[cells]. */
void kernel_meters_sum(const struct kernel_meters *m, struct meter_counter sums[]);
