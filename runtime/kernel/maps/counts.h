/* The counters of a program, by CPU (vm/kernel/counters.h): rows in one map, of which the program in force has one half
 * and the next the other. */
#pragma once

#include <stddef.h>

#include "vm/kernel/counters.h"

struct map;

/* Entries of the map that is made with this program: others may need twice as many, and 16,384 a CPU in any case. */
uint64_t counts_room(const struct program *p, uint32_t cpus);

/* Rows for a program that is to follow the one whose rows are `now` (NULL: none), all 0. A negative errno with one line
 * in err: the map has no room for them. */
int counts_take(struct kernel_program *rows, const struct map *m, const struct program *p,
                const struct kernel_program *now, uint32_t cpus, bool live, char *err, size_t err_len);
/* The sum of all CPUs of the counter at that place of a row. */
struct counter counts_of(const struct kernel_program *rows, const struct map *m, uint32_t cpus, uint32_t at);
