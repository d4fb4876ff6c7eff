/* A queue of ports that nobody gets for a while: their flows were evicted, and the other sides may still send to them.
 * The queue is bounded; where it is full the oldest port is free at once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { RESTS_MOST = 4096 };

struct rest {
    uint64_t until_ns;
    union {
        struct { /* a source port of a service's (outside.c) */
            uint32_t server, space;
            uint16_t port;
        };
        int32_t mapping; /* of translation (mappings.c) */
    };
};
struct rests {
    struct rest *all; /* [RESTS_MOST] */
    uint32_t first, count;
};

/* The oldest, if it has rested long enough, or there is no room for another. */
static inline bool rests_leave(struct rests *r, uint64_t now_ns, bool full_is_enough, struct rest *out)
{
    if (!r->count) return false;
    *out = r->all[r->first];
    if (out->until_ns > now_ns && !(full_is_enough && r->count == RESTS_MOST)) return false;
    r->first = (r->first + 1) % RESTS_MOST;
    r->count--;
    return true;
}

/* There is room. */
static inline void rests_add(struct rests *r, const struct rest *one)
{
    r->all[(r->first + r->count++) % RESTS_MOST] = *one;
}
