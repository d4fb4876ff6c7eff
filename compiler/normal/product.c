/* Products as sets of frames: intersection, complement, size. */
#include <math.h>
#include <string.h>

#include "compiler/normal/flows_over.h"
#include "compiler/normal/normal.h"
#include "compiler/normal/region.h"
#include "compiler/normal/what.h"

enum { SETTLE_MAX = 4 }; /* rounds in which fields narrow one another; further rounds have never narrowed anything */

void product_all(struct ir_product *p) { memset(p, 0, sizeof(*p)); }

/* Fields whose sets of values have no complement. */
static const enum ir_field unsaid[] = {IR_BYTES, IR_METERS, IR_FLOWS};
enum { UNSAID = sizeof(unsaid) / sizeof(unsaid[0]) };

bool product_is_plain(const struct ir *ir, const struct ir_product *p)
{
    for (unsigned i = 0; i < UNSAID; i++)
        if (p->field[unsaid[i]] != IR_ALL) return false;
    return true;
}

void product_plain_part(const struct ir *ir, const struct ir_product *p, struct ir_product *out)
{
    *out = *p;
    for (unsigned i = 0; i < UNSAID && !ir_is_empty(p); i++) out->field[unsaid[i]] = IR_ALL;
}

bool product_plain_beside(const struct ir *ir, const struct ir_product *p, const struct ir_product *a,
                          struct ir_product *out)
{
    uint64_t work = 0;
    for (unsigned i = 0; i < UNSAID; i++) {
        const enum ir_field f = unsaid[i];
        if (p->field[f] == IR_ALL || p->field[f] == a->field[f]) continue;
        struct ir_product mine = {{0}}, its = {{0}};
        mine.field[f] = a->field[f];
        its.field[f] = p->field[f];
        if (!ir_within(ir, &mine, &its, &work)) return false;
    }
    product_plain_part(ir, p, out);
    return true;
}

static uint32_t ranges_interned(struct ir *ir, enum ir_field f, const struct pbc_range *r, uint32_t count)
{
    return ir_intern_ranges(ir, r, count, ir_fields[f].most);
}

static uint32_t both(struct ir *ir, enum ir_field f, uint32_t a, uint32_t b)
{
    return ir_ranges_and(ir, a, b, ir_fields[f].most);
}

static uint32_t but(struct ir *ir, enum ir_field f, uint32_t a, uint32_t b)
{
    return both(ir, f, a, ir_ranges_not(ir, b, ir_fields[f].most));
}

static bool is_one(const struct ir *ir, uint32_t id, uint32_t value)
{
    return id != IR_ALL && ir_ranges(ir, id).count == 1 && ir_ranges(ir, id).r[0].lo == value &&
           ir_ranges(ir, id).r[0].hi == value;
}

/* Settle the Ethernet type: IPv4, IPv6 and ARP have one each, on every link; other frames have any other or none. */
static void settle_ether(struct ir *ir, struct ir_product *p)
{
    static const struct {
        struct pbc_range what, types[4];
        uint32_t count;
    } kinds[] = {
        {{WHAT_IP4, WHAT_IP6 - 1}, {{0x0800, 0x0800}}, 1},
        {{WHAT_IP6, WHAT_AH6_UNKNOWN}, {{0x86dd, 0x86dd}}, 1},
        {{WHAT_ARP, WHAT_ARP}, {{0x0806, 0x0806}}, 1},
        {{WHAT_OTHER, WHAT_OTHER}, {{0, 0x07ff}, {0x0801, 0x0805}, {0x0807, 0x86dc}, {0x86de, ETHER_ABSENT}}, 4},
    };
    uint32_t *what = &p->field[IR_WHAT], *type = &p->field[IR_ETHER];
    if (*type == IR_ALL) return;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const uint32_t these = ranges_interned(ir, IR_WHAT, &kinds[i].what, 1);
        const uint32_t types = ranges_interned(ir, IR_ETHER, kinds[i].types, kinds[i].count);
        if (ir_ranges_meet(ir, *what, these) && ir_ranges_meet(ir, *type, types)) continue;
        *what = but(ir, IR_WHAT, *what, these);
        *type = but(ir, IR_ETHER, *type, types);
    }
}

static bool all_walked(const struct ir *ir, uint32_t what)
{
    if (what == IR_ALL) return false;
    const struct ir_ranges r = ir_ranges(ir, what);
    for (uint32_t i = 0; i < r.count; i++)
        for (uint32_t v = r.r[i].lo; v <= r.r[i].hi; v++)
            if (!what_is_walked(v)) return false;
    return true;
}

