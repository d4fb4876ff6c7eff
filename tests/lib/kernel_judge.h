/* The executor in the kernel, for tests that ask its judge (runtime/kernel/asker.h). */
#ifndef TESTS_LIB_KERNEL_JUDGE_H
#define TESTS_LIB_KERNEL_JUDGE_H

#include "runtime/kernel/kernel.h"

/* Any program can be loaded into it. NULL with one line in err: programs of the kernel may not be loaded here. */
struct kernel *kernel_judge_new(char *err, size_t err_len);
#endif
