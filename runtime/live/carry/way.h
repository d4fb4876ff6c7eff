/* The choice of the way that frames come: --io, or the table of README.md. */
#pragma once

#include "runtime/live/carry/carry_state.h"

/* Choose carry->io and carry->ports.count for the first program. Return the exit status. */
int way_choose(struct carry *carry);
/* Return the way by which frames of an interface of the command line come. */
const struct io_ops *way_of(const struct carry *carry, unsigned iface);
void way_tell(const struct carry *carry); /* prints what the chosen way loses */
/* Return the number of workers: as asked; else as many as the instance where this one goes on, or one per CPU; with
 * `xdp` at most one per queue, and so few that each has a port of every range of ports that the program's nats
 * translate to. */
unsigned way_workers(const struct carry *carry, unsigned cpus);
/* Report a carry->worker_count below the number that was asked for, or other than that of a start. */
void way_tell_workers(const struct carry *carry, unsigned cpus);
