/* The kernel executor in two processes: one has the privileges to make maps and load programs; the other gets their
 * descriptors and may read, write and ask, but not load.
 *
 * The giver keeps owning the descriptors it gives out; the taker owns those it adopts, on failure, too. */
#pragma once

#include "runtime/kernel/kernel.h"

enum { KERNEL_FDS_MOST = KERNEL_MAPS + KERNEL_ENTRIES, JUDGE_FDS_MOST = 16 };

/* Read files that the taker can't read after it gives up access to them. */
void kernel_ready(void);

/* Write the descriptors. Return their number. */
unsigned kernel_fds(const struct kernel *k, int fds[KERNEL_FDS_MOST]);
/* Return the hooks for which the kernel is loaded. */
unsigned kernel_hooks(const struct kernel *k);
/* Adopt a kernel with those hooks. p: the program that the giver's kernel was made for; sizes: of its maps, NULL if
 * they follow from p. Return NULL with errno on failure. */
struct kernel *kernel_adopt(const struct program *p, const struct kernel_sizes *sizes, unsigned hooks, const int fds[],
                            unsigned count);

/* Write the descriptors of a prepared judge, and return their number. Adopt it in another process (second function):
 * k is the adopted kernel, p the judge's program. */
unsigned judge_fds(const struct judge *j, int fds[JUDGE_FDS_MOST]);
struct judge *judge_adopt(const struct kernel *k, const struct program *p, const int fds[], unsigned count);
/* Note that the giver has put the judge in force. */
void kernel_took(struct kernel *k, struct judge *j);
