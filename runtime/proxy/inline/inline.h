/* Inline connections (`mode proxy inline`), which come from the inline stack under made-up addresses
 * (vm/flow/inline_addr.h): their real ends, and their connections to servers, which leave by that stack, too */
#pragma once

#include "runtime/proxy/core.h"

struct inline_ask;

enum inline_session_found { INLINE_SESSION_KNOWN, INLINE_SESSION_UNKNOWN, INLINE_SESSION_NO_ROOM };
/* Find the connection of a client, by its address in the inline stack, and fill in the arrival of its session:
 * objects that it points to are the caller's. INLINE_SESSION_UNKNOWN: the worker has no such connection, or no
 * inline service takes it. */
enum inline_session_found inline_session_find(struct proxy *p, const struct stream_addr *client, struct arrival *a);
/* Return the program's id of the interface by which the client came */
uint16_t inline_session_iface(const struct session *s);

/* Return the address by which the inline stack leads to a server; PBC_NONE: the client's original destination.
 * inline_session_leads_to: false if the server's id is too large for such an address, after millions of servers. */
struct stream_addr inline_session_address(const struct session *s, uint32_t server);
bool inline_session_leads_to(const struct session *s, uint32_t server);
/* Return a socket of the inline stack for a connection of this session to s->chosen, or a negative errno */
int inline_session_socket(struct session *s);

/* Send the worker a request about the session's connection (vm/flow/spliced.h). False: no room now, and the
 * session's task runs once there is. */
bool inline_session_ask(struct session *s, const struct inline_ask *ask);
/* Run the tasks of all sessions that wait for room, because there is some now. Remove a session from those that wait
 * (second function). */
void inline_session_room(struct proxy *p);
void inline_session_wait_no_more(struct session *s);
/* Report to the worker, if there is room, that the connection is over; a client's failed socket sends nothing that
 * would show it. */
void inline_session_over(const struct session *s);

/* Send the worker the target of an instruction, before a connection to it begins. False: as inline_session_ask.
 * inline_session_target: the address by which the inline stack leads there. */
bool inline_session_says_target(struct session *s);
struct stream_addr inline_session_target(const struct session *s);
