/* Packets that wait for the decision of an observe service (vm/observe/waiting.h), on a worker's way. */
#pragma once

#include "vm/context/context.h"
#include "vm/observe/observers.h"

/* Judge a packet that may go on, and set its `mirrors`. */
typedef void holding_judge_fn(const struct job *j, struct packet_ctx *c);

/* Take a packet that was read, before it is judged, if it must wait or is refused. False: judge the packet. *read
 * becomes false if the observers have got the packet. came_ns: time of arrival. */
bool holding_take(const struct job *j, struct packet_ctx *c, struct observe_packet *s, uint64_t came_ns, bool *read);

/* cut.c: begin to cut into the connection of a client's packet. False: the connection goes on unchanged. */
bool holding_cut(const struct job *j, const struct packet_ctx *c, const struct holding *g);
/* Continue with connections that are being cut into. */
void holding_cuts(const struct job *j);

/* Release packets that no longer wait, as far as there is room in j->tx. */
void holding_leave(const struct job *j, holding_judge_fn *judge);
