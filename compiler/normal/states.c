/* What `state` can say of which packets (vm/flow/README.md): a SYN without ACK is new, only errors are related, UDP is
 * never invalid, and what is not IP or a later fragment has no state. So rules that exclude each other, cover each
 * other or ask what is so anyway are known for what they are. Where the texts leave a choice this says "can be". */
#include "compiler/normal/normal_priv.h"
#include "vm/key.h"

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

/* Mid-stream segments without SYN and RST are new while `pickup` lasts. */
static unsigned tcp_states(const struct ir *ir, const struct ir_product *p)
{
    const uint32_t has = p->field[IR_HAS], lacks = p->field[IR_LACKS];
    const bool opens = !(lacks & TCP_SYN) && !(has & TCP_ACK), picked_up = ir->picks_up && !(has & (TCP_SYN | TCP_RST));

    if (has & TCP_SYN && lacks & TCP_ACK) return NEW;
    return ESTABLISHED | INVALID | (opens || picked_up ? NEW : 0);
}

/* Do some, and do all, of the types lie in the ranges? */
static void types_in(struct ir_ranges types, const struct pbc_range *r, unsigned count, bool *some, bool *all)
{
    *some = false;
    *all = true;
    for (uint32_t i = 0; i < types.count; i++) {
        bool inside = false;

        for (unsigned k = 0; k < count; k++) {
            inside |= r[k].lo <= types.r[i].lo && types.r[i].hi <= r[k].hi;
            *some |= types.r[i].lo <= r[k].hi && r[k].lo <= types.r[i].hi;
        }
        *all &= inside;
    }
}

/* Errors (RFC 792; RFC 4443: all types under 128, of which 1 to 4 are known) are related or invalid, the rest never
 * related. */
static unsigned icmp_states(const struct ir *ir, const struct ir_product *p, bool v6)
{
    static const struct pbc_range errors4[] = {{3, 5}, {11, 12}}, known6[] = {{1, 4}}, errors6[] = {{0, 127}};
    const unsigned any = NEW | ESTABLISHED | RELATED | INVALID;
    const uint32_t type = p->field[IR_TYPE];
    bool some, all, unused;

    if (type == IR_ALL) return any;
    types_in(ir_ranges(ir, type), v6 ? known6 : errors4, v6 ? 1 : 2, &some, &all);
    if (v6) types_in(ir_ranges(ir, type), errors6, 1, &some, &unused);
    return all ? RELATED | INVALID : some ? any : any & ~(unsigned)RELATED;
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
