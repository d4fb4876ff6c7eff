/* Guard rules and steering that are kept for programs that ran before, while their flows drain. */
#pragma once

#include "runtime/host/guard/guarded.h"

/* Beyond the longest `drain` of a program's pools: for flows that go on as they were bound, without a drain; and again
 * as long as there are such. */
#define LINGERING_NS (300 * UINT64_C(1000000000))

/* What a program asks for as a whole: of guard rules, what crosses; of steering, the same, and what nat takes. */
enum lingers { LINGERS_ROUTED, LINGERS_STEERED, LINGERS_TRANSLATED, LINGERS };

/* Whose a match was: of masquerade's ports some stay with the host. */
enum lingers_of { LINGERS_OF_SERVICE, LINGERS_OF_NAT, LINGERS_OF_MASQUERADE };

struct lingering {
    struct guard_match *matches; /* that the program which runs has not */
    uint64_t *until_ns;          /* of each */
    uint8_t *of;                 /* likewise: enum lingers_of */
    unsigned count;
    uint64_t whole_ns[LINGERS]; /* the same of what a program asks for as a whole; 0: not */
};

/* *next: after `now` has taken the place of `before`, which asked for `of`. The caller's to lingering_fini. False:
 * memory is out. */
bool lingering_after(const struct lingering *l, const struct program *now, const struct program *before,
                     const bool of[LINGERS], const struct facts_ports *host, uint64_t now_ns, struct lingering *next);
/* Has anybody's time passed? */
bool lingering_due(const struct lingering *l, uint64_t now_ns);
/* What flows use of the past. */
struct lingering_used {
    bool services, nats;
};
/* Matches whose time has passed are gone, or linger on if such as they are used. Are there any that are gone? */
bool lingering_end(struct lingering *l, const struct lingering_used *used, uint64_t now_ns);
void lingering_fini(struct lingering *l);
