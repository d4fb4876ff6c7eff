/* Counters of programs, by CPU (vm/kernel/counts.h): rows in one map. The program in force uses one half, the next
 * program the other. */
#pragma once

#include <stddef.h>

#include "vm/kernel/counts.h"

struct map;

/* Return the number of entries of a map made with this program. Each half has, per CPU, room for twice its counters,
 * and at least 16,384. */
uint64_t counts_room(const struct program *p, uint32_t cpus);

/* Take rows, all 0, for the program that follows the one with the rows `now` (NULL: none). Return 0, or a negative
 * errno with one line in err: no room in the map. */
int counts_take(struct kernel_program *rows, const struct map *m, const struct program *p,
                const struct kernel_program *now, uint32_t cpus, bool live, char *err, size_t err_len);
/* Return the counter at this place of a row, summed over all CPUs. */
struct counter counts_of(const struct kernel_program *rows, const struct map *m, uint32_t cpus, uint32_t at);
