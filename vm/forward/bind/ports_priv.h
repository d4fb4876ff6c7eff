/* Source ports, what they are held in: what ports.c has, and tests beside a model. */
#pragma once

#include "vm/forward/bind/port_map.h"
#include "vm/forward/bind/ports.h"

struct ports {
    struct port_map *maps; /* [spaces], zero until used: the system gives their memory when it is touched */
    uint32_t *used;        /* [spaces] */
    struct port_words slice;
    uint64_t random;
    uint64_t *sum, unasked; /* of ports in use; nobody asks: `unasked` */
    uint16_t lo, hi;
    unsigned worker, workers;
};
