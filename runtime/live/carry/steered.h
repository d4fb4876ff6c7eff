/* The steering programs of `xdp`, and what else it needs. Those that give an int give the exit status. */
#pragma once

#include "runtime/live/carry/state.h"

bool steered_needs_tun(const struct carry *carry, const struct program *p);
int steered_open(struct carry *carry, unsigned at, struct io_ask *ask); /* before the port is opened */
int steered_rules(struct carry *carry);                                 /* of carry->now, and of carry->lingering */
int steered_begin(struct carry *carry);                                 /* when all else is ready */
int steered_port(struct carry *carry, unsigned at);                     /* the same, of one that is back */
bool steered_world(struct carry *carry);                                /* after facts have changed */
/* As steered_rules, and the device for packets to this machine before a worker takes a program: 0, or a negative errno
 * with one line in err. */
int steered_take(struct carry *carry, char *err, size_t err_len);
int steered_tun(struct carry *carry, const struct program *p, char *err, size_t err_len);
/* Frames that were too long to be taken. */
void steered_stats(const struct carry *carry, unsigned at, struct io_stats *s);
void steered_close(struct carry *carry); /* when the ports are closed */
