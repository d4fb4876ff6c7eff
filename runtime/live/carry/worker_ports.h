/* Workers' sockets on interfaces, and the program that deals frames to them (runtime/io/steer/deal.h). */
#pragma once

#include "runtime/live/carry/carry_state.h"

/* Return the served interfaces without Ethernet, a bit each; those that are away count as Ethernet. */
uint32_t ports_bare(const struct carry *carry);
/* Return the way of a port of each worker, once its interface is there. */
const struct io_ops *ports_ops(const struct carry *carry, unsigned at);
/* Open the worker's socket on the interface as it is now. *group: the sockets that share its frames; -1: this is the
 * first. NULL, after the reason was reported. */
struct io_port *ports_open(struct carry *carry, const struct worker *w, unsigned at, int *group);

/* Turn off offloads of an interface (enum offload), and tell of each that it was on: the first time. Return 0, or a
 * negative errno with one line in err. */
int ports_turn_off(struct carry *carry, unsigned at, unsigned which, char *err, size_t err_len);

/* True if packets leave here that came by an interface. A card must not join segments then (LRO): they would leave in
 * others than were sent. */
bool ports_send_on(const struct carry *carry);

/* True if the program wants this machine's own DNS questions, and sockets of before don't get what it sends. */
bool ports_miss_questions(const struct carry *carry);

/* True if frames between other machines are taken, as a switch's mirror port gives them: with --monitor, for a program
 * that observes connections or copies packets, and would send nothing of theirs. */
bool ports_mirror(const struct carry *carry);

/* Map the rings of a worker's ports in advance; ports_take goes on with those. A port that can't be opened yet is
 * opened there. */
void ports_take_early(struct carry *carry, struct worker *w, struct io_made made[PORTS_MOST]);
/* Close those that were never taken. */
void ports_leave_early(const struct carry *carry, struct worker *w);
/* Open all ports of a worker that has no thread yet from those of another instance; descriptors are this process's own
 * from then on. Return 0, or 2 after one line. */
int ports_take(struct carry *carry, struct worker *w, struct io_made made[PORTS_MOST]);
/* Open ports of the workers from `first` on, beside the first worker's, where that one has one; those that were opened
 * so before are left. No frame comes to them before dealt_begin. Return 0, or 2 after one line. */
int ports_join(struct carry *carry, unsigned first);
/* Return why the workers' ports can't be handed over on this kernel, or NULL. */
const char *ports_stay(const struct carry *carry);
/* Describe a port of a held worker to who opens it in another process, with descriptors that stay the port's; none: its
 * interface is away. Return 0, or -EBUSY: it is in the middle of something. */
int ports_hand(const struct carry *carry, const struct worker *w, unsigned at, struct io_made *made);
/* Write what ports of a held worker have besides, or read it after ports_take. The input is hostile. False: there is
 * no room, or it is no such state. */
bool ports_walk_state(const struct carry *carry, const struct worker *w, struct archive *a);
/* Filter those by the program of this instance's parent, in place of that one's, whose tables nobody fills any more.
 * Return 0, or a negative errno with one line in err; without such programs there is nothing to do. */
int ports_filter(struct carry *carry, char *err, size_t err_len);
/* Update the dealing program's tables after facts or owners have changed. A late update only means that a frame is
 * handed over. */
void dealt_world(struct carry *carry);
/* Go on with the dealing program's tables of an instance that has let go, with this process's ports and their owners
 * in the place of that one's. The descriptor is closed. False: no memory; frames are dealt by what is there. */
bool dealt_take(struct carry *carry, int tables);
/* Make a dealing program of this instance's own, which deals no frame before dealt_begin: then the group's sockets are
 * as many as this instance's workers, whoever had which. Return 0, or a negative errno with one line in err. */
int dealt_anew(struct carry *carry, char *err, size_t err_len);
void dealt_begin(struct carry *carry);
/* Let another instance have them: from now on the owners of ports are this process's only, whose end gives ports
 * back. */
void dealt_leave(struct carry *carry);
/* Make the table of ports that several workers share (vm/shared/shared.h), which the dealing program reads, too.
 * False: out of memory. */
bool dealt_open(struct carry *carry);
void dealt_close(struct carry *carry);
