/* Two processes: the parent keeps the rights and does what request.def lists; the service, its child, has none.
 *
 * The one that the user started is the parent: it takes the instance's name, undoes what a dead one left, forks before
 * any thread begins, hands signals on, and undoes at the end what was changed on the host. Neither outlives the other.
 */
#pragma once

#include "runtime/base/options.h"
#include "runtime/parent/ask.h"

struct parent;

/* Fork. in_kernel: what judges in the kernel since a start before may be taken over. 0, and in the parent *p is set, in
 * the child *c; or the exit status, and it was told why. SIGTERM, SIGINT, SIGHUP and SIGUSR1 are blocked in both from
 * then on. */
int parent_begin(const struct options *o, bool in_kernel, struct parent **p, struct channel **c);

/* In the parent: an access log that the program names which was read at the start. */
void parent_knows_log(struct parent *p, const char *path);

/* In the parent: the start has told where this machine can have no gate (runtime/io/steer/gate.h). */
void parent_told_gate(struct parent *p);

/* Rights that no request needs are gone from now on, in the parent; else the child is asked to end. */
void parent_bound(struct parent *p);

/* Serve until the child ends; undo, free, and return the exit status. */
int parent_serve(struct parent *p);

/* In the child, before it reads a byte of anybody's and before it has threads: let go of all rights, of the file
 * system but for the files of time zones, and of every system call but those of syscall.def. 0, or the exit status, and
 * it was told why. */
int parent_confine(const struct channel *c);

void channel_free(struct channel *c); /* NULL is fine */