/* Settle the protocol of IPv6. Only later fragments hide theirs, behind a header that never ends a chain. So no
 * packet has the number of such a header as its protocol. */
static void settle_chain(struct ir *ir, struct ir_product *p)
{
    static const struct pbc_range unknown = {WHAT_IP6_UNKNOWN, WHAT_AH6_UNKNOWN};
    static const struct pbc_range later = {FRAGMENT_LATER, FRAGMENT_LATER};
    uint32_t *what = &p->field[IR_WHAT], *fragment = &p->field[IR_FRAGMENT];
    if (!ir_ranges_have(ir, *fragment, FRAGMENT_LATER))
        *what = but(ir, IR_WHAT, *what, ranges_interned(ir, IR_WHAT, &unknown, 1));
    else if (*what != IR_ALL && ir_ranges_within(ir, *what, ranges_interned(ir, IR_WHAT, &unknown, 1)))
        *fragment = both(ir, IR_FRAGMENT, *fragment, ranges_interned(ir, IR_FRAGMENT, &later, 1));
    if (all_walked(ir, *what)) *what = IR_EMPTY;
}

/* Settle the length: no IP packet is shorter than its header. */
static void settle_length(struct ir *ir, struct ir_product *p)
{
    static const struct pbc_range ip6 = {WHAT_IP6, WHAT_AH6_UNKNOWN}, least4 = {20, 65535}, least6 = {40, 65535};
    uint32_t *length = &p->field[IR_LENGTH];
    if (*length == IR_ALL) return;
    if (!ir_ranges_meet(ir, *length, ranges_interned(ir, IR_LENGTH, &least6, 1)))
        p->field[IR_WHAT] = but(ir, IR_WHAT, p->field[IR_WHAT], ranges_interned(ir, IR_WHAT, &ip6, 1));
    const uint32_t all = ranges_interned(ir, IR_LENGTH, ir_families(ir, p) == IR_V6 ? &least6 : &least4, 1);
    *length = both(ir, IR_LENGTH, *length, all);
    if (*length == all) *length = IR_ALL;
}

/* Settle the type: a packet with hop limit 255 that is not neighbour discovery has another type. */
static void settle_not_nd(struct ir *ir, struct ir_product *p)
{
    static const struct pbc_range types = {133, 136};
    if (is_one(ir, p->field[IR_ND], 0) && is_one(ir, p->field[IR_TTL], 255))
        p->field[IR_TYPE] = but(ir, IR_TYPE, p->field[IR_TYPE], ranges_interned(ir, IR_TYPE, &types, 1));
}

static void settle_schedules(const struct ir *ir, struct ir_product *p)
{
    if (ir->moments) {
        /* Moments exclude each other: "none of these" is "one of the rest", and "one of all" demands nothing. */
        const uint32_t all = (1u << ir->moments) - 1, asked = p->field[IR_DURING];
        const uint32_t left = (asked ? asked : all) & ~p->field[IR_NOT_DURING];
        p->field[IR_NOT_DURING] = 0;
        p->field[IR_DURING] = left == all ? 0 : left;
        if (!left) p->field[IR_WHAT] = IR_EMPTY;
    }
    if (!p->field[IR_DURING]) return;
    p->field[IR_DURING] &= ~p->field[IR_NOT_DURING];
    if (!p->field[IR_DURING]) p->field[IR_WHAT] = IR_EMPTY;
}

/* Settle the MACs: a frame has both or none. */
static void settle_macs(struct ir *ir, struct ir_product *p)
{
    const uint32_t src = p->field[IR_SRC_MAC], dst = p->field[IR_DST_MAC];
    if (src == IR_ALL || dst == IR_ALL) return;
    if (macs_have(ir, src, MAC_NONE) && macs_have(ir, dst, MAC_NONE)) return;
    if (!macs_some(ir, src) || !macs_some(ir, dst)) p->field[IR_WHAT] = IR_EMPTY;
}

bool product_settle(struct ir *ir, struct ir_product *p)
{
    struct ir_product before;
    settle_schedules(ir, p);
    settle_macs(ir, p);
    for (unsigned i = 0; i < SETTLE_MAX; i++) {
        before = *p;
        if (!ir_is_empty(p)) settle_length(ir, p);
        if (!ir_is_empty(p)) settle_ether(ir, p);
        if (!ir_is_empty(p)) settle_chain(ir, p);
        if (!ir_is_empty(p)) settle_not_nd(ir, p);
        if (!ir_is_empty(p)) normal_settle(ir, p);
        if (ir_is_empty(p) || memcmp(&before, p, sizeof(before)) == 0) break;
    }
    return !ir_is_empty(p);
}

