/* Sockets of workers on interfaces. */
#pragma once

#include "runtime/live/carry/state.h"

/* A socket of that worker on the interface as it is now. *group: of the sockets that share what arrives there, -1: this
 * is the first. NULL, and it is told why. */
struct io_port *ports_open(struct carry *carry, const struct worker *w, unsigned at, int *group);
