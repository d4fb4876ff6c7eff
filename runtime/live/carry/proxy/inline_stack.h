/* The inline stack in which connections of `mode proxy inline` end (runtime/host/device/inline_stack.h), and its
 * parts for workers and proxy loops. The first program with such a service makes it; it is kept until prey ends. */
#pragma once

#include "runtime/host/socket/transparent.h"
#include "runtime/live/carry/carry_state.h"

/* True if the program has a service in `mode proxy inline`, other than those left from an earlier program. */
bool inline_stack_wanted(const struct program *p);

/* Make the stack for the first program that needs it; the workers get their ends with the program. `grown`: the
 * program that may follow the one in force. Return 0, or a negative errno with one line in err. */
int inline_stack_follow(struct carry *carry, const struct program *grown, char *err, size_t err_len);
void inline_stack_close(struct carry *carry);

/* Return why another process can't continue with the stack; NULL: it can, or there is no stack. */
const char *inline_stack_stays(const struct carry *carry);
/* Return the number of the stack's descriptors per worker, and those of one worker, which stay owned here; 0: no
 * stack. Take such descriptors of another process in place of a new stack (second function): `each` per worker, and
 * one memory per worker (inline_stack_memory). This room owns them from then on. Return 0 or -ENOMEM. */
unsigned inline_stack_each(const struct carry *carry, unsigned worker, const int **fds);
int inline_stack_take(struct carry *carry, const int fds[], unsigned each, const int memory[]);
/* Return the memory for counts of a worker's spliced connections, which stays owned here; 0: none. */
int inline_stack_memory(const struct carry *carry, unsigned worker);
/* Stop connections from leaving their sockets, because another process is about to take over; or allow it again. */
void inline_stack_still(const struct carry *carry, bool still);
/* Take the exchanges out of the workers, before these are freed. Sessions of this process then continue without
 * workers, and the other process answers their loops' requests. */
void inline_stack_leave(struct carry *carry);
/* Return a descriptor that is readable when there may be messages to or from the worker of that number; -1: none.
 * Take the oldest request (second function), except requests to leave, which are answered here; false: none. Pass
 * the other process's message to the loop (third function); false: no room now. */
int inline_stack_asked_fd(const struct carry *carry, unsigned worker);
bool inline_stack_asked(const struct carry *carry, unsigned worker, struct inline_ask *ask);
bool inline_stack_told(const struct carry *carry, unsigned worker, const struct inline_told *told);

/* Return a worker's listener of a family, which stays owned here; -1: none. */
int inline_stack_listener(const struct carry *carry, unsigned worker, bool v6);
/* Return a worker's table of connections, for its proxy loop; NULL: none. */
struct inlined *inline_stack_conns(const struct carry *carry, unsigned worker);
/* Return a worker's exchange with its loop about connections that leave; NULL: none */
struct leaving *inline_stack_leaving(const struct carry *carry, unsigned worker);
/* Return a worker's TUN device; -1: none. */
int inline_stack_tun(const struct carry *carry, unsigned worker);
/* Get a batch of unbound sockets of family 4 or 6 in the inline stack, which the caller closes. Any thread may call.
 * Return their number, or a negative errno. */
int inline_stack_sockets(struct carry *carry, unsigned family, int fds[TRANSPARENT_BATCH]);
