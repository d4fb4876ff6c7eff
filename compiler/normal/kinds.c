/* The kinds of frames that exist (kinds.h). */
#include "compiler/normal/kinds.h"

/* Protocols whose name is a bit, in IPv4, in IPv6, and behind AH: a value of IR_WHAT each, or WHAT_NONE if the
 * number means another protocol in that family. AH itself, over IPv4, is among them. */
#define WHAT_NONE UINT32_MAX
static const struct {
    uint32_t what, bits, header;
} named[] = {
#define UPPERS_ALONE
#define UPPER(ident, number, name, families, there, header, sum)                                                       \
    {(families)&KIND_IP4 ? (number) : WHAT_NONE, KIND_##ident, there},
#include "vm/proto.def"
#define UPPERS_ALONE
#define UPPER(ident, number, name, families, there, header, sum)                                                       \
    {(families)&KIND_IP6 ? WHAT_IP6 + (number) : WHAT_NONE, KIND_##ident, there},
#include "vm/proto.def"
#define UPPERS_ALONE
#define UPPER(ident, number, name, families, there, header, sum)                                                       \
    {(families)&KIND_IP6 ? WHAT_AH6 + (number) : WHAT_NONE, KIND_##ident | KIND_AH, there},
#include "vm/proto.def"
    {WHAT_IP4 + WHAT_AH_NUMBER, KIND_AH, 0},
};
enum { NAMED = sizeof(named) / sizeof(named[0]) };
static const uint32_t base_bits[WHAT_BASES] = {KIND_IP4, KIND_IP6, KIND_IP6 | KIND_AH};
static const uint32_t fragments[] = {KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER};

/* True if the name of the protocol, a value of IR_WHAT, is a bit. */
static bool kind_is_named(uint32_t what)
{
    for (unsigned i = 0; i < NAMED; i++)
        if (named[i].what == what) return true;
    return false;
}

/* Find if the set holds some of the family's protocols that no bit names, and if it lacks some. */
static void nameless(const struct ir *ir, uint32_t set, uint32_t first, bool *some, bool *others)
{
    *some = *others = false;
    for (uint32_t v = first; v < first + 256; v++)
        if (!kind_is_named(v)) {
            if (ir_ranges_have(ir, set, v))
                *some = true;
            else
                *others = true;
        }
}

static uint32_t named_bits(unsigned i)
{
    return (named[i].what < WHAT_IP6 ? KIND_IP4 : KIND_IP6) | KIND_PROTO | named[i].bits;
}

/* Demands on the frames of a universe. */
struct want {
    const struct ir *ir;
    uint32_t fragment;
    unsigned states;
};

/* Add a kind of IP packet: whole, first and later fragment. `states`: possible states of the first two. */
static void add_ip(struct kind_universe *u, const struct want *want, uint32_t bits, uint32_t header, unsigned states,
                   bool wanted)
{
    for (uint32_t f = FRAGMENT_NO; f <= FRAGMENT_LATER; f++)
        if (want->states & (f == FRAGMENT_LATER ? 1u << STATE_IS_ABSENT : states))
            u->frames[u->count++] = (struct kind_frame){bits | fragments[f] | (f == FRAGMENT_LATER ? 0 : header),
                                                        wanted && ir_ranges_have(want->ir, want->fragment, f)};
}

void kind_universe(struct kind_universe *u, const struct ir *ir, uint32_t what, uint32_t fragment, unsigned states)
{
    const struct want want = {ir, fragment, states};
    *u = (struct kind_universe){.count = 0};
    for (unsigned i = 0; i < NAMED; i++)
        if (named[i].what != WHAT_NONE)
            add_ip(u, &want, named_bits(i), named[i].header, states_of_protocol(named[i].what),
                   ir_ranges_have(ir, what, named[i].what));
    for (unsigned b = 0; b < WHAT_BASES; b++) {
        bool some, others;
        nameless(ir, what, what_bases[b], &some, &others);
        u->numbers |= some && others;
        add_ip(u, &want, base_bits[b] | KIND_PROTO, 0, states_of_protocol(WHAT_IP4), some);
    }
    add_ip(u, &want, KIND_IP6, 0, states_of_protocol(WHAT_IP6_UNKNOWN), ir_ranges_have(ir, what, WHAT_IP6_UNKNOWN));
    add_ip(u, &want, KIND_IP6 | KIND_AH, 0, states_of_protocol(WHAT_AH6_UNKNOWN),
           ir_ranges_have(ir, what, WHAT_AH6_UNKNOWN));
    if (states & 1u << STATE_IS_ABSENT)
        u->frames[u->count++] = (struct kind_frame){0, ir_ranges_have(ir, what, WHAT_OTHER)};
}

/* True if these frames can have the bits. */
static bool may_have(uint32_t frame, uint32_t mask, uint32_t value)
{
    if (((frame ^ value) & mask & (KIND_CORE | KIND_ARP)) != 0) return false;
    if (value & KIND_OPTIONS && !(frame & KIND_IP4)) return false;
    if (value & KIND_ND && (frame & (KIND_ICMP6 | KIND_ICMP_HEADER)) != (KIND_ICMP6 | KIND_ICMP_HEADER)) return false;
    return true;
}

static bool packet_possible(uint32_t bits, uint32_t header, uint32_t mask, uint32_t value)
{
    const uint32_t varies = header | KIND_FRAG_NO | KIND_FRAG_FIRST | KIND_FRAG_LATER;
    if ((bits ^ value) & mask & (KIND_CORE | KIND_ARP) & ~varies) return false;
    for (uint32_t f = FRAGMENT_NO; f <= FRAGMENT_LATER; f++)
        if (may_have(bits | fragments[f] | (f == FRAGMENT_LATER ? 0 : header), mask, value)) return true;
    return false;
}

/* True unless the bits mean two directions, or an inner tag without an outer one. */
static bool ways_possible(uint32_t mask, uint32_t value)
{
    const uint32_t ways = KIND_IN | KIND_OUT | KIND_FORWARD;
    if (value & ways & ((value & ways) - 1)) return false;
    if ((mask & ways) == ways && !(value & ways)) return false;
    return !(value & KIND_VLAN2 && mask & ~value & KIND_VLAN);
}

bool kind_possible(uint32_t mask, uint32_t value)
{
    if (!ways_possible(mask, value)) return false;
    for (unsigned i = 0; i < NAMED; i++)
        if (named[i].what != WHAT_NONE && packet_possible(named_bits(i), named[i].header, mask, value)) return true;
    for (unsigned b = 0; b < WHAT_BASES; b++)
        if (packet_possible(base_bits[b] | KIND_PROTO, 0, mask, value)) return true;
    return packet_possible(KIND_IP6, 0, mask, value) || packet_possible(KIND_IP6 | KIND_AH, 0, mask, value) ||
           may_have(KIND_ARP, mask, value) || may_have(0, mask, value);
}
