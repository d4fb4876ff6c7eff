/* Which way frames come: --io, or the table of README.md. */
#pragma once

#include "runtime/live/main/state.h"

/* By the first program: l->io and l->port_count. The exit status. */
int way_choose(struct live *l);
/* Can frames of that program come so? False: `why` says why not. */
bool way_look_at(const struct live *l, const struct program *p, char *why, size_t len);
/* How many workers there are to be: those that were asked for, else one a CPU, on `xdp` as many as there are queues
 * for. */
unsigned way_workers(const struct live *l, unsigned cpus);
/* Says so where l->worker_count are fewer than those. */
void way_tell_workers(const struct live *l, unsigned cpus);
