/* What of this machine stands in the way of the executor in the kernel. */
#pragma once

struct live;

/* Told in lines, the floor first: rights, the kernel's version, where pins may lie; and with --preflight, whether it
 * takes the program, which is loaded and proved as at a start, put on no interface, and forgotten. 0, or the exit
 * status. */
int look_at_kernel(const struct live *l);
