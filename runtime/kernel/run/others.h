/* Devices that are not served, written to the map `others`. */
#pragma once

#include "runtime/exchange/snapshot.h"

struct kernel;

/* Make the map hold these devices and no other. Return 0 or a negative errno: -E2BIG: there are more than it holds, and
 * the others count as devices that no rule names. */
int kernel_others_push(const struct kernel *kernel, const struct other others[], uint32_t count);
