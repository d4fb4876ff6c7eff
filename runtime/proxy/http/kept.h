/* Connections to servers that are kept between requests, a loop's. One is given to whoever's request goes to the same
 * server next.
 *
 *      answer whole, nothing unread ─▶ kept_put ─▶ [ idle ] ─▶ kept_take ─▶ the next request
 *                                                     └─ a byte, an end, its time ─▶ closed
 *
 * So that no answer ever reaches another client: a connection is only put here once its answer has ended where its
 * framing says and nothing lies behind it, and what a server says while nobody asks ends the connection, also if it
 * comes in the very moment in which it is taken. */
#pragma once

#include "runtime/proxy/loop/side.h"
#include "runtime/proxy/loop/slab.h"

enum { KEPT_BUCKETS = 256 };

/* Which connections are alike: of one service (so of one kind, with TLS or not) to one server. */
struct kept_key {
    uint32_t service, server;
};

struct kept_one;

struct kept {
    struct loop *loop;
    struct slab ones;
    struct slab *sides; /* where sides are given back to */
    struct kept_one *buckets[KEPT_BUCKETS];
    struct kept_one *oldest, **newest; /* all, by when they were put */
    uint64_t taken, lost;              /* taken; ended while they were kept */
};

/* At most `most` at a time; the longest kept makes room. */
void kept_init(struct kept *k, struct loop *l, struct slab *sides, uint32_t most);
void kept_fini(struct kept *k);
/* Close all: the numbers of a key mean something else from now on. */
void kept_flush(struct kept *k);

/* The task by which a kept side is watched; the side is to have it when kept_put is called. NULL: none can be kept. */
struct kept_one *kept_room(struct kept *k);
struct task *kept_task(struct kept_one *one);
/* Keep it for so long. */
void kept_put(struct kept *k, struct kept_one *one, struct kept_key key, struct side *side, uint64_t ns);
/* The one of this key that was kept last and is alive; it gets the task. NULL: there is none. */
struct side *kept_take(struct kept *k, struct kept_key key, struct task *task);
