/* The counters of several workers, added up. */
#ifndef RUNTIME_WORKER_SUM_H
#define RUNTIME_WORKER_SUM_H

#include "vm/vm.h"

struct sum;
/* All 0, of the shape that the first worker's counters have. NULL: memory is out. */
struct sum *sum_new(const struct program *p, const struct vm_counters *like);
void sum_add(struct sum *s, const struct vm_counters *c);
const struct vm_counters *sum_counters(const struct sum *s);
void sum_free(struct sum *s);

#endif
