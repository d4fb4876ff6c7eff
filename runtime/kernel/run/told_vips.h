/* Addresses that the worker answers for (vm/forward/vips.h): questions for their neighbours go up. */
#pragma once

#include "runtime/kernel/kernel.h"

/* Add the program's addresses. If too many, questions for any address go up, but not for the host's own. */
void told_add(struct kernel *kernel, const struct program *p);
/* Keep only the addresses of the program, which were added. */
void told_keep(struct kernel *kernel, const struct program *p);
