/* The choice of the way by which frames come: --io, or the table of README.md. */
#pragma once

#include "runtime/live/carry/carry_state.h"

/* Choose carry->io and carry->ports.count for the first program. Return the exit status. */
int way_choose(struct carry *carry);
/* Return the way by which frames of an interface in the command line come. */
const struct io_ops *way_of(const struct carry *carry, unsigned iface);
void way_tell(const struct carry *carry); /* prints the packets that the chosen way loses */
/* Return the number of workers: the requested one, else that of the instance taken over, or one per CPU. With `xdp`
 * there is at most one per queue, and each has a port in every range of ports that the program's nats translate to. */
unsigned way_workers(const struct carry *carry, unsigned cpus);
/* Report a carry->worker_count below the requested number, or different from that of a plain start. */
void way_tell_workers(const struct carry *carry, unsigned cpus);
