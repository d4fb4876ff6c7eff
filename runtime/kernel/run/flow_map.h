/* The kernel's flow table for a process: it reads the lines in place, and lets the kernel make changes
 * (flow/table/ops.h). */
#pragma once

#include "runtime/kernel/kernel.h"
#include "vm/flow/table/ops.h"
#include "vm/kernel/flow/flow_head.h"

/* Return as text the needs of the program that exceed the maps, which were made for the first program; NULL: none. */
const char *flows_lack(const struct kernel *k, const struct program *p);
/* Begin an empty table, which the kernel may use from then on. live: as in kernel_cfg. */
void flows_begin(const struct program *p, bool live, uint64_t seed, uint32_t slots, struct flow_head *head);

/* Set ops for vm_cfg.kernel->flows, valid while the kernel lives, with bindings in this process. False: out of memory.
 * Call flows_fini while the kernel still lives, once no vm has the flows. */
bool flows_init(struct flow_ops *ops, const struct kernel *kernel);
void flows_fini(struct flow_ops *ops);
