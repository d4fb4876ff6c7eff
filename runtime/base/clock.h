/* The current time. */
#pragma once

#include <stdint.h>
#include <time.h>

/* Return the time of clock `id` (such as CLOCK_MONOTONIC) in nanoseconds. */
static inline uint64_t clock_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Return the milliseconds from now_ns to due_ns, rounded up, at most `most`; 0: due_ns is not later. */
static inline int clock_wait_ms(uint64_t due_ns, uint64_t now_ns, int most)
{
    if (due_ns >= now_ns + (uint64_t)most * 1000000) return most;
    return due_ns > now_ns ? (int)((due_ns - now_ns) / 1000000) + 1 : 0;
}
