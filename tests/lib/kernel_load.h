/* Loads a program into the kernel without verifying it first, and reads the stages' counters. */
#pragma once

#include <errno.h>

#include "runtime/kernel/kernel.h"
#include "runtime/kernel/maps/counts.h"

/* Replace the program that judges. Returns 0, or a negative errno with one line in err; then nothing has changed. */
static inline int kernel_load(struct kernel *k, const struct program *p, char *err, size_t err_len)
{
    struct judge *j = kernel_prepare(k, p, err, err_len);
    const int failed = j ? kernel_swap(k, j, err, err_len) : -EINVAL;
    if (failed) kernel_discard(j);
    return failed;
}

/* Return the sum over all CPUs of a row of counters of the current program. */
static inline struct counter kernel_counter(const struct kernel *k, uint32_t at)
{
    return counts_of(kernel_rows(k), kernel_map(k, KERNEL_MAP_counts), kernel_cpus(k), at);
}
