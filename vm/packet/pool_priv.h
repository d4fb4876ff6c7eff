/* A pool, at the start of its memory: for pool.c, and for tests that count its free slots. */
#pragma once

#include "vm/packet/pkt.h"

struct pool {
    uint32_t slots, slot_bytes;
    uint32_t free_count;
    uint32_t *free; /* a stack: free[0 .. free_count) */
    struct pkt *pkts;
    uint8_t *bytes;
};
