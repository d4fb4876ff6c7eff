/* Executors in the kernel, one after the other, for tests that run many programs. The stages are loaded once and
 * only the judge is replaced, which takes milliseconds instead of most of a second. */
#ifndef TESTS_LIB_ONE_KERNEL_H
#define TESTS_LIB_ONE_KERNEL_H

#include "runtime/kernel/executor.h"

/* True if IN_KERNEL is set and the stages support all of the program. */
bool one_kernel_asked(const struct program *p);
/* True if the kernel takes arriving packets at traffic control (IN_KERNEL=tc), not at XDP. */
bool one_kernel_is_tc(void);

/* Do the same as executor_new. in_kernel: run in the kernel, in maps without data of earlier programs. Two executors
 * have two kernels. */
struct executor *one_kernel_new(struct program *p, const struct vm_cfg *cfg, bool in_kernel, char *err, size_t err_len);
void one_kernel_free(struct executor *e); /* accepts NULL */

/* Make an executor, in the kernel if one_kernel_asked. Prints the reason if it fails, and returns NULL. */
struct executor *one_kernel_worker(struct program *p, const struct vm_cfg *cfg);
#endif
