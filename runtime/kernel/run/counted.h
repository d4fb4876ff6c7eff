/* The stages' counters, added to those of the worker in this process. */
#pragma once

#include "runtime/kernel/kernel.h"
#include "vm/vm.h"

struct counted;

/* Make it for the kernel's present program. NULL: out of memory. */
struct counted *counted_new(struct kernel *kernel);
void counted_free(struct counted *c); /* NULL is fine */
/* Follow to another program in force; the one before is no longer read. False: out of memory, and the new program's
 * counters are left out. */
bool counted_follow(struct counted *c);
/* Add the increase since the last call. */
void counted_add(struct counted *c, struct vm *vm);
/* Write what was added so far, or go on from what another process has added to counters that are another's by now, of
 * the same program. c NULL: the archive is bad. */
struct archive;
void counted_archive(struct counted *c, struct archive *a);
/* Return all that was added so far, of all programs. */
struct kernel_counters counted_so_far(const struct counted *c);
