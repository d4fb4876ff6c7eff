/* Inline connections (`mode proxy inline`), which come from the inline stack under made-up addresses
 * (vm/flow/inline_addr.h): their real ends, and their connections to servers, which leave by that stack, too */
#pragma once

#include "runtime/proxy/core.h"

struct inline_ask;

enum inline_session_found { INLINE_SESSION_KNOWN, INLINE_SESSION_UNKNOWN, INLINE_SESSION_NO_ROOM };
/* Find the connection of a client, by its address in the inline stack, and fill in the arrival of its session: what it
 * points to is the caller's. INLINE_SESSION_UNKNOWN: the worker knows no such connection, or no inline service takes
 * it. */
enum inline_session_found inline_session_find(struct proxy *p, const struct stream_addr *client, struct arrival *a);
/* Return the program's id of the interface by which the client came */
uint16_t inline_session_iface(const struct session *s);

/* Return the address by which the inline stack leads to a server; PBC_NONE: to where the client wanted to go.
 * inline_session_leads_to: false if there is none, after millions of servers that came and went. */
struct stream_addr inline_session_address(const struct session *s, uint32_t server);
bool inline_session_leads_to(const struct session *s, uint32_t server);
/* Return a socket of the inline stack for a connection of this session to s->chosen, or a negative errno */
int inline_session_socket(struct session *s);

/* Ask the worker of what connects it with this loop (vm/flow/spliced.h). False: there is no room for that now, and the
 * session's task runs once there is. */
bool inline_session_ask(struct session *s, const struct inline_ask *ask);
/* There is room: run the tasks of all that wait for it. Take a session out of those (second function). */
void inline_session_room(struct proxy *p);
void inline_session_wait_no_more(struct session *s);
/* Report to the worker that the connection is over, if there is room: a client's socket that has failed says
 * nothing. */
void inline_session_over(const struct session *s);

/* Have the worker know the target of an instruction, before a connection to it begins. False: as inline_session_ask.
 * inline_session_target: the address by which the inline stack leads there. */
bool inline_session_says_target(struct session *s);
struct stream_addr inline_session_target(const struct session *s);
