/* Two processes: the parent keeps the privileges and carries out the requests of request.def; its child, the
 * service, has no privileges.
 *
 * The process that the user starts is the parent. It takes the instance's name, undoes the changes of a dead instance,
 * forks before any thread begins, forwards signals, and undoes all changes to the host at the end. Neither process
 * outlives the other. After a crash a third one may be left for a while (interrupted/resets.h). */
#pragma once

#include "runtime/base/options/run_options.h"
#include "runtime/parent/ask.h"

struct guard_shut;
struct loaded;
struct last;
struct parent;
struct starter;
struct tuples;

/* For a closed start (--on-exit closed), as the first step: take the instance's name, and with it the guard rules
 * and judges that a former run has left in force. Return 0 and *p, or the exit status with the reason printed; if
 * another instance serves an interface, *p is also set: the caller can shut the interfaces that no instance serves, and
 * give up. */
int parent_take(const struct options *o, struct parent **p);
/* True if guard rules are in force, of this start or of a former run */
bool parent_is_guarded(const struct parent *p);
/* Put guard rules in force that shut these devices, in place of those there. Return 0, or the exit status with the
 * reason printed. */
int parent_shut(struct parent *p, const struct guard_shut *shut, unsigned count);
/* Shut the devices if parent_take could not write a record: the next start of that name finds the rules by their
 * name, and --cleanup does not. The ports that this opens are printed. */
void parent_shut_unrecorded(const struct options *o, const struct guard_shut *shut, unsigned count);
/* Remove the judges of a former run, behind guard rules that shut everything judged by them */
void parent_drop_judges(struct parent *p);
/* Give up after parent_take: closing rules stay in force, and a line reports that. Frees p. */
void parent_refuse(struct parent *p);

/* Give up after parent_take, and undo everything. Frees p. */
void parent_undo(struct parent *p);

/* Take the name from the instance that has it, by the descriptors of YIELD, which the parent copies; -1: not given.
 * Until TAKEN the end of this process undoes nothing and leaves the record to the other instance. NULL after one
 * line. */
struct parent *parent_take_over(const struct options *o, const int fds[YIELD_FDS]);

/* Register that the process started by the service manager waits at the peer of `fd`. It names this process as the
 * unit's main process once this one is ready; if the waiting process ends before, so does this one. */
void parent_is_heir(struct parent *p, int fd);

/* Descriptors that another instance's parent has lent (LEND), unchecked */
struct parent_lent {
    uint32_t what, at, slots, slot_bytes, fd_count; /* slots, slot_bytes: for LEND_MEMORY */
    int fds[LEND_FDS];
};
/* Take lent descriptors, before the fork. They are not trusted, and stay the caller's. False: they are of another
 * kind. */
bool parent_takes(struct parent *p, const struct parent_lent *lent);

/* Take the inline stack of another instance, before the fork: its descriptors (host/device/inline_stack.h), `each`
 * of a worker, which are not trusted and stay the caller's. False: they are not of such a stack. */
bool parent_takes_stack(struct parent *p, const int fds[], unsigned workers, unsigned each);

/* Fork. *p: the result of parent_take, or NULL: the name is then taken now. in_kernel: the service will ask for the
 * kernel executor, and programs that a former start left judging there may be taken over. Return 0 and set *p in the
 * parent, *c in the child; or the exit status, with the reason printed, and *p NULL. SIGTERM, SIGINT, SIGHUP and
 * SIGUSR1 stay blocked in both processes. */
int parent_begin(const struct options *o, bool in_kernel, struct parent **p, struct channel **c);

/* In the parent: register an access log that the first program names */
void parent_knows_log(struct parent *p, const char *path);
/* In the parent: register the socket of a program in the middle that the first program names */
void parent_knows_middle(struct parent *p, const char *path);

/* In the parent: take the kernel executor, loaded before the fork; *l is empty then. by_tc: bit i: packets of
 * interface i reach it by traffic control, not XDP */
void parent_knows_kernel(struct parent *p, struct loaded *l, uint32_t by_tc);

/* In the parent: take the memory in which the workers store tuples of inline connections, mapped before the fork */
void parent_knows_tuples(struct parent *p, const struct tuples *tuples);

/* In the parent: take the process that starts the service again after a crash (between/starter.h) */
void parent_knows_starter(struct parent *p, const struct starter *s);
/* In the parent: take the memory in which the service keeps its last state, mapped before the fork; the caller frees
 * it. crashes: number of consecutive crashes of the service before */
void parent_knows_last(struct parent *p, struct last *last, uint32_t crashes);

/* In the parent: note that the start has already printed that this machine can't have a gate
 * (runtime/io/steer/gate.h) */
void parent_told_gate(struct parent *p);

/* Give up the parent's privileges that no request needs. On failure, ask the child to end. */
void parent_bound(struct parent *p);

/* Serve until the child ends; undo, free, and return the exit status */
int parent_serve(struct parent *p);

/* In the child, before it has threads or reads input: give up all privileges, the file system except for time zones,
 * and every system call except those of syscall.def. Return 0, or the exit status with the reason printed. */
int parent_confine(const struct channel *c);

void channel_free(struct channel *c); /* NULL is fine */
