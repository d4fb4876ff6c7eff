/* Sum of the counters of several workers. */
#pragma once

#include "vm/vm.h"

struct conns;

struct sum;
/* Return a sum of 0, in the shape of the first worker's counters, or NULL if memory is out. */
struct sum *sum_new(const struct program *p, const struct vm_counters *like);
void sum_add(struct sum *s, const struct vm_counters *c);
/* Add segments that passed in the kernel, and those held back there without a flow, which no worker counts. */
void sum_carried(struct sum *s, struct counter passed, struct counter strays);
/* Add the connections of a proxy loop, by server and service. */
void sum_conns(struct sum *s, const struct conns *c);
const struct vm_counters *sum_counters(const struct sum *s);
/* Write or read all counters (vm/keyed/archive.h); reading needs a sum of the same program. */
struct archive;
void sum_archive(struct sum *s, struct archive *a);
void sum_free(struct sum *s);
