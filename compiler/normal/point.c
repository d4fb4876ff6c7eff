/* One frame of a product. Values are drawn from the widest of a few ranges: earlier rules mostly take narrow parts of a
 * rule, so such a frame is likely left to it.
 *
 * Fields that depend on each other are chosen together: the protocol, then fragment, flags or type, so that the frame
 * has one of the states that the product asks for. All protocols but TCP and ICMP are alike in this, so one of them
 * stands for all. */
#include "compiler/normal/point.h"

#include "compiler/normal/normal.h"
#include "compiler/normal/what.h"
#include "vm/packet/key.h"

enum { WIDEST_OF = 4 }; /* ranges looked at to find a wide one */

static uint64_t point_mix(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint32_t pick(const struct ir *ir, enum ir_field f, uint32_t id, uint64_t *seed)
{
    struct pbc_range best = {0, ir_fields[f].most};
    if (id != IR_ALL) {
        const struct ir_ranges r = ir_ranges(ir, id);
        const uint32_t first = r.count > WIDEST_OF ? (uint32_t)(point_mix(seed) % r.count) : 0;
        best = r.r[first];
        for (uint32_t i = 1; i < WIDEST_OF && i < r.count; i++) {
            const struct pbc_range x = r.r[(first + i) % r.count];
            if (x.hi - x.lo > best.hi - best.lo) best = x;
        }
    }
    return best.lo + (uint32_t)(point_mix(seed) % ((uint64_t)best.hi - best.lo + 1));
}

/* Return the value if allowed, else any allowed value. */
static uint32_t prefer(const struct ir *ir, const struct ir_product *p, enum ir_field f, uint32_t value, uint64_t *seed)
{
    return ir_ranges_have(ir, p->field[f], value) ? value : pick(ir, f, p->field[f], seed);
}

static bool settle_on_state(const struct ir *ir, const struct ir_product *p, struct point *at, uint64_t seed)
{
    const unsigned all =
        states_of_header(ir, at->value[IR_WHAT], at->value[IR_FRAGMENT], at->value[IR_HAS], at->value[IR_TYPE]);
    at->value[IR_STATE] = STATE_IS_ABSENT;
    if (!ir->keeps_flows) return true;
    for (unsigned i = 0; i <= STATE_IS_ABSENT; i++) {
        const unsigned s = (unsigned)(i + seed % 3) % (STATE_IS_ABSENT + 1);
        if (!(all >> s & 1) || !ir_ranges_have(ir, p->field[IR_STATE], s)) continue;
        at->value[IR_STATE] = s;
        return true;
    }
    return false;
}

static bool choose_flags(const struct ir *ir, const struct ir_product *p, struct point *at, uint64_t seed)
{
    static const uint8_t usual[] = {TCP_SYN, TCP_ACK, TCP_SYN | TCP_ACK, TCP_RST, TCP_RST | TCP_ACK, 0};
    for (size_t i = 0; i < sizeof(usual); i++) {
        at->value[IR_HAS] = usual[i] | p->field[IR_HAS];
        if (!(at->value[IR_HAS] & p->field[IR_LACKS]) && settle_on_state(ir, p, at, seed)) return true;
    }
    return false;
}

static bool choose_type(const struct ir *ir, const struct ir_product *p, struct point *at, uint64_t *seed)
{
    for (uint32_t i = 0; i <= 256; i++) {
        const uint32_t type = i ? i - 1 : pick(ir, IR_TYPE, p->field[IR_TYPE], seed);
        at->value[IR_TYPE] = type;
        if (ir_ranges_have(ir, p->field[IR_TYPE], type) && settle_on_state(ir, p, at, *seed)) return true;
    }
    return false;
}

static bool choose_fragment(const struct ir *ir, const struct ir_product *p, struct point *at, uint64_t *seed)
{
    const uint32_t what = at->value[IR_WHAT];
    for (uint32_t f = what_is_unknown(what) ? FRAGMENT_LATER : FRAGMENT_NO; f <= FRAGMENT_LATER; f++) {
        const uint32_t proto = f == FRAGMENT_LATER ? 0 : what % WHAT_IP6;
        at->value[IR_FRAGMENT] = f;
        if (!ir_ranges_have(ir, p->field[IR_FRAGMENT], f)) continue;
        if (proto == 6 && what_is_ip(what) ? choose_flags(ir, p, at, *seed)
            : f != FRAGMENT_LATER && (what == WHAT_IP4 + 1 || what_without_ah(what) == WHAT_IP6 + 58)
                ? choose_type(ir, p, at, seed)
                : settle_on_state(ir, p, at, *seed))
            return true;
    }
    return false;
}

static bool try_what(const struct ir *ir, const struct ir_product *p, uint32_t what, struct point *at, uint64_t *seed)
{
    if (!ir_ranges_have(ir, p->field[IR_WHAT], what) || what_is_walked(what)) return false;
    at->value[IR_WHAT] = what;
    at->value[IR_HAS] = at->value[IR_TYPE] = at->value[IR_FRAGMENT] = 0;
    at->ip = what_is_ip(what);
    at->v6 = what_is_six(what);
    if (!at->ip) return settle_on_state(ir, p, at, *seed);
    const unsigned src = ir_addrs_families(ir, p->field[IR_SRC]) | ir_addrs_families(ir, p->field[IR_SRC_SELF]);
    const unsigned dst = ir_addrs_families(ir, p->field[IR_DST]) | ir_addrs_families(ir, p->field[IR_DST_SELF]);
    return (src & dst & (at->v6 ? IR_V6 : IR_V4)) && choose_fragment(ir, p, at, seed);
}

/* Choose a protocol: a random one, those that differ from all others, then any other. */
static bool choose_what(const struct ir *ir, const struct ir_product *p, struct point *at, uint64_t *seed)
{
    static const uint16_t special[] = {WHAT_IP4 + 6,  WHAT_IP6 + 6,     WHAT_IP4 + 1,     WHAT_IP6 + 58, WHAT_AH6 + 6,
                                       WHAT_AH6 + 58, WHAT_IP6_UNKNOWN, WHAT_AH6_UNKNOWN, WHAT_ARP,      WHAT_OTHER};
    if (try_what(ir, p, pick(ir, IR_WHAT, p->field[IR_WHAT], seed), at, seed)) return true;
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
        if (try_what(ir, p, special[i], at, seed)) return true;
    for (uint32_t what = 0; what < WHAT_IP6_UNKNOWN; what++)
        if (try_what(ir, p, what, at, seed)) return true;
    return false;
}

static u128 v6(uint64_t hi, uint64_t lo) { return (u128)hi << 64 | lo; }

static u128 pick_addr(const struct ir_addrs *a, unsigned family, uint64_t *seed)
{
    const uint32_t count = addr_count(a, family);
    const uint32_t first = count > WIDEST_OF ? (uint32_t)(point_mix(seed) % count) : 0;
    struct addr_span best = addr_span(a, family, first);
    const u128 random = v6(point_mix(seed), point_mix(seed));
    for (uint32_t i = 1; i < WIDEST_OF && i < count; i++) {
        const struct addr_span x = addr_span(a, family, (first + i) % count);
        if (x.hi - x.lo > best.hi - best.lo) best = x;
    }
    return best.hi - best.lo == ~(u128)0 ? random : best.lo + random % (best.hi - best.lo + 1);
}

/* Choose a part of the set that has addresses of the family, and with it live sets that have the address. */
static uint32_t pick_part(const struct ir *ir, uint32_t id, unsigned family, struct point *at, unsigned side,
                          uint64_t *seed)
{
    const uint32_t count = ir_addrs_parts(ir, id);
    uint32_t part = id, with = 0;
    if (!ir_addrs(ir, id)->split) return id;
    const uint32_t first = (uint32_t)(point_mix(seed) % count);
    for (uint32_t i = 0; i < count && !with; i++) {
        part = ir_addrs_part(ir, id, (uint32_t)(((uint64_t)first + i) % count), &at->live[side]);
        with = addr_count(ir_addrs(ir, part), family);
    }
    return part;
}

static void choose_addr(const struct ir *ir, const struct ir_product *p, unsigned side, struct point *at,
                        uint64_t *seed)
{
    const enum ir_field f = side ? IR_DST : IR_SRC;
    const unsigned family = at->v6 ? IR_V6 : IR_V4;
    const bool can_be_own = ir_addrs_families(ir, p->field[f + 1]) & family;
    const bool can_be_other = ir_addrs_families(ir, p->field[f]) & family;
    at->own[side] = can_be_own && (!can_be_other || point_mix(seed) % 4 == 0);
    at->addr[side] =
        pick_addr(ir_addrs(ir, pick_part(ir, p->field[f + at->own[side]], family, at, side, seed)), family, seed);
}

static bool choose_ether(const struct ir *ir, const struct ir_product *p, struct point *at)
{
    const struct pbc_range all = {0, ETHER_ABSENT};
    const uint32_t id = p->field[IR_ETHER], what = at->value[IR_WHAT];
    const struct ir_ranges r = id == IR_ALL ? (struct ir_ranges){&all, 1} : ir_ranges(ir, id);
    if (what != WHAT_OTHER) {
        at->value[IR_ETHER] = what == WHAT_ARP ? 0x0806 : what >= WHAT_IP6 ? 0x86dd : 0x0800;
        return ir_ranges_have(ir, id, at->value[IR_ETHER]);
    }
    for (uint32_t i = 0; i < r.count; i++)
        for (uint32_t v = r.r[i].lo; v <= r.r[i].hi; v++)
            if (v != 0x0800 && v != 0x86dd && v != 0x0806) {
                at->value[IR_ETHER] = v;
                return true;
            }
    return false;
}

/* Choose the MACs; a frame has both or none. */
static bool choose_macs(const struct ir *ir, const struct ir_product *p, struct point *at, uint64_t *seed)
{
    const uint32_t src = p->field[IR_SRC_MAC], dst = p->field[IR_DST_MAC];
    at->mac[0] = at->mac[1] = MAC_NONE;
    if (macs_have(ir, src, MAC_NONE) && macs_have(ir, dst, MAC_NONE)) return true;
    return macs_pick(ir, src, point_mix(seed), &at->mac[0]) && macs_pick(ir, dst, point_mix(seed), &at->mac[1]);
}

/* Choose the hop limit, preferably not 255, which makes ND of some types. */
static void choose_ttl(const struct ir *ir, const struct ir_product *p, struct point *at, uint64_t *seed)
{
    const uint32_t type = at->value[IR_TYPE];
    uint32_t ttl = prefer(ir, p, IR_TTL, 64, seed);
    for (uint32_t other = 0; ttl == 255 && other < 255; other++)
        if (ir_ranges_have(ir, p->field[IR_TTL], other)) ttl = other;
    at->value[IR_TTL] = ttl;
    at->value[IR_ND] = what_without_ah(at->value[IR_WHAT]) == WHAT_IP6 + 58 && ttl == 255 && type >= 133 && type <= 136;
}

/* Choose the length: the longest has room for every header. */
static uint32_t choose_length(const struct ir *ir, const struct ir_product *p)
{
    const uint32_t id = p->field[IR_LENGTH];
    if (ir_ranges_have(ir, id, 100)) return 100;
    return ir_ranges(ir, id).r[ir_ranges(ir, id).count - 1].hi;
}

bool point_of(const struct ir *ir, const struct ir_product *p, uint64_t seed, struct point *at)
{
    static const uint8_t numbers[] = {
        IR_SPORT,
        IR_DPORT,
        IR_CODE,
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, ...) IR_##ident,
#include "vm/cond.def"
        IR_OPTIONS,
    };
    *at = (struct point){0};
    if (!choose_what(ir, p, at, &seed)) return false;
    if (at->ip) {
        choose_addr(ir, p, 0, at, &seed);
        choose_addr(ir, p, 1, at, &seed);
    }
    for (size_t i = 0; i < sizeof(numbers); i++)
        at->value[numbers[i]] = pick(ir, numbers[i], p->field[numbers[i]], &seed);
    at->value[IR_IFACE] = prefer(ir, p, IR_IFACE, IFACE_ABSENT, &seed);
    at->value[IR_OUT] = prefer(ir, p, IR_OUT, IFACE_ABSENT, &seed);
    at->value[IR_URPF] = prefer(ir, p, IR_URPF, SOURCE_ABSENT, &seed);
    at->value[IR_LENGTH] = choose_length(ir, p);
    at->value[IR_VLAN] = prefer(ir, p, IR_VLAN, VLAN_ABSENT, &seed);
    at->value[IR_INNER] = prefer(ir, p, IR_INNER, VLAN_ABSENT, &seed);
    choose_ttl(ir, p, at, &seed);
    at->value[IR_DURING] = p->field[IR_DURING] & (0u - p->field[IR_DURING]);
    return choose_ether(ir, p, at) && choose_macs(ir, p, at, &seed);
}