/* Return all demands of a, and further demands of b. */
static uint32_t demands_of_both(struct ir *ir, uint32_t a, uint32_t b)
{
    if (a == b || b == IR_ALL || a == IR_EMPTY) return a;
    if (a == IR_ALL || b == IR_EMPTY) return b;
    const struct ir_patterns x = ir_patterns(ir, a), y = ir_patterns(ir, b);
    uint32_t *all = arena_alloc(ir->arena, ((size_t)x.count + y.count) * sizeof(*all)), n = x.count;
    memcpy(all, x.pattern, x.count * sizeof(*all));
    for (uint32_t i = 0; i < y.count; i++) {
        bool there = false;
        for (uint32_t k = 0; k < x.count && !there; k++) there = x.pattern[k] == y.pattern[i];
        if (!there) all[n++] = y.pattern[i];
    }
    return ir_intern_patterns(ir, all, n);
}

/* Return the demands of both: byte patterns ascending, meters in the order in which they are asked. */
static uint32_t patterns_of_both(struct ir *ir, uint32_t a, uint32_t b)
{
    const uint32_t all = demands_of_both(ir, a, b);
    if (all == a || all == b) return all;
    const struct ir_patterns m = ir_patterns(ir, all);
    uint32_t *sorted = arena_alloc(ir->arena, m.count * sizeof(*sorted));
    for (uint32_t i = 0; i < m.count; i++) {
        uint32_t k = i;
        for (; k && sorted[k - 1] > m.pattern[i]; k--) sorted[k] = sorted[k - 1];
        sorted[k] = m.pattern[i];
    }
    return ir_intern_patterns(ir, sorted, m.count);
}

/* Return the demand of both. Two demands of "one of these is active" become one only if one implies the other. */
static uint32_t schedules_of_both(const struct ir *ir, uint32_t a, uint32_t b, bool *loose)
{
    if (!a || !b) return a | b;
    if (ir->moments) return a & b;
    if (ir_schedules_within(ir, a, b)) return a;
    if (!ir_schedules_within(ir, b, a)) *loose = true;
    return b;
}

uint32_t field_and(struct ir *ir, enum ir_field f, uint32_t a, uint32_t b, bool *loose)
{
    switch ((enum ir_sort)ir_fields[f].sort) {
    case IR_SORT_RANGES: return both(ir, f, a, b);
    case IR_SORT_ADDRS: return ir_addrs_and(ir, a, b);
    case IR_SORT_MASK: return a | b;
    case IR_SORT_ANY: return schedules_of_both(ir, a, b, loose);
    case IR_SORT_MACS: return macs_and(ir, a, b);
    case IR_SORT_PATTERNS: return patterns_of_both(ir, a, b);
    case IR_SORT_METERS: return demands_of_both(ir, a, b);
    case IR_SORT_FLOWS: return flows_and(ir, a, b);
    case IR_SORTS: break;
    }
    return IR_EMPTY;
}

bool product_and(struct ir *ir, const struct ir_product *a, const struct ir_product *b, struct ir_product *out,
                 bool *loose)
{
    struct ir_product x = *a, y = *b;
    if (ir_is_empty(a) || ir_is_empty(b) || !ir_may_meet(ir, a, b)) return false;
    x.field[IR_DURING] &= ~y.field[IR_NOT_DURING];
    y.field[IR_DURING] &= ~x.field[IR_NOT_DURING];
    if ((a->field[IR_DURING] && !x.field[IR_DURING]) || (b->field[IR_DURING] && !y.field[IR_DURING])) return false;
    if (ir->moments && x.field[IR_DURING] && y.field[IR_DURING] && !(x.field[IR_DURING] & y.field[IR_DURING]))
        return false;
    for (enum ir_field f = 0; f < IR_FIELDS; f++) out->field[f] = field_and(ir, f, x.field[f], y.field[f], loose);
    return product_settle(ir, out);
}

