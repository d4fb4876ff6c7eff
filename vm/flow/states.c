/* States by header (flow.h); names of states and ends, and timeouts of states, from flow_state.def and flow_end.def */
#include "vm/flow/table/flow_table.h"
#include "vm/packet/parse/header.h"

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
    /* Replies to the last packet of an SCTP association come within seconds (netfilter has the same 10 s) */
    const uint64_t most_ns = UINT64_C(10000000000);
    for (enum flow_state at = FLOW_STATE_SCTP_CLOSING; at <= FLOW_STATE_SCTP_RESET; at++)
        if (timeout_ns[at] > most_ns) timeout_ns[at] = most_ns;
}

static bool says_pickup(const struct pbc_settings *s) { return s->written >> PBC_SETTING_pickup_ns & 1; }

bool flow_picks_up(const struct pbc_settings *s) { return !s || s->pickup_ns || !says_pickup(s); }

uint64_t flow_pickup_ns(const struct pbc_settings *s, bool live)
{
    return live && !says_pickup(s) ? s->tcp_established_ns : s->pickup_ns;
}

uint32_t flow_states_of_protocol(uint8_t proto, bool v6)
{
    if (proto == (v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP)) return MARK_STATES;
    const bool followed = proto == IPPROTO_NR_TCP || proto == IPPROTO_NR_SCTP;
    const bool answers = proto == IPPROTO_NR_UDP; /* UDP may reply to an inquiry (inquiry.h): DHCP */
    return MARK_NEW | MARK_ESTABLISHED | (followed ? MARK_INVALID : answers ? MARK_RELATED : 0);
}

static uint32_t of_segment(uint32_t flags, bool picks_up)
{
    switch (flags & (TCP_SYN | TCP_RST | TCP_ACK)) {
    case TCP_SYN: return MARK_NEW | MARK_ESTABLISHED; /* both sides may open at once (RFC 9293, 3.5) */
    case TCP_RST:
    case TCP_RST | TCP_ACK:
    case TCP_SYN | TCP_ACK: return MARK_ESTABLISHED | MARK_INVALID;
    case TCP_ACK: return MARK_ESTABLISHED | MARK_INVALID | (picks_up ? MARK_NEW : 0);
    default: return MARK_INVALID; /* none of the flags, or both SYN and RST */
    }
}

/* Return the states of errors, queries and their replies (RFC 792, 950, 4443, 4620); all other types are new. */
static uint32_t of_type(uint32_t type, bool v6)
{
    static const struct {
        uint8_t v6, lo, hi;
        uint32_t states;
    } rows[] = {{0, 3, 5, MARK_RELATED | MARK_INVALID},         {0, 11, 12, MARK_RELATED | MARK_INVALID},
                {0, 8, 8, MARK_NEW | MARK_ESTABLISHED},         {0, 13, 13, MARK_NEW | MARK_ESTABLISHED},
                {0, 15, 15, MARK_NEW | MARK_ESTABLISHED},       {0, 17, 17, MARK_NEW | MARK_ESTABLISHED},
                {0, 0, 0, MARK_ESTABLISHED | MARK_INVALID},     {0, 14, 14, MARK_ESTABLISHED | MARK_INVALID},
                {0, 16, 16, MARK_ESTABLISHED | MARK_INVALID},   {0, 18, 18, MARK_ESTABLISHED | MARK_INVALID},
                {1, 0, 127, MARK_RELATED | MARK_INVALID},       {1, 128, 128, MARK_NEW | MARK_ESTABLISHED},
                {1, 139, 139, MARK_NEW | MARK_ESTABLISHED},     {1, 129, 129, MARK_ESTABLISHED | MARK_INVALID},
                {1, 140, 140, MARK_ESTABLISHED | MARK_INVALID}, {1, 134, 134, MARK_NEW | MARK_RELATED}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].v6 == v6 && rows[i].lo <= type && type <= rows[i].hi) return rows[i].states;
    return MARK_NEW;
}

uint32_t flow_states(uint8_t proto, bool v6, uint32_t flags, uint32_t type, bool picks_up)
{
    if (proto == IPPROTO_NR_TCP) return of_segment(flags, picks_up);
    if (proto == (v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP)) return of_type(type, v6);
    return flow_states_of_protocol(proto, v6);
}
