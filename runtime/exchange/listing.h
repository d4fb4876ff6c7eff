/* A worker's flows, then its observed connections, a part at a time: the main thread asks, and the worker fills a
 * part between two batches. */
#pragma once

#include "vm/observe/observe.h"
#include "vm/vm.h"

/* Bounds of a part: filling it takes about 20 us if every access misses the caches, and at most 50 us. */
enum { LISTING_FLOWS = 64, LISTING_GROUPS = 1024, LISTING_OBSERVED = 16, LISTING_NAME = 80 };

/* An observed connection; the views of its summary are not set. name: the server's, as named by the client or
 * request */
struct observed_listed {
    struct observe_record record;
    char name[LISTING_NAME];
};

struct listing {
    uint32_t at;      /* place of the next part; 0 at first */
    bool observed;    /* set once all flows are listed: observed connections follow, from `at` 0 on */
    bool ended;       /* all flows and observed connections are listed */
    uint64_t program; /* serial of the program that the flows' numbers belong to */
    uint64_t now_ns;
    unsigned count;
    struct flow_record flows[LISTING_FLOWS];
    unsigned observed_count;
    struct observed_listed watching[LISTING_OBSERVED];
};
