/* Reasons why the kernel refused a program or a map, with the remedy: one line each. */
#pragma once

#include "runtime/base/obstacle.h"
#include "runtime/kernel/object/link.h"

/* Look for an obstacle on the whole machine: no privileges to load eBPF programs, or a kernel that is too old or
 * lacks them. Return 0 with *o unchanged if there is none, else a negative errno. Takes two system calls. */
int refused_here(struct obstacle *o);

/* Describe the refusal of a map of this size, or of an entry in one. Return `failed`. */
int refused_map(const char *name, uint64_t bytes, int failed, char *err, size_t err_len);

/* Describe the refusal of a table that is too large for this many flows; `most` would fit. */
int refused_flows(uint64_t flows, uint64_t most, uint64_t bytes, char *err, size_t err_len);

/* Describe the refusal of a program. log: the verifier's log, or ""; it is modified. Instructions in the log
 * identify the function. */
void refused_program(const struct linked *l, const char *name, int failed, char *log, char *err, size_t err_len);
