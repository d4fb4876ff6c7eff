/* Addresses that the worker answers for (vm/forward/vips.h): neighbour look-ups for these go up. */
#pragma once

#include "runtime/kernel/kernel.h"

/* Add the program's addresses. If there are too many, look-ups of all addresses except the host's own go up. */
void told_add(struct kernel *kernel, const struct program *p);
/* Keep only the addresses of the program, which told_add has added. */
void told_keep(struct kernel *kernel, const struct program *p);
