/* The stages' counters, added to those of the worker in this process. */
#pragma once

#include "runtime/kernel/kernel.h"
#include "vm/vm.h"

struct counted;

/* Make the counters for the kernel's present program. NULL: out of memory. */
struct counted *counted_new(struct kernel *kernel);
void counted_free(struct counted *c); /* NULL is fine */
/* Switch to another program in force; its predecessor is no longer read. False: out of memory, and the new program's
 * counters are left out. */
bool counted_follow(struct counted *c);
/* Add the counters' increase since the last call to those of the vm. */
void counted_add(struct counted *c, struct vm *vm);
/* Write the counts added so far, or continue from those that another process has added for the same program. c NULL:
 * the archive is bad. */
struct archive;
void counted_archive(struct counted *c, struct archive *a);
/* Return all counts added so far, for all programs. */
struct kernel_counters counted_so_far(const struct counted *c);
