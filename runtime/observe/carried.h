/* Events of observed connections on their way from a worker to the thread that writes them. */
#pragma once

#include "runtime/exchange/spool.h"
#include "vm/observe/observe.h"

/* Put an event into the ring. Events with bytes leave a quarter of it to others, so that ends are hardly ever lost. */
void carried_put(struct spool *s, const struct observe_event *e);

/* An event from the ring; `event` points into this struct and into the ring. */
struct carried {
    struct observe_event event;
    struct observe_ends ends;
    struct observe_summary sum;
};
/* Take the oldest event, valid until spool_done. False if there is none. */
bool carried_take(struct spool *s, struct carried *c);
