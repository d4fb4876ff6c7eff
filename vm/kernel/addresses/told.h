/* An entry of `told`: addresses for which user space answers (vm/forward/vips.h), as prefixes. An IPv4 address is
 * written as an IPv4-mapped IPv6 address. */
#pragma once

#include <stdbool.h>

#include "vm/packet/wire.h"

enum { KERNEL_TOLD_MOST = 65536 };

struct kernel_told {
    uint32_t bits; /* prefix length: bits of addr that count, from the first on */
    uint8_t addr[16];
};

static inline void kernel_told_of(struct kernel_told *t, const uint32_t addr[4], bool v6)
{
    t->bits = 128;
    wire_put32(t->addr, v6 ? addr[0] : 0);
    wire_put32(t->addr + 4, v6 ? addr[1] : 0);
    wire_put32(t->addr + 8, v6 ? addr[2] : 0xffff);
    wire_put32(t->addr + 12, v6 ? addr[3] : addr[0]);
}
