/* A connection to a server while it is being made: s->ops->connected is called once, on success or failure. Before
 * that the session's step may run, and may read from the client. */
#pragma once

#include "runtime/proxy/session.h"

/* Connect to the server that balancing chooses for s->branch; after a failure connect to others, `retries` times.
 * Connect to the client's original destination, if the branch has `original` or names a program; `reject` is a
 * failure. The service's settings of TLS and PROXY headers are applied. */
void connect_branch(struct session *s);
/* Connect to this target only: `-> target` */
void connect_target(struct session *s, const struct stream_addr *to);
/* Continue connecting, in the session's task while s->dials is set. Give up, because the time has expired (second
 * function). */
void connect_step(struct session *s);
void connect_late(struct session *s);
/* Try again for a session that waits for a place at a server. False if there is no place; the session keeps waiting. */
bool connect_again(struct session *s);
/* Stop connecting */
void connect_cancel(struct session *s);
