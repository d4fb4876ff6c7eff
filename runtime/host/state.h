/* The record of all changes that an instance has made on the host, so that each is undone, if necessary by the next
 * start.
 *
 * An instance is a name in a network namespace: RUN/INODE/NAME.state, with the namespace's INODE. Its owner locks the
 * file as long as it lives. A line is one change, `+KIND what before after` separated by tabs, written before the
 * change is made; its `+` becomes `-` when the change is undone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define STATE_RUN "/run/prey" /* RUN of all functions, except in tests */

enum change {
#define CHANGE(ident, word, undo, when, doc) CHANGE_##ident,
#include "runtime/host/change.def"
    CHANGE_COUNT
};

/* Callback: one line for each change of a dead owner that was undone, or could not be */
typedef void state_say(void *arg, const char *line);

struct state;

/* Things whose HANDED changes the next owner takes over from a dead owner, including those of a part, `THING/part`;
 * closed: their CLOSED changes are taken over, too */
struct state_handed {
    const char *const *what;
    unsigned count;
    bool closed;
};

/* Test if a state file can be made, without making it. Return 0, or a negative errno with one line in err. */
int state_lack(const char *run, char *err, size_t err_len);

/* Take the name in the caller's network namespace; undo the changes of its dead owner, except handed (NULL: no
 * exception). NULL, with one line in err: the name isn't a file name, another process runs under it (err has its
 * pid), or the folder can't be made. */
struct state *state_open(const char *run, const char *name, const struct state_handed *handed, state_say *say,
                         void *arg, char *err, size_t err_len);

/* Share the record of the instance that has the name, by the descriptor from state_lend, which is the state's from
 * then on. The descriptor is not trusted: NULL if it is another file, if out of memory, or if the name isn't a file
 * name. */
struct state *state_share(const char *run, const char *name, int fd);
/* Make a shared record this process's own: with its pid, and its worker's (0: none). Return 0, or a negative errno. */
int state_own_up(struct state *s, long works);
/* Return a read-only descriptor of the file, with its lock, for state_share; or a negative errno. */
int state_lend(const struct state *s);

/* Take this namespace's exclusive lock among instances, held until the returned descriptor is closed, which should
 * be soon. -errno: the folder cannot be locked. */
int state_alone(const struct state *s);

/* Return the path of the state file */
const char *state_path(const struct state *s);

/* Record the worker's process beside the owner, named STATE_WORKER, for state_await. Return 0, or a negative errno. */
#define STATE_WORKER "prey-service"
int state_works(struct state *s, long pid);
/* Wait, at most most_ms, for an instance to end if one of its two processes was killed: the other holds resources
 * that a start needs for a moment. `say` reports the wait. Return immediately if both live, or neither. */
void state_await(const char *run, const char *name, int most_ms, state_say *say, void *arg);

/* Return the process that has the name in the caller's network namespace; 0: none. Changes nothing. */
long state_owner(const char *run, const char *name);

/* Record a change before it is made, unless the same words are in force already. Words have no tab and no newline;
 * `before` and `after` may be empty. Return 0, or a negative errno: then the change must not be made. */
int state_note(struct state *s, enum change kind, const char *what, const char *before, const char *after);

/* Remove the recorded changes of a kind to `what` for which is_over(before) is true, because they need no undoing.
 * If many lines are no longer in force, the file is rewritten, so that it does not grow. */
void state_forget(struct state *s, enum change kind, const char *what, bool (*is_over)(const char *before));

/* True if that change is recorded in these words, and in force */
bool state_noted(const struct state *s, enum change kind, const char *what, const char *before, const char *after);

/* Visit the recorded changes of a kind of all other live instances in this namespace. visit returns false to end.
 * -errno: the folder is unreadable. */
typedef bool state_visit(void *arg, const char *name, const char *what, const char *before, const char *after);
int state_others(const struct state *s, enum change kind, state_visit *visit, void *arg);
/* The same for this instance */
void state_own(const struct state *s, enum change kind, state_visit *visit, void *arg);
/* The same for all live instances in the caller's namespace, for a caller without a state file. Changes nothing. */
int state_all(const char *run, enum change kind, state_visit *visit, void *arg);

enum state_end {
    STATE_OPEN,   /* all is undone */
    STATE_CLOSED, /* changes that hide traffic from the host's stack stay, until the next start or --cleanup */
    STATE_HANDED, /* only those changes stay that the next start may take over */
};
/* Undo changes, the last first. Return the number of failures; these and kept changes stay recorded. */
unsigned state_undo(struct state *s, enum state_end end, state_say *say, void *arg);

/* In a forked process: free the state; the name remains the other process's */
void state_leave(struct state *s);

/* Give the name back. The file stays only if changes are still recorded. NULL is fine. */
void state_close(struct state *s);

/* Undo changes of dead owners in this namespace: of that name, or of all if name is NULL. Return the number of
 * failures, or a negative errno. Running instances are skipped, with a line for each. */
int state_cleanup(const char *run, const char *name, state_say *say, void *arg);
