/* Packets that translation leaves alone, regardless of its statements; for both executors */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* True for a host's address that Linux forwards to: not loopback, multicast, broadcast or unspecified, nor
 * link-local of IPv6. Linux forwards link-local addresses of IPv4, class E and 0/8 like any others. */
static inline bool is_routed(const uint32_t a[4], bool v6)
{
    if (v6) return a[0] >> 24 != 0xff && a[0] >> 22 != 0xfe80 >> 6 && (a[0] | a[1] | a[2] || a[3] > 1);
    return a[0] >> 28 != 0xe && a[0] && a[0] != UINT32_MAX && a[0] >> 24 != 127;
}
