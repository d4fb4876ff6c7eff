/* The parts of a proxy loop's balancing: for choose.c, and tests that count the tables built */
#pragma once

#include "vm/forward/bind/held.h"
#include "vm/forward/service.h"

struct chooser {
    struct program *p;
    struct balance *balance;
    struct held held;
    uint64_t now_ns;
};
