/* The steering programs of `xdp`, and its other needs. An int is the exit status, unless stated otherwise. */
#pragma once

#include "runtime/live/carry/carry_state.h"

bool steered_needs_tun(const struct carry *carry, const struct program *p);
int steered_open(struct carry *carry, unsigned at,
                 struct io_ask *ask); /* prepares offloads and the steering program, before the port is opened */
/* Describe memory and rings of a port to the code that makes or opens it. */
void steered_shape(struct carry *carry, struct io_ask *ask);
/* Load steering programs over those of another instance, by `lent` (a bit for each interface); steered_begin
 * attaches them, once that instance has yielded. */
int steered_over(struct carry *carry, uint32_t lent);
int steered_rules(struct carry *carry);             /* sets rules for carry->now and carry->guard.lingering */
int steered_begin(struct carry *carry);             /* attaches the programs, when all else is ready */
int steered_port(struct carry *carry, unsigned at); /* the same for a port whose interface is back */
bool steered_world(struct carry *carry);            /* call after facts have changed */
/* Open the device for packets to this machine, before a worker takes a program. Return 0, or a negative errno with one
 * line in err. */
int steered_tun(struct carry *carry, const struct program *p, char *err, size_t err_len);
/* Add the number of frames that were too long for a slot. */
void steered_stats(const struct carry *carry, unsigned at, struct io_stats *s);
