/* Packets that translation leaves alone, whatever its statements say; for both executors */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* True for a host's address that routers forward to: not loopback, link-local, multicast or unspecified. */
static inline bool is_routed(const uint32_t a[4], bool v6)
{
    if (v6) return a[0] >> 24 != 0xff && a[0] >> 22 != 0xfe80 >> 6 && (a[0] | a[1] | a[2] || a[3] > 1);
    return a[0] >> 28 < 0xe && a[0] >> 24 != 0 && a[0] >> 24 != 127 && a[0] >> 16 != 0xa9fe;
}
