/* Pieces of datagrams that the host sends, in the map `pieces`. They come in order, so what was decided of the first is
 * there for the others, and none is held: no process could put it back. */
#pragma once

#include <stdint.h>

enum { KERNEL_PIECES = 4096 }; /* datagrams; the one that was not asked for longest makes way */

struct kernel_piece {
    uint32_t src[4], dst[4]; /* as in struct key */
    uint32_t id;
    uint16_t proto; /* of IPv4, which tells datagrams apart by it */
    uint16_t family;
    uint32_t ifindex, zero;
};
struct kernel_piece_decided {
    uint64_t decision; /* judge.h's `decided` */
    uint32_t program;  /* whose rule that is */
    uint32_t zero;
};
