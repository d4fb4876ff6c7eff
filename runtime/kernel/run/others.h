/* Devices that are not served, written to the map `others`. */
#pragma once

#include <stdint.h>
#include <stdlib.h>

struct kernel;

/* A device that is not served. `as` and `judged` are those of struct kernel_other (vm/kernel/shapes.h). */
struct other {
    uint32_t ifindex;
    uint16_t as, judged;
};

/* Compare two devices by number, for qsort. */
static inline int other_order(const void *a, const void *b)
{
    const uint32_t x = ((const struct other *)a)->ifindex, y = ((const struct other *)b)->ifindex;
    return x < y ? -1 : x > y;
}

/* Return the device of that number among some in order; NULL: not among them. */
static inline const struct other *other_find(const struct other others[], uint32_t count, uint32_t ifindex)
{
    const struct other wanted = {.ifindex = ifindex};
    return count ? bsearch(&wanted, others, count, sizeof *others, other_order) : NULL;
}

/* Make the map hold exactly these devices, which are in order. Return 0 or a negative errno: -E2BIG: too many, and
 * the others count as devices that no rule names. */
int kernel_others_push(const struct kernel *kernel, const struct other others[], uint32_t count);
