/* Sessions that wait for a place at a server (`queue N within D`), as all their servers have `max flows` connections.
 * First come, first served; the time limit is the session's own (session_wait). */
#pragma once

#include "runtime/proxy/session.h"

/* Make the queue, or count waiting sessions anew after a change of program. False: out of memory. */
bool queue_init(struct proxy *p);
void queue_fini(struct proxy *p);
/* Add a session. False if the service's queue is full, or it has none. */
bool queue_join(struct session *s);
/* Remove a session */
void queue_leave(struct session *s);
/* Try waiting sessions, as a place at a server is free */
void queue_stir(struct proxy *p);
