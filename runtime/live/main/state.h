/* The main thread's state of live traffic: the rooms' parts, each of which knows those below it. */
#pragma once

#include "runtime/live/control/state.h"

struct live {
    const struct options *o;
    struct tell tell;
    struct carry carry;
    struct world world;
    struct rules rules;
    struct control control;
    uint64_t renumbered; /* as world.renumbered, when probes through services were told */
    int signal_fd;
    int ended_by; /* the signal; 0: none */
    bool report;  /* counters, when it is made */
};
