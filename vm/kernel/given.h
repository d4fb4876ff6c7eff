/* Facts that processes give the stages: one struct for all stages, in a map that processes write. */
#pragma once

#include <stdint.h>

#include "vm/kernel/counts.h"
#include "vm/packet/edit/recipe.h"
#include "vm/packet/facts.h"

/* Source of a packet's time; in a test run the process sets it. */
enum kernel_clock {
    KERNEL_CLOCK_NONE,   /* nothing depends on time: 0 */
    KERNEL_CLOCK_COARSE, /* last tick of the timer, for flows and fragments */
    KERNEL_CLOCK_FINE,   /* nanoseconds, for meters */
};

/* Families whose accepted packets are sent on by processes, not by the host. */
enum kernel_routes { KERNEL_ROUTES_4 = 1 << 0, KERNEL_ROUTES_6 = 1 << 1 };

/* Own addresses, if they are few. Unused entries repeat the first. A count that equals the one in `facts` means that
 * all addresses are here. */
enum { KERNEL_FEW = 8 };
struct kernel_own {
    uint32_t change; /* odd while the addresses are being written */
    uint32_t count4, count6;
    uint32_t addr4[KERNEL_FEW];
    uint64_t addr6[KERNEL_FEW][2]; /* words as in struct key */
};

struct kernel_world {
    uint32_t program;      /* serial of the program whose judge is in force */
    uint32_t flags;        /* enum pbc_flag of its meta; while programs change, the flags of both */
    uint32_t reach;        /* reach of its meta, or the longer of both: bytes of a frame that rules may test */
    uint32_t clock;        /* enum kernel_clock */
    uint32_t ours;         /* mark of prey's own packets, which traffic control would otherwise judge: not 0 */
    uint64_t secret;       /* secret that proves a run to be a test run: not 0 */
    uint32_t routes;       /* enum kernel_routes */
    uint32_t tells_all;    /* 1: requests for any foreign address go up: the map `told` could not hold all */
    uint32_t knows_routes; /* 1: the maps of routes are complete (shapes.h) */
    uint32_t nats_leave;   /* 1: the ways of forwarded packets may be unknown, so nats look at leaving packets */
    uint32_t route_rules4; /* number of `route_rules` for IPv4, which are first */
    uint32_t route_rules6; /* number of `route_rules` for IPv6 */
    uint32_t given;        /* ifindex by which processes give packets to the host, which were judged before */
    /* Facts as for pkt_parse, but with NULL pointers: own addresses are in `own` and in the maps own4 and own6, and
     * the counts here show whether there are any; bridges are in `ways`. */
    struct facts facts;
    /* 1: during a reload the judge's numbers of interfaces or schedules may differ from those of `ports` and
     * `facts`; arriving packets go up undecided. */
    uint32_t renumbers;
    struct kernel_own own;
    struct kernel_program programs[KERNEL_PROGRAMS]; /* by serial */

    uint64_t asked_ns; /* time of the last test run */
    /* Remembered decisions (shapes.h) hold for flows whose last packet came after this time; UINT64_MAX: for none. */
    uint64_t memos_since_ns;

    uint32_t sample;      /* one of this many packets is reported, besides those always reported (events.h); 0: none */
    uint32_t thins;       /* 1: other packets are sampled, too, each with the number of packets that it represents
                             (vm/packet/thin.h) */
    uint32_t drops;       /* 1: dropped and rejected packets are reported, a sample if there are many (events.h) */
    uint32_t number;      /* number of the world that processes know (struct snapshot), sent with packets */
    uint32_t watches;     /* 1: drops and rejects are counted, but pass (--monitor) */
    uint32_t enforces;    /* kinds of packets (key.h) exempt from `watches`, as are packets for a service */
    uint32_t interrupted; /* 1: no process takes packets up; those of inline connections are reported */
    uint32_t recipes;     /* generation of valid recipes (forward/forward_priv.h); 0: none */
    uint16_t longest[RECIPE_KINDS]; /* longest IP packet that a recipe of that kind may take */
    /* Number that changes whenever flows of a new member must end: a packet judged before that, and still on its way
     * up, must not begin a flow. */
    uint32_t cuts;
};
