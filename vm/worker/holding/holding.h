/* Packets that wait for the decision of an observe service (vm/observe/waiting.h), on a worker's way. */
#pragma once

#include "vm/context/context.h"
#include "vm/observe/observers.h"

/* Judge a packet that may go on, and set its `mirrors`. */
typedef void holding_judge_fn(const struct job *j, struct packet_ctx *c);

/* Take a packet that was read, before it is judged, if it has to wait or is refused. False: it is judged. *read becomes
 * false if the observers have it then. came_ns: when it came. */
bool holding_take(const struct job *j, struct packet_ctx *c, struct observe_packet *s, uint64_t came_ns, bool *read);

/* cut.c: begin to cut into the connection of a client's packet. False: it goes on unchanged. */
bool holding_cut(const struct job *j, const struct packet_ctx *c, const struct holding *g);
/* Go on with those that are being cut into. */
void holding_cuts(const struct job *j);

/* Let go what no longer waits, as far as there is room in j->tx. */
void holding_leave(const struct job *j, holding_judge_fn *judge);
