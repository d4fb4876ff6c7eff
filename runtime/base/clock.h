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
