/* What processes tell the stages: one for all, in a map that processes write. */
#pragma once

#include <stdint.h>

#include "vm/kernel/counters.h"
#include "vm/packet/edit/recipe.h"
#include "vm/packet/facts.h"

/* Where a packet's time comes from; in a test run it is what the process says. */
enum kernel_clock {
    KERNEL_CLOCK_NONE,   /* nothing depends on it: 0 */
    KERNEL_CLOCK_COARSE, /* the last tick of the timer: flows and fragments */
    KERNEL_CLOCK_FINE,   /* meters */
};

/* What crosses and is accepted goes to the host, which sends it on; of these families to processes. */
enum kernel_routes { KERNEL_ROUTES_4 = 1 << 0, KERNEL_ROUTES_6 = 1 << 1 };

/* Own addresses, as long as they are few; what is left over holds the first of them once more. `count…` is that of
 * facts where they are all here. */
enum { KERNEL_FEW = 8 };
struct kernel_own {
    uint32_t change; /* odd: they are just written */
    uint32_t count4, count6;
    uint32_t addr4[KERNEL_FEW];
    uint64_t addr6[KERNEL_FEW][2]; /* words as in struct key */
};

struct kernel_world {
    uint32_t program;      /* serial of the program whose judge is in force */
    uint32_t flags;        /* of its meta: enum pbc_flag; while programs change, of both */
    uint32_t reach;        /* of its meta, the longer of both: bytes of a frame that rules may test */
    uint32_t clock;        /* enum kernel_clock */
    uint64_t secret;       /* what a test run shows, to be believed that it is one: not 0, and nobody else knows it */
    uint32_t routes;       /* enum kernel_routes */
    uint32_t tells_all;    /* 1: what is asked of any foreign address goes up: the map `told` could not hold all */
    uint32_t knows_routes; /* 1: `routes` is whole (routes.h) */
    uint32_t route_rules;  /* how many of them */
    uint32_t host_routes;  /* enum kernel_routes: what crosses in these the host deals to several ways */
    uint32_t given;        /* ifindex by which processes give packets to the host: what came by it was judged */
    /* As for pkt_parse, but that its pointers are NULL: own addresses are in the maps own4 and own6, of which the
     * counts here say whether there are some, and in `own`; bridges are in `ways`. */
    struct facts facts;
    /* 1: for a moment of a reload the judge may number interfaces or schedules otherwise than `ports` and `facts`; what
     * arrives goes up undecided. */
    uint32_t renumbers;
    struct kernel_own own;
    struct kernel_program programs[KERNEL_PROGRAMS]; /* by serial */

    uint64_t asked_ns; /* the time of the last test run */
    /* Decisions that are remembered (memo.h) hold of flows whose last packet came after it; UINT64_MAX: of none. */
    uint64_t memos_since_ns;

    /* Of flows that are sent on (forward/forward_priv.h). */
    uint32_t sample;                /* one packet of so many is told of, and all that matter (events.h); 0: none */
    uint32_t number;                /* of what processes know of the world (struct snapshot): told with packets */
    uint32_t watches;               /* what is dropped or rejected is counted, and let by all the same (--monitor): */
    uint32_t enforces;              /* but what is of these kinds (key.h), or for a service */
    uint32_t recipes;               /* the generation of recipes that hold; 0: there are none */
    uint16_t longest[RECIPE_KINDS]; /* IP packet that a recipe of that kind may take */
};
