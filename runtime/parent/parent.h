/* Two processes: the parent keeps the rights and does what request.def lists; its child, the service, has no rights.
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

/* For a start that is closed (--on-exit closed), before it looks at anything: take the instance's name, and with it the
 * guard rules and judges that a former run has left in force. Return 0 and *p, or the exit status with the reason
 * printed; where that is an interface that another instance serves, with *p, to shut the rest and give up. */
int parent_take(const struct options *o, struct parent **p);
/* True if guard rules are in force, of this start or of a former run */
bool parent_is_guarded(const struct parent *p);
/* Put guard rules in force that shut these devices, in place of those there. Return 0, or the exit status with the
 * reason printed. */
int parent_shut(struct parent *p, const struct guard_shut *shut, unsigned count);
/* The same where parent_take could write no record: the next start of that name finds the rules by their name, and
 * --cleanup does not. The ports that this opens are printed. */
void parent_shut_unrecorded(const struct options *o, const struct guard_shut *shut, unsigned count);
/* Take off the judges that a former run has left, behind guard rules that let in nothing that those judged */
void parent_drop_judges(struct parent *p);
/* Give up after parent_take: what shuts stays in force, and a line says so. Frees p. */
void parent_refuse(struct parent *p);

/* Give up after parent_take, with all undone. Frees p. */
void parent_undo(struct parent *p);

/* Take the name from the instance that has it, by descriptors as YIELD gives them, of which the parent makes copies;
 * -1: not given. Until TAKEN the end of this process undoes nothing and leaves the record to the other instance. NULL
 * after one line. */
struct parent *parent_take_over(const struct options *o, const int fds[YIELD_FDS]);

/* The process that the service manager has started waits at the other end of `fd`: it names this one as the unit's main
 * process once this one is ready; if it ends before, so does this one. */
void parent_is_heir(struct parent *p, int fd);

/* Descriptors that another instance's parent has lent (LEND), as they came */
struct parent_lent {
    uint32_t what, at, slots, slot_bytes, fd_count; /* slots and their length: of LEND_MEMORY */
    int fds[LEND_FDS];
};
/* Take it, before the fork. Descriptors, which may be anything, stay the caller's. False: it is not what it is said to
 * be. */
bool parent_takes(struct parent *p, const struct parent_lent *lent);

/* Take the inline stack of another instance, before the fork: its descriptors (host/device/inline_stack.h), `each` of a
 * worker, which may be anything and stay the caller's. False: they are no such stack's. */
bool parent_takes_stack(struct parent *p, const int fds[], unsigned workers, unsigned each);

/* Fork. *p: what parent_take has taken, or NULL: then the name is taken now. in_kernel: the service will ask for the
 * kernel executor, and programs that a former start left judging there may be taken over. Return 0 and set *p in the
 * parent, *c in the child; or the exit status, with the reason printed, and *p NULL. SIGTERM, SIGINT, SIGHUP and
 * SIGUSR1 stay blocked in both processes. */
int parent_begin(const struct options *o, bool in_kernel, struct parent **p, struct channel **c);

/* In the parent: register an access log that the program of the start names */
void parent_knows_log(struct parent *p, const char *path);
/* The same for the socket of a program in the middle */
void parent_knows_middle(struct parent *p, const char *path);

/* In the parent: take the kernel executor, loaded before the fork; *l is empty then. by_tc: bit i: traffic control
 * hands it what arrives by interface i, not XDP */
void parent_knows_kernel(struct parent *p, struct loaded *l, uint32_t by_tc);

/* In the parent: take the memory in which the workers store tuples of inline connections, mapped before the fork */
void parent_knows_tuples(struct parent *p, const struct tuples *tuples);

/* In the parent: take the process that starts the service again after a crash (between/starter.h) */
void parent_knows_starter(struct parent *p, const struct starter *s);
/* In the parent: take the memory in which the service keeps its last state, mapped before the fork; the caller frees
 * it. crashes: how often in a row the service has crashed before */
void parent_knows_last(struct parent *p, struct last *last, uint32_t crashes);

/* In the parent: note that the start has printed where this machine can have no gate (runtime/io/steer/gate.h) */
void parent_told_gate(struct parent *p);

/* Give up the parent's rights that no request needs. On failure, ask the child to end. */
void parent_bound(struct parent *p);

/* Serve until the child ends; undo, free, and return the exit status */
int parent_serve(struct parent *p);

/* In the child, before it has threads or reads input: give up all rights, the file system but for time zones, and every
 * system call but those of syscall.def. Return 0, or the exit status with the reason printed. */
int parent_confine(const struct channel *c);

void channel_free(struct channel *c); /* NULL is fine */
