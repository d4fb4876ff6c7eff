/* The table of clients: what affinity.c has, and tests that fill it. */
#pragma once

#include "vm/forward/bind/affinity.h"
#include "vm/keyed/keyed.h"

struct clients {
    struct keyed table;
    struct client_counters counters;
};
