/* Sessions that wait for a place at a server (`queue N within D`): all their servers have as many connections as they
 * may (`max flows`). First come, first served; the time is the session's own (session_wait). */
#pragma once

#include "runtime/proxy/session.h"

/* False: memory is out. Also when another program took its place: those that wait are counted anew. */
bool queue_init(struct proxy *p);
void queue_fini(struct proxy *p);
/* It waits. False: the service's queue is full, or it has none. */
bool queue_join(struct session *s);
/* It does not any more. */
void queue_leave(struct session *s);
/* A place at a server was given back. */
void queue_stir(struct proxy *p);
