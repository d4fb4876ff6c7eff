/* What the stages counted, added to what the worker in this process counts. */
#ifndef RUNTIME_KERNEL_COUNTED_H
#define RUNTIME_KERNEL_COUNTED_H

#include "runtime/kernel/kernel.h"
#include "vm/vm.h"

struct counted;

/* Of the kernel's present program. NULL when memory is out. */
struct counted *counted_new(struct kernel *kernel);
void counted_free(struct counted *c); /* NULL is fine */
/* What is new since the last time. */
void counted_add(struct counted *c, struct vm *vm);

#endif
