/* The structure of source ports: for ports.c, and tests against a model */
#pragma once

#include "vm/forward/bind/port_map.h"
#include "vm/forward/bind/ports.h"

struct ports {
    struct port_map *maps; /* [spaces], zero until used: the system provides their memory when it is touched */
    uint32_t spaces;
    struct port_drawer drawer;
    uint64_t random;
    uint64_t *sum, unasked; /* number of ports in use; `unasked` if no other counter is set */
    uint16_t lo, hi;
    struct facts_range more[FACTS_PORTS_MORE]; /* [more_count] further ranges */
    unsigned more_count;
    uint32_t mine;            /* ports of all ranges in the slice */
    unsigned worker, workers; /* the worker's number, and the number of workers; both 0: a single worker */
};
