/* The way of an inline session out of its sockets (`splice packets`, `-> pass`; vm/flow/spliced.h): once everything
 * is decided, its connection goes on as packets, which a worker rewrites. The session continues without sockets.
 *
 *      connected ─▶ DRAINS: what was read is written ─▶ ASKED ─▶ spliced ─▶ over
 *                     ▲                              ▲   │ │
 *                     │                  more had come   │ │ it can't be
 *                     │                    READS ◀───────┘ ▼
 *                     └─────────────────────────────── RESTS: a proxy's, for a while or for good
 *
 * Only in RESTS and READS does the session move bytes: in other states the worker could not know what it reads or
 * writes. */
#pragma once

#include "runtime/proxy/inline/spliced_session.h"
#include "runtime/proxy/session.h"

/* Begin to leave, once the session is connected, if its service or its branch requires it. */
void leave_begin(struct session *s);
/* Continue. True: the session itself must not move bytes. */
bool leave_goes_on(struct session *s);
/* Note that the session has moved all available bytes. */
void leave_moved(struct session *s);
/* Make the worker end a connection that left, or may leave meanwhile, before its session is freed. False: no room
 * for the message now; the session's task runs once there is. */
bool leave_ends(struct session *s);
void leave_fini(struct session *s);

/* Take the proxy's part of p->leaving as its own, once. Read the worker's messages (second function). */
void leave_open(struct proxy *p, struct leaving *leaving);
void leave_hear(struct proxy *p);
void leave_close(struct proxy *p);

/* after.c: give up the sockets of a session whose connection has left them */
void after_begin(struct session *s);
/* Handle the worker's message that one end has finished: the other has the time of `proxy half_close` */
void after_half(struct session *s);
/* Handle the end of session_wait's time */
void after_late(struct session *s);
/* End the session, because the worker reports that the connection is over */
void after_over(struct session *s, enum splice_why why);
/* Return the size in bytes of such a session, beyond struct inline_facts */
size_t leave_bytes(void);
