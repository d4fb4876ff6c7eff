/* Decisions about fragmented datagrams that no process takes up (the host sends them, or they are another station's),
 * in the map `datagrams`. The fragments come in order, so the first one's decision is there for the others. None is
 * held: no process could put it back. */
#pragma once

#include <stdint.h>

enum { KERNEL_DATAGRAMS = 4096 }; /* number of datagrams; the least recently used makes way */

struct kernel_datagram {
    uint32_t src[4], dst[4]; /* as in struct key */
    uint32_t id;
    uint16_t proto; /* protocol over IPv4, which tells datagrams apart by it; otherwise 0 */
    uint16_t family;
    uint32_t ifindex;
    uint32_t sent; /* 1: the host sends it */
};
struct kernel_datagram_decided {
    uint64_t decision, would; /* judge.h's `decided`; the second without the word `audit` */
    uint64_t mirrors;         /* mirrors that copied the first, a bit each: they copy the others, too */
    uint32_t program;         /* serial of the program that decided */
    uint32_t said;            /* enum kernel_would of the first; its flow has been told */
};