static bool holds_side(const struct ir *ir, const struct ir_product *p, const struct point *at, unsigned side)
{
    const uint32_t id = p->field[(side ? IR_DST : IR_SRC) + at->own[side]];
    if (id == IR_ALL) return true;
    if (id == IR_EMPTY || !at->ip) return false;
    return addr_held(ir_addrs(ir, ir_addrs_now(ir, id, at->live[side])), at->v6 ? IR_V6 : IR_V4, at->addr[side]);
}

bool point_in(const struct ir *ir, const struct ir_product *p, const struct point *at)
{
    if (!ir_ranges_have(ir, p->field[IR_WHAT], at->value[IR_WHAT])) return false;
    if (!holds_side(ir, p, at, 0) || !holds_side(ir, p, at, 1)) return false;
    for (enum ir_field f = IR_SPORT; f < IR_FIELDS; f++)
        if (p->field[f] != IR_ALL && ir_fields[f].sort == IR_SORT_RANGES &&
            !ir_ranges_have(ir, p->field[f], at->value[f]))
            return false;
    if (p->field[IR_HAS] & ~at->value[IR_HAS] || p->field[IR_LACKS] & at->value[IR_HAS]) return false;
    if (p->field[IR_DURING] && !(p->field[IR_DURING] & at->value[IR_DURING])) return false;
    if (p->field[IR_NOT_DURING] & at->value[IR_DURING]) return false;
    return macs_have(ir, p->field[IR_SRC_MAC], at->mac[0]) && macs_have(ir, p->field[IR_DST_MAC], at->mac[1]);
}
