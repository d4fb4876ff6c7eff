/* A takeover of the executor in the kernel (runtime/kernel/pass/), on both sides. */
#pragma once

#include "runtime/kernel/pass/passed.h"
#include "runtime/live/carry/kernel/in_kernel.h"

/* ---- the instance before ---- */

/* As kernel_pass. */
unsigned in_kernel_pass(const struct carry *carry, struct kernel_passed_says *says, int fds[PASSED_FDS]);
/* Return how its interfaces bring frames. */
struct kernel_passed_hooks in_kernel_pass_hooks(const struct carry *carry);
/* Return the slots of its flow table; *bound: 1 if they may hold flows that are sent on. 0: it keeps no flows. */
uint32_t in_kernel_slots(const struct carry *carry, uint32_t *bound);
/* Return the mark of packets that its sockets send. */
uint32_t in_kernel_mark(const struct carry *carry);

/* ---- both ---- */

struct archive;
/* Write or read this process's part of the stages' counters, where their maps pass (a->beside). */
void in_kernel_archive(const struct carry *carry, struct archive *a);

/* ---- the taker ---- */

/* Publish the world to the stages: this instance judges from now on, and its worker has no thread yet. The stages on
 * the interfaces are the former ones. */
void in_kernel_go_on(struct carry *carry);
/* Put this instance's own there, on each interface that has none of them yet; what fails is reported, and tried
 * again each second: the former ones judge until then. */
void in_kernel_hook_all(struct carry *carry);
