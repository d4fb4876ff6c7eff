/* Server connections that a loop keeps between requests. The next request to the same server gets one.
 *
 *      answer whole, nothing unread ─▶ kept_put ─▶ [ idle ] ─▶ kept_take ─▶ the next request
 *                                                     └─ a byte, an end, its time ─▶ closed
 *
 * No response can reach another client: a connection is kept only if its last response ended by its framing with
 * nothing behind it. A byte from the server on an idle connection closes it, even at the moment of kept_take. */
#pragma once

#include "runtime/proxy/loop/side.h"
#include "runtime/proxy/loop/slab.h"

enum { KEPT_BUCKETS = 256 };

/* Key of connections that are interchangeable: one service (so one kind, with TLS or not) to one server */
struct kept_key {
    uint32_t service, server; /* server PBC_NONE: the original destination of an inline connection's client */
    uint64_t session;         /* the inline connection, which does not share; 0: any session */
};

struct kept_one;

struct kept {
    struct loop *loop;
    struct slab ones;
    struct slab *sides; /* slab that sides are given back to */
    struct kept_one *buckets[KEPT_BUCKETS];
    struct kept_one *oldest, **newest; /* all, by time of kept_put */
    uint64_t taken, lost;              /* number of connections taken, and of those that ended while kept */
};

/* Make an empty store for at most `most` connections; if it is full, the oldest is closed */
void kept_init(struct kept *k, struct loop *l, struct slab *sides, uint32_t most);
void kept_fini(struct kept *k);
/* Close all connections, because the numbers in keys change */
void kept_flush(struct kept *k);

/* Make room for a connection and return its handle; NULL: no room. kept_task: the task that the side must have before
 * kept_put. */
struct kept_one *kept_room(struct kept *k);
struct task *kept_task(struct kept_one *one);
/* Keep the connection for `ns` nanoseconds */
void kept_put(struct kept *k, struct kept_one *one, struct kept_key key, struct side *side, uint64_t ns);
/* Return the newest live connection with this key, and give it the task; NULL: none */
struct side *kept_take(struct kept *k, struct kept_key key, struct task *task);
