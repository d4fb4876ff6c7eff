/* A connection to a server, as long as it is made: s->ops->connected is called once, when it is there or when there is
 * none. Until then the session's step may be called, and may read from the client. */
#pragma once

#include "runtime/proxy/session.h"

/* To the server that balancing chooses for s->branch, and where that fails to others, `retries` times. What the service
 * says of TLS and PROXY headers is done. */
void connect_branch(struct session *s);
/* To this one alone: `-> target`. */
void connect_target(struct session *s, const struct stream_addr *to);
/* In the session's task, as long as s->dials: go on; the time is over. */
void connect_step(struct session *s);
void connect_late(struct session *s);
/* One that waits for a place at a server tries once more. False: there is none, and it waits on. */
bool connect_again(struct session *s);
/* Nobody waits for it any more. */
void connect_cancel(struct session *s);
