/* Earlier processes, which still serve their proxied sessions: messages from and to them (parent/between/handoff.h). */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct before;
struct control;

/* NULL: out of memory or descriptors. */
struct before *before_new(void);
void before_free(struct before *b); /* NULL is fine, as for all functions with a const argument */

/* Add a process; the socket is owned here, whatever the result. Return 0 or a negative errno. */
int before_add(struct before *b, int link, int32_t process, uint32_t sessions);
unsigned before_count(const struct before *b);
/* Return the socket to one of these processes, which stays owned here. */
int before_link(const struct before *b, unsigned at, int32_t *process, uint32_t *sessions);

/* ---- the main thread's steps ---- */

int before_fd(
    const struct before *b); /* descriptor that is readable when a process has sent a message or ended; -1: never */
void before_hear(struct control *control);
/* Pass workers' messages about connections that may be theirs to these processes. Call each turn. */
void before_tell(struct control *control);
/* Once guard rules of this process are in force, filter packet sockets by this process's own program, and notify the
 * previous process. Call once per second. */
void before_tick(struct control *control);
/* End the sessions of all these processes, while workers still carry the last packets of sockets in the inline
 * stack. */
void before_end(struct control *control);
/* Have these processes open their logs again, because the files were moved away. */
void before_logs(const struct control *control);
/* Add `before` to the document's object, with a member for each process; add nothing if there are none. */
void before_json(const struct before *b, cJSON *instance);
