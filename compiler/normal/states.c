/* What `state` can say of which packets (vm/flow/README.md): a SYN without ACK is new, only errors are related, UDP is
 * never invalid, and what is not IP or a later fragment has no state. So rules that exclude each other, cover each
 * other or ask what is so anyway are known for what they are. Where the texts leave a choice this says "can be". */
#include "compiler/normal/normal.h"
#include "vm/packet/key.h"

enum {
    NEW = 1 << STATE_IS_NEW,
    ESTABLISHED = 1 << STATE_IS_ESTABLISHED,
    RELATED = 1 << STATE_IS_RELATED,
    INVALID = 1 << STATE_IS_INVALID,
    ABSENT = 1 << STATE_IS_ABSENT,
};

unsigned states_of_protocol(uint32_t what)
{
    if (what > WHAT_IP6_UNKNOWN) return ABSENT;
    if (what == WHAT_IP4 + 1 || what == WHAT_IP6 + 58) return NEW | ESTABLISHED | RELATED | INVALID;
    return what == WHAT_IP4 + 6 || what == WHAT_IP6 + 6 ? NEW | ESTABLISHED | INVALID : NEW | ESTABLISHED;
}

/* Of a segment with these of SYN, RST and ACK. One with ACK alone is new while `pickup` lasts. */
static unsigned segment_states(const struct ir *ir, uint32_t flags)
{
    switch (flags) {
    case TCP_SYN: return NEW;
    case TCP_RST:
    case TCP_RST | TCP_ACK:
    case TCP_SYN | TCP_ACK: return ESTABLISHED | INVALID;
    case TCP_ACK: return ESTABLISHED | INVALID | (ir->picks_up ? NEW : 0);
    default: return INVALID; /* without any, or SYN and RST in one */
    }
}

static unsigned tcp_states(const struct ir *ir, const struct ir_product *p)
{
    const uint32_t has = p->field[IR_HAS], lacks = p->field[IR_LACKS];
    unsigned states = 0;

    for (uint32_t i = 0; i < 8; i++) {
        const uint32_t flags = (i & 1 ? TCP_SYN : 0) | (i & 2 ? TCP_RST : 0) | (i & 4 ? TCP_ACK : 0);

        if (!(has & (TCP_SYN | TCP_RST | TCP_ACK) & ~flags) && !(lacks & flags)) states |= segment_states(ir, flags);
    }
    return states;
}

/* Errors, queries and their answers (RFC 792, 950, 4443, 4620); all other types are new. */
static const struct type_states {
    uint8_t v6, lo, hi, states;
} type_states[] = {
    {0, 3, 5, RELATED | INVALID},       {0, 11, 12, RELATED | INVALID},       {0, 8, 8, NEW | ESTABLISHED},
    {0, 13, 13, NEW | ESTABLISHED},     {0, 15, 15, NEW | ESTABLISHED},       {0, 17, 17, NEW | ESTABLISHED},
    {0, 0, 0, ESTABLISHED | INVALID},   {0, 14, 14, ESTABLISHED | INVALID},   {0, 16, 16, ESTABLISHED | INVALID},
    {0, 18, 18, ESTABLISHED | INVALID}, {1, 0, 127, RELATED | INVALID},       {1, 128, 128, NEW | ESTABLISHED},
    {1, 139, 139, NEW | ESTABLISHED},   {1, 129, 129, ESTABLISHED | INVALID}, {1, 140, 140, ESTABLISHED | INVALID},
};

/* How many of the types are lo..hi. */
static uint32_t types_in(struct ir_ranges types, uint32_t lo, uint32_t hi)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < types.count; i++) {
        const uint32_t from = types.r[i].lo > lo ? types.r[i].lo : lo, to = types.r[i].hi < hi ? types.r[i].hi : hi;

        if (from <= to) n += to - from + 1;
    }
    return n;
}

static unsigned icmp_states(const struct ir *ir, const struct ir_product *p, bool v6)
{
    const uint32_t type = p->field[IR_TYPE];
    unsigned states = 0;

    if (type == IR_ALL) return NEW | ESTABLISHED | RELATED | INVALID;
    const struct ir_ranges types = ir_ranges(ir, type);
    uint32_t others = types_in(types, 0, 255);
    for (size_t i = 0; i < sizeof(type_states) / sizeof(type_states[0]); i++) {
        const struct type_states *row = &type_states[i];
        const uint32_t some = row->v6 == v6 ? types_in(types, row->lo, row->hi) : 0;

        others -= some;
        if (some) states |= row->states;
    }
    return states | (others ? NEW : 0);
}

/* Of the IP packets whose protocol lies in lo..hi, no later fragments. */
static unsigned whole_states(const struct ir *ir, const struct ir_product *p, uint32_t lo, uint32_t hi)
{
    static const uint32_t special[] = {WHAT_IP4 + 1, WHAT_IP4 + 6, WHAT_IP6 + 6, WHAT_IP6 + 58};
    uint32_t others = hi - lo + 1;
    unsigned states = 0;

    for (unsigned i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        if (special[i] < lo || special[i] > hi) continue;
        others--;
        states |= special[i] % WHAT_IP6 == 6 ? tcp_states(ir, p) : icmp_states(ir, p, special[i] > WHAT_IP6);
    }
    return states | (others ? NEW | ESTABLISHED : 0);
}

static unsigned type_states_of(uint32_t type, bool v6)
{
    unsigned states = 0;

    for (size_t i = 0; i < sizeof(type_states) / sizeof(type_states[0]); i++)
        if (type_states[i].v6 == v6 && type_states[i].lo <= type && type <= type_states[i].hi)
            states |= type_states[i].states;
    return states ? states : NEW;
}

unsigned states_of_header(const struct ir *ir, uint32_t what, uint32_t fragment, uint32_t flags, uint32_t type)
{
    if (what >= WHAT_IP6_UNKNOWN || fragment == FRAGMENT_LATER) return ABSENT;
    if (what == WHAT_IP4 + 6 || what == WHAT_IP6 + 6) return segment_states(ir, flags & (TCP_SYN | TCP_RST | TCP_ACK));
    if (what == WHAT_IP4 + 1 || what == WHAT_IP6 + 58) return type_states_of(type, what > WHAT_IP6);
    return NEW | ESTABLISHED;
}

unsigned states_possible(const struct ir *ir, const struct ir_product *p)
{
    const struct pbc_range everything = {0, WHAT_MOST};
    const uint32_t what = p->field[IR_WHAT], fragment = p->field[IR_FRAGMENT];
    const struct ir_ranges r = what == IR_ALL ? (struct ir_ranges){&everything, 1} : ir_ranges(ir, what);
    const bool whole = ir_ranges_have(ir, fragment, FRAGMENT_NO) || ir_ranges_have(ir, fragment, FRAGMENT_FIRST);
    unsigned states = ir_ranges_have(ir, fragment, FRAGMENT_LATER) ? ABSENT : 0;

    for (uint32_t i = 0; i < r.count; i++) {
        if (r.r[i].hi > WHAT_IP6_UNKNOWN) states |= ABSENT;
        if (whole && r.r[i].lo <= WHAT_IP6_UNKNOWN)
            states |= whole_states(ir, p, r.r[i].lo, r.r[i].hi < WHAT_IP6_UNKNOWN ? r.r[i].hi : WHAT_IP6_UNKNOWN);
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
