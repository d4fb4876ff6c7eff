/* Names of states and ends, and timeouts of states, from flow_state.def and flow_end.def */
#include "vm/flow/table/table.h"

const char *flow_state_name(enum flow_state s)
{
    static const char *const names[FLOW_STATES] = {
#define FLOW_STATE(ident, name, class, timeout, doc) [FLOW_STATE_##ident] = name,
#include "vm/flow/flow_state.def"
    };
    return s < FLOW_STATES ? names[s] : "-";
}

const char *flow_end_name(enum flow_end e)
{
    static const char *const names[FLOW_ENDS] = {
#define FLOW_END(ident, name, doc) [FLOW_END_##ident] = name,
#include "vm/flow/flow_end.def"
    };
    return e < FLOW_ENDS ? names[e] : "-";
}

/* Bound the time of an SCTP association that has ended: answers to its last packet come within seconds (netfilter has
 * the same 10 s). */
static void bound_sctp_ends(uint64_t timeout_ns[FLOW_STATES])
{
    const uint64_t most_ns = UINT64_C(10000000000);
    for (enum flow_state s = FLOW_STATE_SCTP_CLOSING; s <= FLOW_STATE_SCTP_RESET; s++)
        if (timeout_ns[s] > most_ns) timeout_ns[s] = most_ns;
}

void flow_timeouts(const struct pbc_settings *s, uint64_t timeout_ns[FLOW_STATES])
{
#define FLOW_STATE(ident, name, class, timeout, doc) timeout_ns[FLOW_STATE_##ident] = s->timeout;
#include "vm/flow/flow_state.def"
    bound_sctp_ends(timeout_ns);
}
