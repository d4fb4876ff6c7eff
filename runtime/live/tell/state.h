/* The state of telling: the log, the service manager, the way to the parent. */
#pragma once

#include "runtime/base/options.h"
#include "runtime/live/tell/events.h"
#include "runtime/parent/ask.h"

struct tell {
    const struct options *o;
    struct channel *channel; /* to the parent; NULL: not forked yet */
    struct events events;
    struct notified {
        bool wanted;                /* a service manager listens */
        uint64_t every_ns, told_ns; /* signs of life: 0, none is wanted; the last one */
    } notified;
    bool ready;       /* it was told: faults are events from now on */
    uint64_t changes; /* grows with what makes the document old (control/document) */
};
