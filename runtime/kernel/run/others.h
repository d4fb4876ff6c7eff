/* Devices that are not served, written to the map `others`. */
#pragma once

#include <stdint.h>

struct kernel;

/* A device that is not served. `as` and `judged` are those of struct kernel_other (vm/kernel/port.h). */
struct other {
    uint32_t ifindex;
    uint16_t as, judged;
};

/* Make the map hold these devices and no other. Return 0 or a negative errno: -E2BIG: there are more than it holds, and
 * the others count as devices that no rule names. */
int kernel_others_push(const struct kernel *kernel, const struct other others[], uint32_t count);
