/* What the stages counted, added to what the worker in this process counts. */
#pragma once

#include "runtime/kernel/kernel.h"
#include "vm/vm.h"

struct counted;

/* Of the kernel's present program. NULL when memory is out. */
struct counted *counted_new(struct kernel *kernel);
void counted_free(struct counted *c); /* NULL is fine */
/* Another program is in force: what the one before counted is not looked at any more. False: memory is out, and what
 * this one counts is not. */
bool counted_follow(struct counted *c);
/* What is new since the last time. */
void counted_add(struct counted *c, struct vm *vm);
/* All that was added so far, of all programs. */
struct kernel_counters counted_so_far(const struct counted *c);
