/* The table of clients: for affinity.c, and tests that fill it */
#pragma once

#include <assert.h>
#include <stddef.h>

#include "vm/forward/bind/affinity.h"
#include "vm/keyed/keyed.h"

struct clients {
    struct keyed table;
    struct client_counters counters;
};
static_assert(offsetof(struct clients, table) == 0, "keyed_owner_new");
