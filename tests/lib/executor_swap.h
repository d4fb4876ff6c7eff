/* An executor goes on with another program. */
#pragma once

#include "runtime/kernel/executor.h"

/* As vm_prepare and vm_swap; the program's judge is proved before it is in force. */
struct remap;
int executor_swap(struct executor *e, const struct vm_cfg *cfg, const struct remap *r, const struct vm_in *in);
