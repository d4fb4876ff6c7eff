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

void flow_timeouts(const struct pbc_settings *s, uint64_t timeout_ns[FLOW_STATES])
{
#define FLOW_STATE(ident, name, class, timeout, doc) timeout_ns[FLOW_STATE_##ident] = s->timeout;
#include "vm/flow/flow_state.def"
}
