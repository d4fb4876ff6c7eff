/* The choice of how frames come: --io, or the table of README.md. */
#pragma once

#include "runtime/live/carry/state.h"

/* By the first program: carry->io and carry->port_count. The exit status. */
int way_choose(struct carry *carry);
/* Can frames of that program come so? False: `why` says why not. */
bool way_look_at(const struct carry *carry, const struct program *p, char *why, size_t len);
/* The number of workers: as asked for, else one a CPU, on `xdp` at most as many as there are queues. */
unsigned way_workers(const struct carry *carry, unsigned cpus);
/* Says so where carry->worker_count are fewer than those. */
void way_tell_workers(const struct carry *carry, unsigned cpus);
