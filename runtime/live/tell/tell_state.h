/* The state of reporting: the log, the service manager, and the channel to the parent. */
#pragma once

#include "runtime/base/options/run_options.h"
#include "runtime/live/tell/events.h"
#include "runtime/parent/ask.h"

struct tell {
    const struct options *o;
    struct channel *channel; /* channel to the parent; NULL: not forked yet */
    struct events events;
    struct notified {
        bool wanted;                /* a service manager listens */
        bool mute;                  /* nothing is reported for now, because the start is not over */
        uint64_t every_ns, told_ns; /* interval of signs of life (0: none), and time of the last one */
    } notified;
    bool ready;       /* readiness was reported; faults are events from now on */
    uint64_t changes; /* grows with each event that makes the document (control/document) outdated */
};
