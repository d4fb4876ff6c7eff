/* A queue of ports that stay unused for a while, because their flows were evicted and peers may still send to them.
 * The queue is bounded; when it is full, the oldest port is free at once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { RESTS_MOST = 4096 };

struct rest {
    uint64_t until_ns;
    union {
        struct { /* source port of a service (outside.c) */
            uint32_t server, space;
            uint16_t port;
        };
        int32_t mapping; /* mapping of translation (mappings.c) */
    };
};
struct rests {
    struct rest *all; /* [RESTS_MOST] */
    uint32_t first, count;
};

/* Take the oldest entry, if it has rested long enough, or if the queue is full and full_is_enough. False: none. */
static inline bool rests_leave(struct rests *r, uint64_t now_ns, bool full_is_enough, struct rest *out)
{
    if (!r->count) return false;
    *out = r->all[r->first];
    if (out->until_ns > now_ns && !(full_is_enough && r->count == RESTS_MOST)) return false;
    r->first = (r->first + 1) % RESTS_MOST;
    r->count--;
    return true;
}

/* Add an entry; there must be room. */
static inline void rests_add(struct rests *r, const struct rest *one)
{
    r->all[(r->first + r->count++) % RESTS_MOST] = *one;
}
