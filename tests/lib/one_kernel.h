/* Workers in the kernel, one after the other, for tests that run many programs: the stages are loaded once and only
 * the judge is swapped, which takes milliseconds, not most of a second. */
#ifndef TESTS_LIB_ONE_KERNEL_H
#define TESTS_LIB_ONE_KERNEL_H

#include "runtime/kernel/executor.h"

/* Does IN_KERNEL are in the environment, and do the stages do all of such a program? */
bool one_kernel_asked(const struct program *p);
/* True if the kernel takes arriving packets at traffic control (IN_KERNEL=tc), not at XDP. */
bool one_kernel_is_tc(void);

/* As executor_new. in_kernel: in maps without data of earlier programs. Two executors have two kernels. */
struct executor *one_kernel_new(struct program *p, const struct vm_cfg *cfg, bool in_kernel, char *err, size_t err_len);
void one_kernel_free(struct executor *e); /* NULL is fine */

/* By IN_KERNEL; prints the reason if there is none. */
struct executor *one_kernel_worker(struct program *p, const struct vm_cfg *cfg);
#endif
