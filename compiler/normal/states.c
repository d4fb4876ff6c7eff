/* Possible values of `state` for the packets of a product (vm/flow/flow.h); none for later fragments and frames that
 * aren't IP. By these values, the compiler recognises rules that exclude or cover each other, and conditions that
 * always hold. */
#include "compiler/normal/normal.h"
#include "compiler/normal/what.h"
#include "vm/flow/flow.h"

enum {
    NEW = 1 << STATE_IS_NEW,
    ESTABLISHED = 1 << STATE_IS_ESTABLISHED,
    ALL = (1 << STATE_IS_ABSENT) - 1,
    ABSENT = 1 << STATE_IS_ABSENT,
};
static_assert(MARK_NEW << STATE_IS_INVALID == MARK_INVALID, "values of IR_STATE are in the order of the marks");

static unsigned of_marks(uint32_t marks) { return marks / MARK_NEW; }

unsigned states_of_protocol(uint32_t what)
{
    if (!what_is_ip(what)) return ABSENT;
    if (what_is_unknown(what)) return NEW | ESTABLISHED;
    return of_marks(flow_states_of_protocol((uint8_t)what, what >= WHAT_IP6));
}

unsigned states_of_header(const struct ir *ir, uint32_t what, uint32_t fragment, uint32_t flags, uint32_t type)
{
    if (!what_is_ip(what) || what_is_unknown(what) || fragment == FRAGMENT_LATER) return ABSENT;
    return of_marks(flow_states((uint8_t)what, what >= WHAT_IP6, flags, type, ir->picks_up));
}

static unsigned tcp_states(const struct ir *ir, const struct ir_product *p)
{
    const uint32_t has = p->field[IR_HAS], lacks = p->field[IR_LACKS];
    unsigned states = 0;
    for (uint32_t i = 0; i < 8; i++) {
        const uint32_t flags = (i & 1 ? TCP_SYN : 0) | (i & 2 ? TCP_RST : 0) | (i & 4 ? TCP_ACK : 0);
        if (!(has & (TCP_SYN | TCP_RST | TCP_ACK) & ~flags) && !(lacks & flags))
            states |= states_of_header(ir, WHAT_IP4 + 6, FRAGMENT_NO, flags, 0);
    }
    return states;
}

static unsigned icmp_states(const struct ir *ir, const struct ir_product *p, uint32_t what)
{
    const uint32_t id = p->field[IR_TYPE];
    unsigned states = 0;
    if (id == IR_ALL) return ALL;
    const struct ir_ranges types = ir_ranges(ir, id);
    for (uint32_t i = 0; i < types.count; i++)
        for (uint32_t type = types.r[i].lo; type <= types.r[i].hi && states != ALL; type++)
            states |= states_of_header(ir, what, FRAGMENT_NO, 0, type);
    return states;
}

/* Return the states of a protocol that has special rules. */
static unsigned special_states(const struct ir *ir, const struct ir_product *p, uint32_t what)
{
    switch (what & UINT8_MAX) {
    case 6: return tcp_states(ir, p);
    case 17:
    case 132: return states_of_protocol(what);
    default: return icmp_states(ir, p, what);
    }
}

/* Return the states of IP packets with a protocol in lo..hi, except later fragments. */
static unsigned whole_states(const struct ir *ir, const struct ir_product *p, uint32_t lo, uint32_t hi)
{
    static const uint32_t special[] = {WHAT_IP4 + 1,  WHAT_IP4 + 6,   WHAT_IP4 + 17,  WHAT_IP6 + 6,
                                       WHAT_IP6 + 17, WHAT_IP6 + 58,  WHAT_AH6 + 6,   WHAT_AH6 + 17,
                                       WHAT_AH6 + 58, WHAT_IP4 + 132, WHAT_IP6 + 132, WHAT_AH6 + 132};
    uint32_t others = hi - lo + 1;
    unsigned states = 0;
    for (unsigned i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        if (special[i] < lo || special[i] > hi) continue;
        others--;
        states |= special_states(ir, p, special[i]);
    }
    return states | (others ? NEW | ESTABLISHED : 0);
}

unsigned states_possible(const struct ir *ir, const struct ir_product *p)
{
    const struct pbc_range everything = {0, WHAT_MOST};
    const uint32_t what = p->field[IR_WHAT], fragment = p->field[IR_FRAGMENT];
    const struct ir_ranges r = what == IR_ALL ? (struct ir_ranges){&everything, 1} : ir_ranges(ir, what);
    const bool whole = ir_ranges_have(ir, fragment, FRAGMENT_NO) || ir_ranges_have(ir, fragment, FRAGMENT_FIRST);
    unsigned states = ir_ranges_have(ir, fragment, FRAGMENT_LATER) ? ABSENT : 0;
    for (uint32_t i = 0; i < r.count; i++) {
        if (!what_is_ip(r.r[i].hi)) states |= ABSENT;
        if (whole && what_is_ip(r.r[i].lo))
            states |= whole_states(ir, p, r.r[i].lo, what_is_ip(r.r[i].hi) ? r.r[i].hi : WHAT_AH6_UNKNOWN);
    }
    return states;
}

unsigned states_asked(const struct ir *ir, const struct ir_product *p)
{
    const uint32_t id = p->field[IR_STATE];
    unsigned states = 0;
    for (unsigned s = 0; s <= STATE_IS_ABSENT; s++) states |= ir_ranges_have(ir, id, s) ? 1u << s : 0;
    return states;
}

bool asks_state(const struct ir *ir, const struct ir_product *p)
{
    return p->field[IR_STATE] != IR_ALL && states_asked(ir, p) != states_possible(ir, p);
}
