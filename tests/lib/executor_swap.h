/* Replaces an executor's program while it runs. */
#pragma once

#include "runtime/kernel/executor.h"

/* Do the same as vm_prepare and vm_swap; the program's judge is verified before it takes effect. */
struct remap;
int executor_swap(struct executor *e, const struct vm_cfg *cfg, const struct remap *r, const struct vm_in *in);
