/* Numbers in the fixed IP header by their place, for fields that the key lacks (key.h), and for code that makes
 * frames. A number has at most 25 bits and ends at least three bytes before the header does. */
#pragma once

#include "vm/packet/wire.h"
#include "vm/tables.h"

/* Read a number. ip: the first byte of a complete header. */
static inline uint32_t ip_bits_get(const uint8_t *ip, struct ip_bits b)
{
    return wire_get32(ip + b.first / 8) << b.first % 8 >> (32 - b.count);
}

/* Write the lowest bits of `value` at the number's place, if it has one. */
static inline void ip_bits_put(uint8_t *ip, struct ip_bits b, uint32_t value)
{
    if (!b.count) return;
    const unsigned shift = 32u - b.count - b.first % 8;
    const uint32_t mask = (UINT32_MAX >> (32 - b.count)) << shift, word = wire_get32(ip + b.first / 8);
    wire_put32(ip + b.first / 8, (word & ~mask) | (value << shift & mask));
}
