/* A session: a client's connection that ends here, and the one to its server.
 *
 *      accepted ─▶ SHAKES ─▶ begin ─▶ step … ─▶ session_end
 *                  TLS of     of its kind; connect_… calls
 *                  the client connected
 *
 * Everything of a session happens in its task, which the loop runs when one of its sides has changed, its timer is due
 * or something asked for another turn. What is called there does what it can, and returns. session_end only notes why;
 * the session is gone once its task returns, so whoever has ended one returns. */
#pragma once

#include "runtime/proxy/core.h"

/* A connection was accepted: a session of the service's kind. fd is its from now on; key: of its first packet. False:
 * there is no room, and fd is closed. */
bool session_new(struct proxy *p, int fd, uint32_t service, const struct key *key);
/* It ends, for this reason (the first that is said counts). */
void session_end(struct session *s, enum session_end why);
/* Another turn soon. */
void session_again(struct session *s);
/* From now on ops->late is called when so much time passes; each call puts it off anew, which costs next to nothing.
 * 0: no more. As long as it dials the time is the connect's. */
void session_wait(struct session *s, uint64_t ns);

/* Its connection to the server is closed. */
void session_leave_server(struct session *s);
/* It is kept: the side is the caller's, whose task it gets. */
struct side *session_take_server(struct session *s, struct task *task);
/* It gets one that was kept. */
void session_give_server(struct session *s, struct side *server);
/* Was it made for this client alone (the server sees his address, or heard of it), or by what a program before said
 * (of TLS, too)? Then no other may have it. */
bool session_server_is_private(const struct session *s);

/* Who the client is, a PROXY header believed; and the address that he asked for. */
struct stream_addr session_client(const struct session *s);
struct stream_addr session_service(const struct session *s);
