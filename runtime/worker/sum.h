/* The counters of several workers, added up. */
#pragma once

#include "vm/vm.h"

struct conns;

struct sum;
/* All 0, of the shape that the first worker's counters have. NULL: memory is out. */
struct sum *sum_new(const struct program *p, const struct vm_counters *like);
void sum_add(struct sum *s, const struct vm_counters *c);
/* Beside the workers': what passed in the kernel, and what was held back there, for it is of no flow. */
void sum_carried(struct sum *s, struct counter passed, struct counter strays);
/* Connections of a proxy loop, by server and service. */
void sum_conns(struct sum *s, const struct conns *c);
const struct vm_counters *sum_counters(const struct sum *s);
void sum_free(struct sum *s);
