/* The state of the world: next hops, routes, links, the clock, and the snapshots that workers have. */
#pragma once

#include "runtime/live/carry/state.h"
#include "runtime/live/world/clock.h"
#include "runtime/live/world/hops.h"
#include "runtime/live/world/pmtu.h"

/* The state of an interface that is served, as it was told last. */
enum link_state { LINK_UP, LINK_DOWN, LINK_GONE };

enum { OLDER_MOST = 64 };

struct world {
    const struct options *o;
    struct tell *tell;
    struct carry *carry;
    struct hops hops;
    struct {
        struct routes *table; /* NULL: the kernel has not told yet */
        bool stale, full;     /* it is to be made anew; the kernel has more routes than it holds */
        uint32_t count;       /* routes that the kernel has */
        bool failed;          /* they could not be read the last time */
        uint64_t due_ns;      /* not before then */
        bool ways_stale;      /* ways to servers are to be asked for anew */
        uint64_t ways_due_ns; /* not before then */
    } routing;
    struct pmtu pmtu;
    struct clock clock;
    uint64_t until_ns;                      /* the schedules hold for earlier times, of the clock on the wall */
    struct snapshot *older[OLDER_MOST + 1]; /* those that a worker may still use */
    unsigned older_count;
    bool stale;                     /* what is published is not the latest */
    uint64_t tables_number;         /* of the balancing tables that were built last */
    uint64_t announced[PORTS_MOST]; /* addresses were claimed since the link came up, which was this change of its */
    enum link_state links[PORTS_MOST];
    uint64_t renumbered; /* so often an interface has got another number */
};
