/* States by header (flow.h) */
#include "vm/flow/flow.h"
#include "vm/packet/parse/header.h"

static bool says_pickup(const struct pbc_settings *s) { return s->written >> PBC_SETTING_pickup_ns & 1; }

bool flow_picks_up(const struct pbc_settings *s) { return !s || s->pickup_ns || !says_pickup(s); }

uint64_t flow_pickup_ns(const struct pbc_settings *s, bool live)
{
    return live && !says_pickup(s) ? s->tcp_established_ns : s->pickup_ns;
}

/* Return the state of what answers an inquiry (inquiry.h): DHCP. */
static uint32_t of_answers(uint8_t proto) { return proto == IPPROTO_NR_UDP ? MARK_RELATED : 0; }

uint32_t flow_states_of_protocol(uint8_t proto, bool v6)
{
    if (proto == (v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP)) return MARK_STATES;
    const bool followed = proto == IPPROTO_NR_TCP || proto == IPPROTO_NR_SCTP;
    return MARK_NEW | MARK_ESTABLISHED | (followed ? MARK_INVALID : of_answers(proto));
}

static uint32_t of_segment(uint32_t flags, bool picks_up)
{
    switch (flags & (TCP_SYN | TCP_RST | TCP_ACK)) {
    case TCP_SYN: return MARK_NEW | MARK_ESTABLISHED; /* both sides may open at once (RFC 9293, 3.5) */
    case TCP_RST:
    case TCP_RST | TCP_ACK:
    case TCP_SYN | TCP_ACK: return MARK_ESTABLISHED | MARK_INVALID;
    case TCP_ACK: return MARK_ESTABLISHED | MARK_INVALID | (picks_up ? MARK_NEW : 0);
    default: return MARK_INVALID; /* none of the flags, or SYN and RST in one */
    }
}

/* Return the states of errors, queries and their answers (RFC 792, 950, 4443, 4620); all other types are new. */
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
