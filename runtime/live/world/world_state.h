/* The state of the world: next hops, routes, links, the clock, and the workers' snapshots. */
#pragma once

#include "runtime/live/carry/carry_state.h"
#include "runtime/live/world/clock.h"
#include "runtime/live/world/hops.h"
#include "runtime/live/world/pmtu.h"

/* The state of a served interface, as last reported. */
enum link_state { LINK_UP, LINK_NO_CARRIER, LINK_DOWN, LINK_GONE };

enum { OLDER_MOST = 64, LEFT_MOST = 64 };

struct world {
    const struct options *o;
    struct tell *tell;
    struct carry *carry;
    struct hops hops;
    struct {
        struct routes *table;           /* the last table; NULL: the kernel has not answered yet */
        bool stale, full;               /* the table is outdated; the kernel has more routes than fit */
        bool many_rules;                /* the kernel has more policy rules than fit */
        bool by_arrival, by_vrf;        /* a policy rule uses the incoming interface; one uses a VRF */
        uint32_t count;                 /* number of routes that the kernel has */
        bool failed;                    /* the last reading failed */
        uint64_t due_ns;                /* earliest time of the next reading */
        uint64_t paid_ns, ways_paid_ns; /* state of routing_rested_ns */
        bool ways_stale;                /* ways to servers are outdated */
        bool ipsec_failed;              /* IPsec's policies could not be read */
        bool ipsec_passes;              /* true: eBPF programs do not see packets that IPsec decrypted */
        uint64_t ways_due_ns;           /* earliest time to ask for the ways again */
    } routing;
    struct {
        struct around *last; /* the last devices; NULL: none yet */
        struct around_key {
            uint64_t host, program; /* host_number, and the program's serial */
            uint64_t away;
            uint32_t ifindex[PORTS_MOST];
        } of; /* the state from which `last` was made */
    } around;
    struct pmtu pmtu;
    struct clock clock;
    enum clock_doubt doubt;                 /* last reported doubt */
    uint64_t until_ns;                      /* wall time up to which the schedules hold */
    struct snapshot *older[OLDER_MOST + 1]; /* older snapshots that a worker may still use */
    unsigned older_count;
    bool stale;                     /* the published snapshot is outdated */
    uint64_t tables_number;         /* number of the latest balancing tables */
    uint64_t announced[PORTS_MOST]; /* 1 + changes of the link when addresses were last announced; 0: down */
    enum link_state links[PORTS_MOST];
    uint32_t served; /* bit i: interface i is served, or was before it went */
    uint32_t raw;    /* bit i: interface i is open as a device without Ethernet */
    struct failed {
        uint64_t told;    /* packets that the tunnel has failed to send, by the kernel's count, as last reported */
        uint64_t due_ns;  /* earliest time of the next report */
        uint64_t rest_ns; /* time between the last two reports */
        unsigned ifindex; /* number of the counted interface; 0: not counted yet */
    } failed[PORTS_MOST];
    uint32_t unread;                 /* bit i: reported that packets of interface i are not read */
    struct io_port *left[LEFT_MOST]; /* replaced packet sockets, to be closed */
    unsigned left_count;
    uint64_t renumbered; /* number of times that an interface got another number */
    struct {
        uint64_t number; /* number of times that flows of unknown way had to be routed again by this machine's stack */
        uint64_t due_ns, moves; /* time of the next routing; host_moves at the last one */
    } anew;
};