/* Return the share of a family's addresses: of this machine's own and of the others, which weigh the same. */
static double share_of_family(const struct ir *ir, uint32_t id, unsigned family)
{
    const struct ir_addrs *a = ir_addrs(ir, id);
    double n = 0;
    if (family == IR_V4) {
        for (uint32_t i = 0; i < a->count4; i++) n += (double)a->r4[i].hi - a->r4[i].lo + 1;
        return ldexp(n, -32);
    }
    for (uint32_t i = 0; i < a->count6; i++)
        n += ldexp((double)(a->r6[i].hi_hi - a->r6[i].lo_hi), 64) + ((double)a->r6[i].hi_lo - (double)a->r6[i].lo_lo) +
             1;
    return ldexp(n, -128);
}

static double part_of_pairs(const struct ir *ir, const struct ir_product *p, unsigned family)
{
    const double src =
        share_of_family(ir, p->field[IR_SRC], family) + share_of_family(ir, p->field[IR_SRC_SELF], family);
    const double dst =
        share_of_family(ir, p->field[IR_DST], family) + share_of_family(ir, p->field[IR_DST_SELF], family);
    return src * dst / 4;
}

static double values_in(const struct ir *ir, enum ir_field f, uint32_t id, uint32_t lo, uint32_t hi)
{
    const struct pbc_range all = {0, ir_fields[f].most};
    const struct ir_ranges r = id == IR_ALL ? (struct ir_ranges){&all, 1} : ir_ranges(ir, id);
    double n = 0;
    for (uint32_t i = 0; i < r.count; i++) {
        const uint32_t from = r.r[i].lo > lo ? r.r[i].lo : lo, to = r.r[i].hi < hi ? r.r[i].hi : hi;
        if (from <= to) n += (double)(to - from) + 1;
    }
    return n;
}

static double share_of_time(const struct ir *ir, uint32_t moments)
{
    double share = 0;
    for (uint32_t i = 0; i < ir->moments; i++)
        if (moments >> i & 1) share += ir->moment_share[i];
    return share;
}

static double log_of_part(const struct ir *ir, enum ir_field f, uint32_t id)
{
    if (id == IR_ALL) return 0;
    switch ((enum ir_sort)ir_fields[f].sort) {
    case IR_SORT_RANGES: return log2(values_in(ir, f, id, 0, ir_fields[f].most) / (ir_fields[f].most + 1.0));
    case IR_SORT_MASK: return -__builtin_popcount(id);
    case IR_SORT_ANY:
        if (ir->moments) return log2(share_of_time(ir, id));
        return log2(1 - ldexp(1, -__builtin_popcount(id)));
    case IR_SORT_MACS: return log2(macs_part(ir, id));
    case IR_SORT_PATTERNS:
    case IR_SORT_METERS: return -1;
    case IR_SORT_FLOWS:
    case IR_SORT_ADDRS:
    case IR_SORTS: break;
    }
    return 0;
}

/* Return the log2 of the share of possible states: a segment is never related, a later fragment never lacks a state. */
static double log_of_states(const struct ir *ir, const struct ir_product *p)
{
    if (!asks_state(ir, p)) return 0;
    const unsigned possible = states_possible(ir, p), asked = states_asked(ir, p) & possible;
    return asked ? log2(__builtin_popcount(asked) / (double)__builtin_popcount(possible)) : -INFINITY;
}

double product_size(const struct ir *ir, const struct ir_product *p)
{
    const uint32_t what = p->field[IR_WHAT];
    if (ir_is_empty(p)) return -INFINITY;
    double size = log2(values_in(ir, IR_WHAT, what, 0, WHAT_IP6 - 1) * part_of_pairs(ir, p, IR_V4) +
                       values_in(ir, IR_WHAT, what, WHAT_IP6, WHAT_AH6_UNKNOWN) * part_of_pairs(ir, p, IR_V6) +
                       values_in(ir, IR_WHAT, what, WHAT_ARP, WHAT_OTHER));
    for (enum ir_field f = 0; f < IR_FIELDS; f++)
        if (f != IR_WHAT && f != IR_STATE) size += log_of_part(ir, f, p->field[f]);
    return size + log_of_states(ir, p);
}

bool product_in_direction(struct ir *ir, struct ir_product *p, enum pbc_direction d)
{
    const uint32_t way = p->field[IR_OUT];
    if (way == IR_ALL || d == PBC_DIR_FORWARD) return true;
    if (d != PBC_DIR_OUT) return false;
    p->field[IR_IFACE] = ir_ranges_and(ir, p->field[IR_IFACE], way, IFACE_ABSENT);
    p->field[IR_OUT] = IR_ALL;
    return p->field[IR_IFACE] != IR_EMPTY;
}
