/* Tests of an ordinary IPv4 header as a whole, for the express parser and for plain packets */
#pragma once

#include <stdbool.h>

#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

/* Pattern of an ordinary header's first eight bytes: version 4, five words of header, no fragment. */
#define IP4_ORDINARY_MASK (0xff00000000000000u | IP4_MF | IP4_OFFSET)
#define IP4_ORDINARY      0x4500000000000000u

/* True for an IPv4 header of 20 bytes that is not a fragment's. */
static inline __attribute__((always_inline)) bool header_ordinary(const uint8_t *ip)
{
    return (wire_raw64(ip) & htobe64(IP4_ORDINARY_MASK)) == htobe64(IP4_ORDINARY);
}

/* True if the one's complement sum of a 20-byte header is all ones. As its first byte is not 0, this holds exactly if
 * the sum of its words is a multiple of 65535, whatever the carries, word sizes and byte order (RFC 1071, 2). */
static inline __attribute__((always_inline)) bool header_sum_ok(const uint8_t *ip)
{
#ifdef __bpf__ /* a carry would be an unpredictable branch there, and clang does not make the division cheap */
    uint64_t sum = 0;
    for (unsigned i = 0; i < IP4_LEN; i += 4) sum += wire_raw32(ip + i);
    sum = (sum >> 16) + (sum & UINT16_MAX);
    sum = (sum >> 16) + (sum & UINT16_MAX);
    return (uint16_t)((sum >> 16) + sum) == UINT16_MAX;
#else
    uint64_t a = wire_raw64(ip), c = wire_raw32(ip + 16), sum = a + wire_raw64(ip + 8);
    sum += sum < a;
    sum += c;
    sum += sum < c;
    return sum % UINT16_MAX == 0;
#endif
}
