/* The network stack aside in which connections of `mode proxy inline` end (runtime/host/device/inside.h), and what of
 * it workers and proxy loops get. Made by the first program with such a service; nothing is made for others. It stays
 * to the end. */
#pragma once

#include "runtime/host/socket/transparent.h"
#include "runtime/live/carry/state.h"

/* True if the program has a service in `mode proxy inline`, other than those that a past program left. */
bool inside_wanted(const struct program *p);

/* Make it for the first program that wants it; the workers get their ends with the program. `grown`: the program that
 * may follow the one in force. Return 0, or a negative errno with one line in err. */
int inside_follow(struct carry *carry, const struct program *grown, char *err, size_t err_len);
void inside_close(struct carry *carry);

/* Return a worker's listener of a family, which stays this room's; -1: there is none. */
int inside_listener(const struct carry *carry, unsigned worker, bool v6);
/* Return a worker's table of connections, for its proxy loop; NULL: there is none. */
struct inlined *inside_conns(const struct carry *carry, unsigned worker);
/* Return a worker's exchange with its loop about connections that leave; NULL: there is none */
struct leaving *inside_leaving(const struct carry *carry, unsigned worker);
/* Return a worker's TUN device; -1: there is none. */
int inside_tun(const struct carry *carry, unsigned worker);
/* Get a batch of unbound sockets of family 4 or 6 in that stack, which the caller closes. Any thread may call. Return
 * their number, or a negative errno. */
int inside_sockets(struct carry *carry, unsigned family, int fds[TRANSPARENT_BATCH]);
