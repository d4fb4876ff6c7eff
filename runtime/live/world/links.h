/* Interfaces that change while they are served. */
#pragma once

#include "runtime/live/world/world_state.h"

/* Return the state of a link; NULL: gone. */
enum link_state links_state(const struct host_link *link);
/* Take the links' states at the start. */
void links_begin(struct world *world);
/* Follow changes of interfaces. Returned interfaces get new sockets. */
void links_follow(struct world *world);
/* Let in packets of newly opened interfaces, because their judge now has this machine's addresses. */
void links_let_in(struct carry *carry);
/* True if an interface is back but could not be served, for lack of descriptors or memory. */
bool links_missed(const struct world *world);
/* Close the replaced sockets. Call once per second. */
void links_close(struct world *world);
/* Report packets that a tunnel has failed to send, for instance because its path has a smaller MTU. Their senders
 * get no error. Call once per second. */
void links_fail(struct world *world);
/* Give new sockets to interfaces with a stalled ring. Call once per second. */
void links_renew(struct world *world);
