/* What a program's `decap` rules open: tunnels' packets, which the host's own stack must not see, since what is inside
 * is judged and given to it instead. */
#pragma once

#include "runtime/host/guard/guard.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"

struct opened {
    struct guard_match *matches;
    unsigned count, cap;
};

/* By protocol, port, sender and address of each such rule; what else a rule asks does not count, so some packets are
 * hidden that no rule opens. False: memory is out. */
bool opened_init(struct opened *o, const struct program *p);
void opened_fini(struct opened *o);

/* Is a packet with that key hidden by these matches? Whoever accepts one as it is must give it back to the host. */
bool opened_hides(const struct opened *o, const struct key *key);
