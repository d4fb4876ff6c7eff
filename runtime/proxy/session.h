/* A session: a client's connection that ends here, and the connection to its server.
 *
 *      accepted ─▶ SHAKES ─▶ begin ─▶ step … ─▶ session_end
 *                  TLS of     of its kind; connect_… calls
 *                  the client connected
 *
 * All work of a session is done in its task, which the loop runs after a change of a side, when its timer is due, or
 * after session_again. Each callback does all it can and returns. session_end only notes the reason; the session is
 * freed after its task returns, so a callback returns after calling session_end. */
#pragma once

#include "runtime/proxy/core.h"

/* Make a session of the service's kind, and own fd. False: no room; fd is closed. */
bool session_new(struct proxy *p, int fd, const struct arrival *a);
/* End the session for a reason; the first call counts */
void session_end(struct session *s, enum session_end why);
/* Handle the result of way_move of one direction. True if it goes on or is done. */
bool session_heed(struct session *s, enum way_result r, bool up);
/* Run the task again soon */
void session_again(struct session *s);
/* Call ops->late after `ns` from now; a further call postpones it, at almost no cost. 0: no timer. While the session
 * dials, the timer is the connect's. */
void session_wait(struct session *s, uint64_t ns);

/* Close the connection to the server */
void session_leave_server(struct session *s);
/* Take the server's side out of the session, to keep it: the caller owns it, and it gets the task */
struct side *session_take_server(struct session *s, struct task *task);
/* Give the session a kept side */
void session_give_server(struct session *s, struct side *server);
/* True if no other client may use the server's connection: it was made for this client (its address or a PROXY header),
 * or with settings (TLS, too) of a former program */
bool session_server_is_private(const struct session *s);
/* Return the version of the PROXY header for its server; 0: none. */
unsigned session_header(const struct session *s);

/* Return the client's address, from an accepted PROXY header if any; or the address that the client connected to
 * (second function) */
struct stream_addr session_client(const struct session *s);
struct stream_addr session_service(const struct session *s);
