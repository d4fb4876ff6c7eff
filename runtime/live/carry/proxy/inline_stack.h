/* The inline stack in which connections of `mode proxy inline` end (runtime/host/device/inline_stack.h), and what of
 * it workers and proxy loops get. Made by the first program with such a service; nothing is made for others. It stays
 * to the end. */
#pragma once

#include "runtime/host/socket/transparent.h"
#include "runtime/live/carry/carry_state.h"

/* True if the program has a service in `mode proxy inline`, other than those that a past program left. */
bool inline_stack_wanted(const struct program *p);

/* Make it for the first program that wants it; the workers get their ends with the program. `grown`: the program that
 * may follow the one in force. Return 0, or a negative errno with one line in err. */
int inline_stack_follow(struct carry *carry, const struct program *grown, char *err, size_t err_len);
void inline_stack_close(struct carry *carry);

/* Return why no other process can go on with it; NULL: one can, or there is none. */
const char *inline_stack_stays(const struct carry *carry);
/* Another process goes on with it. Return the number of descriptors that each worker has, and those of one, which stay
 * this room's; 0: there is no stack. Take such descriptors in place of a stack of its own (second function), [each] of
 * each worker, and memory of each (inline_stack_memory); they are this room's then. Return 0 or -ENOMEM. */
unsigned inline_stack_each(const struct carry *carry, unsigned worker, const int **fds);
int inline_stack_take(struct carry *carry, const int fds[], unsigned each, const int memory[]);
/* Return the memory of what a worker's spliced connections carry, which stays this room's; 0: there is none. */
int inline_stack_memory(const struct carry *carry, unsigned worker);
/* Have no connection leave its sockets from now on, for another process is about to take over; or again. */
void inline_stack_still(const struct carry *carry, bool still);
/* After that, sessions of this process go on without workers, and the other process does what their loops ask of those.
 * Take the exchanges out of the workers. Called before those are freed. */
void inline_stack_leave(struct carry *carry);
/* Return a descriptor that is readable when something may be asked of the worker of that number, or told of it; -1:
 * there is none. Take the oldest ask but those to leave, which are answered (second function); false: there is none.
 * Report to the loop what the other process reports (third function); false: no room now. */
int inline_stack_asked_fd(const struct carry *carry, unsigned worker);
bool inline_stack_asked(const struct carry *carry, unsigned worker, struct inline_ask *ask);
bool inline_stack_told(const struct carry *carry, unsigned worker, const struct inline_told *told);

/* Return a worker's listener of a family, which stays this room's; -1: there is none. */
int inline_stack_listener(const struct carry *carry, unsigned worker, bool v6);
/* Return a worker's table of connections, for its proxy loop; NULL: there is none. */
struct inlined *inline_stack_conns(const struct carry *carry, unsigned worker);
/* Return a worker's exchange with its loop about connections that leave; NULL: there is none */
struct leaving *inline_stack_leaving(const struct carry *carry, unsigned worker);
/* Return a worker's TUN device; -1: there is none. */
int inline_stack_tun(const struct carry *carry, unsigned worker);
/* Get a batch of unbound sockets of family 4 or 6 in that stack, which the caller closes. Any thread may call. Return
 * their number, or a negative errno. */
int inline_stack_sockets(struct carry *carry, unsigned family, int fds[TRANSPARENT_BATCH]);
