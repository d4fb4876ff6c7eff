/* Work on entries in parallel: the kernel's verifier takes a CPU for each program that it looks at. */
#pragma once

#include "runtime/kernel/kernel.h"

/* Work on one entry, perhaps in another thread. Return 0, or a negative errno with one line in err. */
typedef int each_fn(void *arg, enum kernel_entry e, char *err, size_t err_len);

/* Call `fn` for all entries whose bits are in `entries`, in turn if there are no threads. Return the first failure
 * in their order. */
int each_entry(uint32_t entries, each_fn *fn, void *arg, char *err, size_t err_len);
