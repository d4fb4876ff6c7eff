/* What follows an IP header: extension headers, queries of ICMP and its errors. Inline, for the parser and for programs
 * of the kernel that read a few bytes of a packet. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/packet/parse/header.h"

/* Is it the number of a header of the IPv6 chain that is walked (SEMANTICS.md, Conditions)? */
static inline bool ip6_is_extension(uint8_t next)
{
    switch (next) {
    case IPPROTO_NR_HOPOPT:
    case IPPROTO_NR_ROUTING:
    case IPPROTO_NR_FRAGMENT:
    case IPPROTO_NR_AH:
    case IPPROTO_NR_DSTOPTS:
    case IPPROTO_NR_MOBILITY:
    case IPPROTO_NR_HIP:
    case IPPROTO_NR_SHIM6: return true;
    default: return false;
    }
}

/* How long that header is, by its length field: AH counts in 4-byte units (RFC 4302, 2), others in 8-byte units. */
static inline uint32_t ip6_extension_len(uint8_t next, uint8_t len)
{
    if (next == IPPROTO_NR_FRAGMENT) return IP6_FRAG_LEN;
    return next == IPPROTO_NR_AH ? (len + 2u) * 4 : (len + 1u) * 8;
}

/* Is that type of ICMP (v6: ICMPv6) an error, which quotes a packet? Redirects of IPv4 are (RFC 1122, 3.2.2), those of
 * IPv6 are neighbour discovery. */
static inline bool icmp_type_is_error(bool v6, unsigned type)
{
    if (v6) return type < ICMP6_INFORMATIONAL;
    return type == ICMP4_UNREACHABLE || type == ICMP4_QUENCH || type == ICMP4_REDIRECT || type == ICMP4_TIME_EXCEEDED ||
           type == ICMP4_PARAMETER;
}

/* An ICMP query and its reply; v6: ICMPv6. `pair` is the number of both. */
struct icmp_query {
    uint8_t v6, asks, answers, pair;
};

/* That of a type; NULL: it is none of a query. */
static inline const struct icmp_query *icmp_query_of(bool v6, unsigned type)
{
    static const struct icmp_query queries[] = {
        {0, 8, 0, 0},     /* echo (RFC 792) */
        {0, 13, 14, 1},   /* timestamp */
        {0, 15, 16, 2},   /* information */
        {0, 17, 18, 3},   /* address mask (RFC 950) */
        {1, 128, 129, 0}, /* echo (RFC 4443) */
        {1, 139, 140, 1}, /* node information (RFC 4620) */
    };
    for (unsigned i = 0; i < sizeof queries / sizeof *queries; i++)
        if (queries[i].v6 == v6 && (type == queries[i].asks || type == queries[i].answers)) return &queries[i];
    return NULL;
}
