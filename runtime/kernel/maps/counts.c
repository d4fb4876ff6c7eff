/* A half has room for twice the first program's rows, with a minimum */
#include "runtime/kernel/maps/counts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/kernel/maps/maps.h"

enum { ROW_LEAST = 16384 };

uint64_t counts_room(const struct program *p, uint32_t cpus)
{
    struct kernel_program rows;
    kernel_program_of(&rows, p, false);
    const uint64_t row = 2 * (uint64_t)rows.row;
    return 2 * cpus * (row > ROW_LEAST ? row : ROW_LEAST);
}

int counts_take(struct kernel_program *rows, const struct map *m, const struct program *p,
                const struct kernel_program *now, uint32_t cpus, bool live, char *err, size_t err_len)
{
    const uint32_t half = m->entries / 2;
    kernel_program_of(rows, p, live);
    rows->first = now && now->first < half ? half : 0;
    const uint64_t count = (uint64_t)cpus * rows->row;
    if (count > half) {
        snprintf(err, err_len, "the program has %" PRIu32 " counters, but there is room for %" PRIu32 ": restart prey",
                 rows->row, half / cpus);
        return -E2BIG;
    }
    memset((struct counter *)m->memory + rows->first, 0, count * sizeof(struct counter));
    return 0;
}

struct counter counts_of(const struct kernel_program *rows, const struct map *m, uint32_t cpus, uint32_t at)
{
    const struct counter *v = (const struct counter *)m->memory + rows->first;
    struct counter sum = {0};
    for (uint64_t cpu = 0; cpu < cpus; cpu++) {
        const struct counter *one = &v[cpu * rows->row + at];
        sum.packets += __atomic_load_n(&one->packets, __ATOMIC_RELAXED);
        sum.bytes += __atomic_load_n(&one->bytes, __ATOMIC_RELAXED);
    }
    return sum;
}
