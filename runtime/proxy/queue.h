/* Sessions that wait for a place at a server (`queue N within D`), because all their servers have `max flows`
 * connections. First come, first served; the time limit is the session's own (session_wait). */
#pragma once

#include "runtime/proxy/session.h"

/* Return room for the counts of a program, for queue_set. NULL: out of memory. */
uint32_t *queue_room(const struct program *p);
/* Make the queue, or count waiting sessions again after a change of program. The queue keeps the counts in `room`,
 * and owns it from then on. */
void queue_set(struct proxy *p, uint32_t *room);
void queue_fini(struct proxy *p);
/* Add a session. False if the service has no queue, or a full one. */
bool queue_join(struct session *s);
/* Remove a session */
void queue_leave(struct session *s);
/* Try waiting sessions, because a place at a server is free */
void queue_stir(struct proxy *p);
