/* A rate limit in one word, the time of the next conforming event (GCRA; ITU-T I.371): `rate` a second, one second's
 * worth at once. Whole nanoseconds, rounded so that it never lets more through than it should. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct limit {
    uint64_t next_ns;      /* when the burst is whole again */
    uint64_t interval_ns;  /* between events at the full rate; 0: nothing conforms */
    uint64_t tolerance_ns; /* how far next_ns may lie ahead */
};

static inline void limit_init(struct limit *l, uint32_t rate_per_s)
{
    const uint64_t second = 1000000000;
    *l = (struct limit){0};
    if (rate_per_s == 0) return;
    l->interval_ns = (second + rate_per_s - 1) / rate_per_s;
    l->tolerance_ns = (rate_per_s - 1) * l->interval_ns;
}

/* Take one event at `now_ns`, which never runs back. */
static inline bool limit_take(struct limit *l, uint64_t now_ns)
{
    if (l->interval_ns == 0) return false;
    uint64_t next = l->next_ns > now_ns ? l->next_ns : now_ns;
    if (next - now_ns > l->tolerance_ns) return false;
    l->next_ns = next + l->interval_ns;
    return true;
}
