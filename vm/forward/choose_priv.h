/* A proxy loop's balancing, its parts: what choose.c has, and tests that count the tables that it built. */
#pragma once

#include "vm/forward/bind/held.h"
#include "vm/forward/service.h"

struct chooser {
    struct program *p;
    struct balance *balance;
    struct held held;
    uint64_t now_ns;
};
