/* The record of what an instance has changed on the host, so that everything is undone, if need be by the next start.
 *
 * An instance is a name in a network namespace: RUN/INODE/NAME.state, INODE being the namespace's. Its owner holds a
 * lock on the file as long as it lives. A line is one change, `+KIND what before after` with tabs between, written
 * before the change is made; its `+` becomes `-` when it is undone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define STATE_RUN "/run/prey" /* RUN of all functions, but for tests */

enum change {
#define CHANGE(ident, word, undo, when, doc) CHANGE_##ident,
#include "runtime/host/change.def"
    CHANGE_COUNT
};

/* Told one line for each change of a dead owner that was undone, or could not be. */
typedef void state_say(void *arg, const char *line);

struct state;

/* What the next owner takes over, if a dead one has left it: HANDED changes of these things. */
struct state_handed {
    const char *const *what;
    unsigned count;
};

/* Can a state file be made? 0, or a negative errno with one line in err. Nothing is made. */
int state_lack(const char *run, char *err, size_t err_len);

/* Take the name in the caller's network namespace; undo what a dead owner of it left, but what is handed over (NULL:
 * nothing is). NULL, with one line in err, when the name is no file name, another process has it (its pid is named), or
 * the folder can't be made. */
struct state *state_open(const char *run, const char *name, const struct state_handed *handed, state_say *say,
                         void *arg, char *err, size_t err_len);

/* Of its file. */
const char *state_path(const struct state *s);

/* Record the process that does the work beside the owner, which calls itself so, for state_await. 0, or a negative
 * errno. */
#define STATE_WORKER "prey-service"
int state_works(struct state *s, long pid);
/* One of the two processes of that name was killed: the other one ends, too, and holds for a moment what a start needs.
 * It is waited for, so many milliseconds at most, and `say` told of it. Nothing where both live, or neither. */
void state_await(const char *run, const char *name, int most_ms, state_say *say, void *arg);

/* The process that has the name in the caller's network namespace; 0: nobody. Changes nothing. */
long state_owner(const char *run, const char *name);

/* Record a change that is about to be made, once if it stands there already in the same words. Words hold no tab and no
 * newline; `before` and `after` may be empty. 0, or a negative errno: then it must not be made. */
int state_note(struct state *s, enum change kind, const char *what, const char *before, const char *after);

/* The changes of that kind, to that thing, of which is_over says by `before` that nothing is left of them, need no
 * undoing any more. Where much of the file is of such it is written anew: it does not grow with what comes and goes. */
void state_forget(struct state *s, enum change kind, const char *what, bool (*is_over)(const char *before));

/* Does that change stand there, in these words, and in force? */
bool state_noted(const struct state *s, enum change kind, const char *what, const char *before, const char *after);

/* Tell of each change of that kind which another instance that lives in this namespace has recorded. visit returns
 * false to end. -errno when the folder can't be read. */
typedef bool state_visit(void *arg, const char *name, const char *what, const char *before, const char *after);
int state_others(const struct state *s, enum change kind, state_visit *visit, void *arg);
/* The same of this instance's own. */
void state_own(const struct state *s, enum change kind, state_visit *visit, void *arg);
/* The same of all that live in the caller's namespace, for one that has no file yet. Changes nothing. */
int state_all(const char *run, enum change kind, state_visit *visit, void *arg);

enum state_end {
    STATE_OPEN,   /* all is undone */
    STATE_CLOSED, /* what hides traffic from the host's own stack stays, until the next start or --cleanup */
    STATE_HANDED, /* of that, what the next start may take over */
};
/* Undo changes, the last first. How many could not be: those stay recorded, as does what is left as it is. */
unsigned state_undo(struct state *s, enum state_end end, state_say *say, void *arg);

/* In a process that was forked: let go of it; the name stays the other's. */
void state_leave(struct state *s);

/* Give the name back. The file stays only if changes are still recorded. NULL is allowed. */
void state_close(struct state *s);

/* Undo what dead owners left in this namespace: of that name, or of all where name is NULL. How many changes could not
 * be undone, or a negative errno. Instances that run are left alone, with a line that says so. */
int state_cleanup(const char *run, const char *name, state_say *say, void *arg);
