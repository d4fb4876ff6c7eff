/* The main thread's state of live traffic: one part for each room, with pointers to the rooms below. */
#pragma once

#include "runtime/live/control/state.h"

struct live {
    const struct options *o;
    struct tell tell;
    struct carry carry;
    struct world world;
    struct rules rules;
    struct control control;
    uint64_t renumbered; /* value of world.renumbered when the probes through services last got new numbers */
    uint32_t half_open;  /* half-open inline connections that a worker may have (files.h) */
    int signal_fd;
    int ended_by; /* signal that ended it; 0: none */
    bool report;  /* counters are to be printed once no change is pending */
};
