/* A worker's flows, a part at a time: the main thread asks, and the worker fills a part between two batches. */
#pragma once

#include "vm/vm.h"

/* Bounds of a part: it takes about 20 us if every access misses the caches, at most 50. */
enum { LISTING_FLOWS = 64, LISTING_GROUPS = 1024 };

struct listing {
    uint32_t at;      /* place of the next part; 0 at first */
    bool ended;       /* no more flows */
    uint64_t program; /* serial of the program that the flows' numbers belong to */
    uint64_t now_ns;
    unsigned count;
    struct flow_record flows[LISTING_FLOWS];
};
