/* A connection to a server, as long as it is made: s->ops->connected is called once, when it is there or when there is
 * none. Until then the session's step may be called, and may read from the client. */
#ifndef RUNTIME_PROXY_CONNECT_H
#define RUNTIME_PROXY_CONNECT_H

#include "runtime/proxy/session.h"

struct stream_addr; /* of the readers of first bytes */

/* To the server that balancing chooses for s->branch, and where that fails to others, `retries` times. What the service
 * says of TLS and PROXY headers is done. */
void connect_branch(struct session *s);
/* To this one alone: `-> target`. */
void connect_target(struct session *s, const struct stream_addr *to);
/* Go on: called in the session's task as long as s->dials. */
void connect_step(struct session *s);
/* Nobody waits for it any more. */
void connect_cancel(struct session *s);

#endif
