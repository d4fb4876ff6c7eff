/* Why the kernel took no program or no map, and what helps: one line each. */
#pragma once

#include "runtime/base/obstacle.h"
#include "runtime/kernel/object/link.h"

/* What is true of the whole machine: no right to load programs, a kernel that is too old, none that knows them. 0:
 * there is nothing of that kind, and *o is left alone; or a negative errno. Two system calls. */
int refused_here(struct obstacle *o);

/* A map of so many bytes, or something that lies in one; returns `failed`. */
int refused_map(const char *name, uint64_t bytes, int failed, char *err, size_t err_len);

/* Of so many flows, which are more than `most`, the table that is too large. */
int refused_flows(uint64_t flows, uint64_t most, uint64_t bytes, char *err, size_t err_len);

/* A program of that name. log: what the kernel's verifier said, "" where it did not, which is taken apart. Instructions
 * that the log is about tell which function it was. */
void refused_program(const struct linked *l, const char *name, int failed, char *log, char *err, size_t err_len);
