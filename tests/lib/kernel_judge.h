/* An executor in the kernel, for tests that run its judge (runtime/kernel/asker.h). */
#ifndef TESTS_LIB_KERNEL_JUDGE_H
#define TESTS_LIB_KERNEL_JUDGE_H

#include "runtime/kernel/kernel.h"

/* Open an executor that any program can be loaded into. Returns NULL with one line in err if eBPF programs may not
 * be loaded here. */
struct kernel *kernel_judge_new(char *err, size_t err_len);
#endif
