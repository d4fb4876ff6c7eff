/* The captures that the command line names, and what it says of them. */
#pragma once

#include <stdbool.h>

#include "runtime/report/given/routes.h"

struct traffic {
    const char *const *pcaps, *const *maps, *const *selves; /* --pcap, --map, --self */
    unsigned pcap_count, map_count, self_count;
    struct route_options routes; /* --route, --routes */
    const char *on;
    bool json;
};
