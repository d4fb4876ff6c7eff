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
