/* The kernel's flow table, as a process uses it: it reads the lines where they lie, and has changes made
 * (flow/table/ops.h). */
#pragma once

#include "runtime/kernel/kernel.h"
#include "vm/flow/table/ops.h"
#include "vm/kernel/flow/flow_head.h"

/* What of another program has no memory in maps that were made for the first one, in words; NULL: nothing. */
const char *flows_lack(const struct kernel *k, const struct program *p);
/* An empty table, which the kernel may use from here on. live: as in kernel_cfg. */
void flows_begin(const struct program *p, bool live, uint64_t seed, struct flow_head *head);

/* For vm_cfg.kernel->flows, while the kernel lives, with the bindings, which are the process's own. False: there is no
 * memory for them. flows_fini gives them back while the kernel still lives, once no vm has the flows. */
bool flows_init(struct flow_ops *ops, const struct kernel *kernel);
void flows_fini(struct flow_ops *ops);
