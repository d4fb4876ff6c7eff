/* The executor in two processes: one has the right to make maps and load programs, the other gets their descriptors,
 * and may read, write and ask, but load nothing.
 *
 * Descriptors that are given out stay the giver's; those that are adopted are the taker's, also where it fails. */
#pragma once

#include "runtime/kernel/kernel.h"

enum { KERNEL_FDS_MOST = KERNEL_MAPS + KERNEL_ENTRIES, JUDGE_FDS_MOST = 16 };

/* Before the taker gives up its files: what it would not find then. */
void kernel_ready(void);

/* How many. */
unsigned kernel_fds(const struct kernel *k, int fds[KERNEL_FDS_MOST]);
/* p: the program that the giver's was made for. NULL: errno says why. */
struct kernel *kernel_adopt(const struct program *p, const int fds[], unsigned count);

/* The same of a judge that is prepared; p: its program. */
unsigned judge_fds(const struct judge *j, int fds[JUDGE_FDS_MOST]);
struct judge *judge_adopt(const struct program *p, const int fds[], unsigned count);
/* The giver has put it in force. */
void kernel_took(struct kernel *k, struct judge *j);
