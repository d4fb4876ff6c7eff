/* The table of routes, made anew when the kernel tells of a change. */
#ifndef RUNTIME_LIVE_ROUTING_H
#define RUNTIME_LIVE_ROUTING_H

#include "runtime/live/state.h"

/* Make it, if it is due. True: it is another one. A large table that changes all the time is made again when ten times
 * as long has gone by as that took. */
bool routing_renew(struct live *l);
void routing_stale(struct live *l);                                   /* it is not what the kernel would say any more */
int routing_wait_ms(const struct live *l, uint64_t now_ns, int most); /* until it is due; at most so long */
void routing_fini(struct live *l);

#endif
