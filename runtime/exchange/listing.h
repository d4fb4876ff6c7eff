/* The flows of a worker, a part at a time: what the main thread asks for, the worker fills between two batches. */
#pragma once

#include "vm/vm.h"

/* Of a part: about 20 us where all miss the caches, 50 at most. */
enum { LISTING_FLOWS = 64, LISTING_GROUPS = 1024 };

struct listing {
    uint32_t at;      /* where the next part begins: 0 at first */
    bool ended;       /* there are no more */
    uint64_t program; /* serial of the one whose numbers the flows have */
    uint64_t now_ns;
    unsigned count;
    struct flow_record flows[LISTING_FLOWS];
};
