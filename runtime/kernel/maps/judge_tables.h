/* A program's own maps besides its sections (table.def): its judge's counters and state. */
#pragma once

#include "runtime/kernel/maps/maps.h"
#include "vm/kernel/keyed/lives.h"
#include "vm/kernel/keyed/meters.h"

enum kernel_table {
#define TABLE(name, type, entries) KERNEL_TABLE_##name,
#define EXACT(name, type, entries) KERNEL_TABLE_##name,
#define CONST(name, number)
#include "runtime/kernel/maps/table.def"
    KERNEL_TABLES
};

static inline bool table_is_of_lives(enum kernel_table t)
{
    return t >= KERNEL_TABLE_live_cells && t <= KERNEL_TABLE_live_ranges;
}

/* Inputs of the tables' sizes. */
struct table_sizes {
    uint32_t cpus; /* number of possible CPUs */
    const struct program *program;
    struct kernel_meters_layout meters;
    struct kernel_lives_layout lives;
};

struct judge_tables {
    struct table_sizes sizes;
    struct map v[KERNEL_TABLES + 1];
    struct kernel_meters meters; /* meters of the program, with full buckets */
};

/* Make the tables. seed: for hashes. Call tables_fini in any case. Return 0, or a negative errno with one line in
 * err. */
int tables_init(struct judge_tables *t, const struct program *p, uint32_t cpus, uint64_t seed, char *err,
                size_t err_len);
/* Adopt another process's tables of that program, as map_adopt does. Return 0 or a negative errno. Call tables_fini
 * in any case; it closes the descriptors. */
int tables_adopt(struct judge_tables *t, const struct program *p, uint32_t cpus, const int fds[]);
void tables_fini(struct judge_tables *t);

/* Find the value of table_NAME, mask_NAME, map_NAME or const_NAME. */
bool tables_value(const struct judge_tables *t, const char *symbol, struct link_value *v);
