/* A takeover of the kernel executor (runtime/kernel/pass/), on both sides. */
#pragma once

#include "runtime/kernel/pass/passed.h"
#include "runtime/live/carry/kernel/in_kernel.h"

/* ---- the former instance ---- */

/* As kernel_pass, for this instance's executor. */
unsigned in_kernel_pass(const struct carry *carry, struct kernel_passed_says *says, int fds[PASSED_FDS]);
/* Return the hooks by which its interfaces bring frames. */
struct kernel_passed_hooks in_kernel_pass_hooks(const struct carry *carry);
/* Return the number of slots in its flow table; *bound: 1 if they may hold bound flows. 0: no flow table. */
uint32_t in_kernel_slots(const struct carry *carry, uint32_t *bound);
/* Return the mark of packets that its sockets send. */
uint32_t in_kernel_mark(const struct carry *carry);

/* ---- both ---- */

struct archive;
/* Write or read this process's part of the stages' counters, if the maps are handed over (a->beside). */
void in_kernel_archive(const struct carry *carry, struct archive *a);

/* ---- the taker ---- */

/* Publish the world to the stages, because this instance judges from now on; its worker has no thread yet. The
 * stages on the interfaces are the former ones. */
void in_kernel_go_on(struct carry *carry);
/* Attach this instance's own stages to each interface without them. Failures are reported, and retried every second;
 * until then the former stages judge. */
void in_kernel_hook_all(struct carry *carry);
