/* Obstacles on this host. */
#pragma once

#include "runtime/live/main/state.h"

/* Rights, interfaces and, where the program could be loaded, ways to servers; each finding is a line with what mends
 * it. The exit status. */
int look_at_host(struct live *l);
/* What stands in the way of the executor in the kernel. Told in lines, the floor first: rights, the kernel's version,
 * where pins may lie; and with --preflight, whether it takes the program, which is loaded and proved as at a start, put
 * on no interface, and forgotten. 0, or the exit status. */
int look_at_kernel(const struct live *l);
