/* Entries side by side: the kernel's verifier takes a CPU for each program that it looks at. */
#pragma once

#include "runtime/kernel/kernel.h"

/* What is done for one, perhaps in a thread of its own: 0 or a negative errno with one line in err. */
typedef int each_fn(void *arg, enum kernel_entry e, char *err, size_t err_len);

/* For all that `entries` has the bit of; the first that fails in their order is told. Where there are no threads one
 * after the other. */
int each_entry(uint32_t entries, each_fn *fn, void *arg, char *err, size_t err_len);
