/* Times in nanoseconds that stay on the clock: a capture may say that it is the last moment there is. */
#pragma once

#include <stdint.h>

/* That much later; saturates, for UINT64_MAX is never. */
static inline uint64_t time_after(uint64_t at_ns, uint64_t by_ns)
{
    uint64_t later;
    return __builtin_add_overflow(at_ns, by_ns, &later) ? UINT64_MAX : later;
}

static inline uint64_t time_sooner(uint64_t a_ns, uint64_t b_ns) { return a_ns < b_ns ? a_ns : b_ns; }
