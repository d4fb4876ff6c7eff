/* Workers' sockets on interfaces, and the program that deals frames to them (runtime/io/steer/deal.h). */
#pragma once

#include "runtime/live/carry/carry_state.h"

/* Return the served interfaces without Ethernet, one bit each; absent ones count as Ethernet. */
uint32_t ports_bare(const struct carry *carry);
/* Return the way by which frames of a port come, once its interface exists. */
const struct io_ops *ports_ops(const struct carry *carry, unsigned at);
/* Open the worker's socket on the interface as it is now. *group: the sockets that share its frames; -1: this is the
 * first. NULL, after the reason was reported. */
struct io_port *ports_open(struct carry *carry, const struct worker *w, unsigned at, int *group);

/* Turn off offloads of an interface (enum offload), and report each one that was on, the first time. Return 0, or a
 * negative errno with one line in err. */
int ports_turn_off(struct carry *carry, unsigned at, unsigned which, char *err, size_t err_len);

/* True if prey forwards packets. A card must then not join segments (LRO), because they would be divided differently
 * when they leave. */
bool ports_send_on(const struct carry *carry);

/* True if the program wants this machine's own DNS questions, and present sockets do not get its outgoing packets. */
bool ports_miss_questions(const struct carry *carry);

/* True if frames between other machines are taken, as from a switch's mirror port: with --monitor, if the program
 * observes connections or copies packets but would not forward such frames. */
bool ports_mirror(const struct carry *carry);

/* Map the rings of a worker's ports in advance, for ports_take. A port that can't be opened yet is opened there. */
void ports_take_early(struct carry *carry, struct worker *w, struct io_made made[PORTS_MOST]);
/* Close the ports that ports_take has not taken. */
void ports_leave_early(const struct carry *carry, struct worker *w);
/* Open all ports of a worker that has no thread yet from those of another instance; descriptors are this process's own
 * from then on. Return 0, or 2 after one line. */
int ports_take(struct carry *carry, struct worker *w, struct io_made made[PORTS_MOST]);
/* Open ports of the workers from `first` on, beside those of the first worker; ports already opened that way are
 * left. They get no frames before dealt_begin. Return 0, or 2 after one line. */
int ports_join(struct carry *carry, unsigned first);
/* Return why the workers' ports can't be handed over on this kernel, or NULL. */
const char *ports_stay(const struct carry *carry);
/* Describe a port of a held worker to the process that will open it, with descriptors that stay the port's; without
 * descriptors if its interface is away. Return 0, or -EBUSY: unfinished work. */
int ports_hand(const struct carry *carry, const struct worker *w, unsigned at, struct io_made *made);
/* Write the further state of a held worker's ports, or read it after ports_take. The input is hostile. False: no
 * room, or malformed. */
bool ports_walk_state(const struct carry *carry, const struct worker *w, struct archive *a);
/* Filter these ports by the program of this instance's parent, in place of the former parent's, whose tables are no
 * longer filled. Return 0, or a negative errno with one line in err; does nothing without such programs. */
int ports_filter(struct carry *carry, char *err, size_t err_len);
/* Update the dealing program's tables after facts or owners have changed. Until then, frames may reach a worker that
 * has to hand them over. */
void dealt_world(struct carry *carry);
/* Continue the dealing program's tables of an instance that has yielded, with this process's ports and their owners
 * in place of its own. The descriptor is closed. False: out of memory; frames are dealt by the present tables. */
bool dealt_take(struct carry *carry, int tables);
/* Make a dealing program for this instance. It deals no frame until dealt_begin is called, when the group has as
 * many sockets as this instance has workers. Return 0, or a negative errno with one line in err. */
int dealt_anew(struct carry *carry, char *err, size_t err_len);
void dealt_begin(struct carry *carry);
/* Leave the table of port owners to another instance: this process gets a private one, to which it returns ports at
 * its end. */
void dealt_leave(struct carry *carry);
/* Make the table of ports that several workers share (vm/shared/shared.h), which the dealing program reads, too.
 * False: out of memory. */
bool dealt_open(struct carry *carry);
void dealt_close(struct carry *carry);
