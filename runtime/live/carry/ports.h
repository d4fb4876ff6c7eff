/* Sockets of workers on interfaces, and the program that deals out frames to them (runtime/io/steer/deal.h). */
#pragma once

#include "runtime/live/carry/state.h"

/* A socket of that worker on the interface as it is now. *group: of the sockets that share what arrives there, -1: this
 * is the first. NULL, and it is told why. */
struct io_port *ports_open(struct carry *carry, const struct worker *w, unsigned at, int *group);

/* The tables of that program follow what is published to the workers: after facts or owners have changed. Where they
 * are late, a frame is handed over. */
void dealt_world(struct carry *carry);
void dealt_close(struct carry *carry);
