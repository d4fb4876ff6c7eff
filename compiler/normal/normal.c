/* The rule list into normal form (ir.h): each condition narrows the fields of its rule's product. A condition demands
 * first that its field be there ("a condition on a field that a packet does not have is false, and so is its not"),
 * then that the field's value be in the list, or, after `not`, outside it. */
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "compiler/normal/normal_priv.h"
#include "compiler/normal/ir.h"
#include "vm/key.h"
#include "vm/vm.h"

struct normal {
    const struct image *img;
    struct ir *ir;
    uint32_t *set_id;                            /* image set to addrs id + 1 */
    uint32_t *pattern_slots, pattern_slots_size; /* 1 + patterns by content; size is a power of two */
    struct {
        uint32_t a, b, result;
    } unions[256]; /* lately made, by ids; 0: none */
    /* sets that many rules need */
    uint32_t ip, ip4, ip6, not_ip, not_ip4, not_ip6, known, arp, not_arp, ports, tcp, icmp6, with_header;
    uint32_t *meter_asked; /* [over, within of each]: the last rule that asks it, counted from 1 */
    uint32_t rules;        /* so far */
    uint32_t no_later, whole, can_be_invalid, tagged, nd, nd_types, nd_ttl;
    uint64_t *macs; /* of the condition at hand; only new sets are copied */
    size_t macs_room;
};

static void narrow(struct normal *n, struct ir_product *p, enum ir_field f, uint32_t set)
{
    p->field[f] = ir_ranges_and(n->ir, p->field[f], set, ir_fields[f].most);
}

/* What the list lets through: `any` is everything, `not` the complement. */
static uint32_t listed(struct normal *n, const struct pbc_cond *c, enum ir_field f, uint32_t set)
{
    if (c->flags & PBC_COND_ANY) set = IR_ALL;
    return c->flags & PBC_COND_NOT ? ir_ranges_not(n->ir, set, ir_fields[f].most) : set;
}

static int by_lo(const void *a, const void *b)
{
    const struct pbc_range *x = a, *y = b;

    return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Sort and merge in place; returns how many are left. */
static uint32_t merge(struct pbc_range *r, uint32_t count)
{
    uint32_t n = 0;

    if (count > 1) qsort(r, count, sizeof(*r), by_lo);
    for (uint32_t i = 0; i < count; i++)
        if (n && r[i].lo <= (uint64_t)r[n - 1].hi + 1) {
            if (r[i].hi > r[n - 1].hi) r[n - 1].hi = r[i].hi;
        } else {
            r[n++] = r[i];
        }
    return n;
}

/* The union of some ranges, canonical, interned for the field. */
static uint32_t union_of(struct normal *n, enum ir_field f, const struct pbc_range *r, uint32_t count)
{
    struct pbc_range shorts[32], *copy = shorts;

    if (count > 32) copy = arena_alloc(n->ir->arena, count * sizeof(*copy));
    if (count) memcpy(copy, r, count * sizeof(*copy));
    return ir_intern_ranges(n->ir, copy, merge(copy, count), ir_fields[f].most);
}

static uint32_t operands(struct normal *n, const struct pbc_cond *c, enum ir_field f)
{
    return union_of(n, f, n->img->ranges + c->first, c->count);
}

/* The field has a value of the list, of those that it can have where it is there: 0..`most`. */
static void narrow_to_list(struct normal *n, struct ir_product *p, const struct pbc_cond *c, enum ir_field f,
                           uint32_t most)
{
    const struct pbc_range there = {0, most};

    narrow(n, p, f, union_of(n, f, &there, 1));
    narrow(n, p, f, listed(n, c, f, operands(n, c, f)));
}

static void normal_family(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    struct pbc_range r[3];
    uint32_t count = 0;

    if (c->arg & KIND_IP4) r[count++] = (struct pbc_range){WHAT_IP4, WHAT_IP6 - 1};
    if (c->arg & KIND_IP6) r[count++] = (struct pbc_range){WHAT_IP6, WHAT_IP6_UNKNOWN};
    if (c->arg & KIND_ARP) r[count++] = (struct pbc_range){WHAT_ARP, WHAT_ARP};
    narrow(n, p, IR_WHAT, listed(n, c, IR_WHAT, union_of(n, IR_WHAT, r, count)));
}

/* The named protocols of a mask, as values of IR_WHAT. */
static uint32_t named_protocols(uint32_t mask, struct pbc_range r[8])
{
    static const struct {
        uint32_t bit, value4, value6;
    } named[] = {
        {KIND_TCP, 6, WHAT_IP6 + 6},
        {KIND_UDP, 17, WHAT_IP6 + 17},
        {KIND_SCTP, 132, WHAT_IP6 + 132},
        {KIND_ICMP, 1, 1},
        {KIND_ICMP6, WHAT_IP6 + 58, WHAT_IP6 + 58},
    };
    uint32_t count = 0;

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
        if (mask & named[i].bit) {
            r[count++] = (struct pbc_range){named[i].value4, named[i].value4};
            if (named[i].value6 != named[i].value4) r[count++] = (struct pbc_range){named[i].value6, named[i].value6};
        }
    return count;
}

static uint32_t what_protocols(struct normal *n, uint32_t mask)
{
    struct pbc_range r[8];

    return union_of(n, IR_WHAT, r, named_protocols(mask, r));
}

static void normal_proto(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    struct pbc_range shorts[32], *r = shorts;

    if (c->count > 8) r = arena_alloc(n->ir->arena, (2 * (size_t)c->count + 8) * sizeof(*r));
    uint32_t count = named_protocols(c->arg, r);

    for (uint32_t i = 0; i < c->count; i++) {
        struct pbc_range op = n->img->ranges[c->first + i];

        if (op.lo > 255) continue;
        op.hi = op.hi > 255 ? 255 : op.hi;
        r[count++] = op;
        r[count++] = (struct pbc_range){WHAT_IP6 + op.lo, WHAT_IP6 + op.hi};
    }
    narrow(n, p, IR_WHAT, n->known);
    narrow(n, p, IR_WHAT, listed(n, c, IR_WHAT, union_of(n, IR_WHAT, r, count)));
}

static uint32_t addrs_of_set(struct normal *n, uint32_t set)
{
    const struct pbc_set *s = &n->img->sets[set];

    if (n->set_id[set]) return n->set_id[set] - 1;
    const uint32_t id = ir_intern_addrs(n->ir, &(struct ir_addrs){.r4 = n->img->set4 + s->first4,
                                                                  .count4 = s->count4,
                                                                  .r6 = n->img->set6 + s->first6,
                                                                  .count6 = s->count6});

    ir_addrs_note_set(n->ir, id, set, IR_V4 | IR_V6);
    n->set_id[set] = id + 1;
    return id;
}

/* Lists may name large sets again and again. */
static uint32_t union_with(struct normal *n, uint32_t a, uint32_t b)
{
    const size_t slot = (a * 31 + b) % (sizeof(n->unions) / sizeof(n->unions[0]));

    if (n->unions[slot].result == 0 || n->unions[slot].a != a || n->unions[slot].b != b) {
        n->unions[slot].a = a;
        n->unions[slot].b = b;
        n->unions[slot].result = ir_addrs_or(n->ir, a, b) + 1;
    }
    return n->unions[slot].result - 1;
}

static void normal_address(struct normal *n, struct ir_product *p, const struct pbc_cond *c, enum ir_field f,
                           enum ir_field f_self, uint32_t self_bit)
{
    struct ir *ir = n->ir;
    uint32_t other = c->flags & PBC_COND_ANY ? IR_ALL : IR_EMPTY;

    for (uint32_t i = 0; i < c->count; i++) other = union_with(n, other, addrs_of_set(n, c->first + i));
    uint32_t own = c->arg & self_bit ? IR_ALL : other;

    if (c->flags & PBC_COND_NOT) {
        other = ir_addrs_not(ir, other);
        own = ir_addrs_not(ir, own);
    }
    p->field[f] = ir_addrs_and(ir, p->field[f], other);
    p->field[f_self] = ir_addrs_and(ir, p->field[f_self], own);
    narrow(n, p, IR_WHAT, n->ip);
}

static void normal_port(struct normal *n, struct ir_product *p, const struct pbc_cond *c, enum ir_field f)
{
    narrow(n, p, IR_WHAT, n->ports);
    if (c->arg) narrow(n, p, IR_WHAT, what_protocols(n, c->arg));
    narrow(n, p, IR_FRAGMENT, n->no_later);
    narrow_to_list(n, p, c, f, 65535);
}

static void normal_type(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    narrow(n, p, IR_WHAT, what_protocols(n, c->arg & (KIND_ICMP | KIND_ICMP6)));
    narrow(n, p, IR_FRAGMENT, n->no_later);
    narrow_to_list(n, p, c, IR_TYPE, 255);
}

static void normal_nd(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    narrow(n, p, IR_WHAT, n->icmp6);
    narrow(n, p, IR_FRAGMENT, n->no_later);
    narrow(n, p, IR_ND, listed(n, c, IR_ND, n->nd));
}

static void normal_code(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    narrow(n, p, IR_WHAT, n->with_header);
    narrow(n, p, IR_FRAGMENT, n->no_later);
    narrow_to_list(n, p, c, IR_CODE, 255);
}

/* `any` and `none` are values beside the numbers, so `not none, 5` is a tag other than 5. */
static void normal_vlan(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    const struct pbc_range tag = {0, VLAN_ABSENT - 1}, none = {VLAN_ABSENT, VLAN_ABSENT};
    struct pbc_range *r = arena_alloc(n->ir->arena, ((size_t)c->count + 2) * sizeof(*r));
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->count; i++) r[count++] = n->img->ranges[c->first + i];
    if (c->arg & VLAN_ANY) r[count++] = tag;
    if (c->arg & VLAN_NONE) r[count++] = none;
    if (!c->arg) narrow(n, p, IR_VLAN, n->tagged);
    narrow(n, p, IR_VLAN, listed(n, c, IR_VLAN, union_of(n, IR_VLAN, r, count)));
}

static void normal_flags(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    narrow(n, p, IR_WHAT, n->tcp);
    narrow(n, p, IR_FRAGMENT, n->no_later);
    p->field[IR_HAS] |= c->arg & 0xff;
    p->field[IR_LACKS] |= c->arg >> 8 & 0xff;
}

static uint32_t states_set(struct normal *n, unsigned mask)
{
    struct pbc_range r[STATE_IS_ABSENT + 1];
    uint32_t count = 0;

    for (uint32_t v = 0; v <= STATE_IS_ABSENT; v++)
        if (mask >> v & 1) r[count++] = (struct pbc_range){v, v};
    return union_of(n, IR_STATE, r, count);
}

static void need_state(struct normal *n, struct ir_product *p)
{
    narrow(n, p, IR_WHAT, n->ip);
    narrow(n, p, IR_FRAGMENT, n->no_later);
    narrow(n, p, IR_STATE, states_set(n, (1u << STATE_IS_ABSENT) - 1));
}

static void normal_state(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    need_state(n, p);
    narrow(n, p, IR_STATE, listed(n, c, IR_STATE, states_set(n, c->arg / MARK_NEW)));
}

static void normal_flows(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    const struct pbc_range over = {c->arg + 1, ir_fields[IR_FLOWS].most};

    need_state(n, p);
    narrow(n, p, IR_FLOWS, union_of(n, IR_FLOWS, &over, 1));
}

static void normal_fragment(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    static const uint32_t bits[] = {KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER};
    struct pbc_range r[3];
    uint32_t count = 0;

    for (uint32_t v = 0; v < 3; v++)
        if (c->arg & bits[v]) r[count++] = (struct pbc_range){v, v};
    narrow(n, p, IR_WHAT, n->ip);
    narrow(n, p, IR_FRAGMENT, listed(n, c, IR_FRAGMENT, union_of(n, IR_FRAGMENT, r, count)));
}

static void normal_options(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    const struct pbc_range r = {c->arg & 1, c->arg & 1};

    narrow(n, p, IR_WHAT, n->ip4);
    narrow(n, p, IR_OPTIONS, listed(n, c, IR_OPTIONS, union_of(n, IR_OPTIONS, &r, 1)));
}

static int by_number(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint32_t unique(uint64_t *v, uint32_t count)
{
    uint32_t n = 0;

    qsort(v, count, sizeof(*v), by_number);
    for (uint32_t i = 0; i < count; i++)
        if (n == 0 || v[i] != v[n - 1]) v[n++] = v[i];
    return n;
}

/* Doubles, so that the rooms left behind are together no larger than the last. */
static uint64_t *macs_room(struct normal *n, size_t count)
{
    if (n->macs_room < count || !n->macs) {
        n->macs_room = 2 * count + 16;
        n->macs = arena_alloc(n->ir->arena, n->macs_room * sizeof(*n->macs));
    }
    return n->macs;
}

/* MACs are matched by a predicate of their own, kept as it was said but for order and repetition. */
static void normal_mac(struct normal *n, struct ir_product *p, const struct pbc_cond *c, enum ir_field f)
{
    const struct pbc_set *sets = n->img->macsets + c->first;
    struct ir_macs m = {.kinds = c->arg & (MAC_MULTICAST | MAC_BROADCAST),
                        .negated = c->flags & PBC_COND_NOT,
                        .set = c->count == 1 ? c->first : PBC_NONE};
    size_t count = 0;

    for (uint32_t i = 0; i < c->count; i++) count += sets[i].count4;
    uint64_t *macs = macs_room(n, count);
    for (uint32_t i = 0; i < c->count; i++) {
        if (sets[i].count4) memcpy(macs + m.count, n->img->macs + sets[i].first4, sets[i].count4 * sizeof(*macs));
        m.count += sets[i].count4;
    }
    m.count = unique(macs, m.count);
    m.macs = macs;
    if (c->flags & PBC_COND_ANY) m = (struct ir_macs){.negated = !m.negated, .set = PBC_NONE};
    p->field[f] = p->field[f] == IR_EMPTY ? IR_EMPTY : ir_intern_macs(n->ir, &m);
}

/* Equal patterns of different conditions are one: the first in the image. */
static uint32_t canonical_pattern(struct normal *n, uint32_t pattern)
{
    const struct pbc_pattern *p = n->img->patterns;
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < sizeof(*p); i++) h = (h ^ ((const uint8_t *)&p[pattern])[i]) * 16777619u;
    for (h ^= h >> 15;; h++) {
        uint32_t *slot = &n->pattern_slots[h & (n->pattern_slots_size - 1)];

        if (!*slot) *slot = pattern + 1;
        if (memcmp(&p[*slot - 1], &p[pattern], sizeof(*p)) == 0) return *slot - 1;
    }
}

static int by_index(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* All byte conditions of a rule at once: there may be very many. */
static void normal_patterns(struct normal *n, struct ir_product *p, const struct pbc_cond *conds, uint32_t count)
{
    uint32_t used = 0, left = 0;

    for (uint32_t i = 0; i < count; i++) used += conds[i].kind == COND_BYTES;
    if (!used) return;
    uint32_t *all = arena_alloc(n->ir->arena, used * sizeof(*all));
    for (uint32_t i = 0, k = 0; i < count; i++)
        if (conds[i].kind == COND_BYTES) all[k++] = canonical_pattern(n, conds[i].first);
    qsort(all, used, sizeof(*all), by_index);
    for (uint32_t i = 0; i < used; i++)
        if (i == 0 || all[i] != all[left - 1]) all[left++] = all[i];
    p->field[IR_BYTES] = ir_intern_patterns(n->ir, all, left);
}

static void normal_ip_number(struct normal *n, struct ir_product *p, const struct pbc_cond *c, enum ir_field f)
{
    narrow(n, p, IR_WHAT, n->ip);
    narrow_to_list(n, p, c, f, ir_fields[f].most);
}

static void normal_during(struct ir_product *p, const struct pbc_cond *c)
{
    p->field[c->flags & PBC_COND_NOT ? IR_NOT_DURING : IR_DURING] = c->arg;
}

/* What a meter counts by must be there; its result is normal_meters'. */
static void normal_meter_key(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    if (c->arg & KIND_IP) narrow(n, p, IR_WHAT, n->ip);
}

static bool asks_meter(const struct pbc_cond *c) { return c->kind == COND_OVER || c->kind == COND_WITHIN; }

/* All meters of a rule at once, in the order in which they are asked; the second time a packet asks one is nothing new.
 */
static void normal_meters(struct normal *n, struct ir_product *p, const struct pbc_cond *conds, uint32_t count)
{
    uint32_t used = 0, left = 0;

    for (uint32_t i = 0; i < count; i++) used += asks_meter(&conds[i]);
    if (!used) return;
    uint32_t *all = arena_alloc(n->ir->arena, used * sizeof(*all));
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t asked = conds[i].first * 2 + (conds[i].kind == COND_WITHIN);

        if (!asks_meter(&conds[i]) || n->meter_asked[asked] == n->rules) continue;
        n->meter_asked[asked] = n->rules;
        all[left++] = asked;
    }
    p->field[IR_METERS] = ir_intern_patterns(n->ir, all, left);
}

static void normal_cond(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    switch ((enum cond_kind)c->kind) {
    case COND_FAMILY: normal_family(n, p, c); return;
    case COND_PROTO: normal_proto(n, p, c); return;
    case COND_ETHER: narrow_to_list(n, p, c, IR_ETHER, ETHER_ABSENT - 1); return;
    case COND_FROM: normal_address(n, p, c, IR_SRC, IR_SRC_SELF, KIND_SRC_SELF); return;
    case COND_TO: normal_address(n, p, c, IR_DST, IR_DST_SELF, KIND_DST_SELF); return;
    case COND_PORT: normal_port(n, p, c, IR_DPORT); return;
    case COND_SOURCE_PORT: normal_port(n, p, c, IR_SPORT); return;
    case COND_ICMP_TYPE: normal_type(n, p, c); return;
    case COND_ICMP_ND: normal_nd(n, p, c); return;
    case COND_ICMP_CODE: normal_code(n, p, c); return;
    case COND_ON: narrow_to_list(n, p, c, IR_IFACE, IFACE_ABSENT - 1); return;
    case COND_VLAN: normal_vlan(n, p, c); return;
    case COND_VLAN_INNER: narrow_to_list(n, p, c, IR_INNER, VLAN_ABSENT - 1); return;
    case COND_ETHER_FROM: normal_mac(n, p, c, IR_SRC_MAC); return;
    case COND_ETHER_TO: normal_mac(n, p, c, IR_DST_MAC); return;
    case COND_FLAGS: normal_flags(n, p, c); return;
    case COND_STATE: normal_state(n, p, c); return;
    case COND_FLOWS_OVER: normal_flows(n, p, c); return;
    case COND_FRAGMENT: normal_fragment(n, p, c); return;
    case COND_TTL: normal_ip_number(n, p, c, IR_TTL); return;
    case COND_LENGTH: normal_ip_number(n, p, c, IR_LENGTH); return;
    case COND_DSCP: normal_ip_number(n, p, c, IR_DSCP); return;
    case COND_OPTIONS: normal_options(n, p, c); return;
    case COND_DURING: normal_during(p, c); return;
    case COND_OVER:
    case COND_WITHIN: normal_meter_key(n, p, c); return;
    case COND_BYTES: /* normal_patterns */
    case COND_COUNT: break;
    }
}

static bool has_empty_field(const struct ir *ir, const struct ir_product *p)
{
    for (enum ir_field f = 0; f < IR_FIELDS; f++)
        if (ir_fields[f].sort != IR_SORT_MASK && ir_fields[f].sort != IR_SORT_ANY &&
            ir_fields[f].sort != IR_SORT_ADDRS && p->field[f] == IR_EMPTY)
            return true;
    if (p->field[IR_HAS] & p->field[IR_LACKS]) return true;
    const unsigned src = ir_addrs_families(ir, p->field[IR_SRC]) | ir_addrs_families(ir, p->field[IR_SRC_SELF]);
    const unsigned dst = ir_addrs_families(ir, p->field[IR_DST]) | ir_addrs_families(ir, p->field[IR_DST_SELF]);

    return (src & dst) == 0;
}

/* A field that only one family, protocol or tag has says so in IR_WHAT and IR_VLAN. */
static void settle_families(struct normal *n, struct ir_product *p)
{
    static const enum ir_field fields[] = {IR_SRC, IR_SRC_SELF, IR_DST, IR_DST_SELF};
    struct ir *ir = n->ir;
    const unsigned families = (ir_addrs_families(ir, p->field[IR_SRC]) | ir_addrs_families(ir, p->field[IR_SRC_SELF])) &
                              (ir_addrs_families(ir, p->field[IR_DST]) | ir_addrs_families(ir, p->field[IR_DST_SELF]));

    if (families == IR_V4)
        narrow(n, p, IR_WHAT, n->not_ip6);
    else if (families == IR_V6)
        narrow(n, p, IR_WHAT, n->not_ip4);
    else if (families == 0)
        narrow(n, p, IR_WHAT, n->not_ip);
    if (p->field[IR_WHAT] == IR_EMPTY) return;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        p->field[fields[i]] = ir_addrs_of_families(ir, p->field[fields[i]], ir_families(ir, p));
}

/* `icmp6 type nd` and `icmp6 type 133-136 ttl 255` are one thing. */
static void settle_nd(struct normal *n, struct ir_product *p)
{
    if (p->field[IR_ND] == n->nd) {
        narrow(n, p, IR_TYPE, n->nd_types);
        narrow(n, p, IR_TTL, n->nd_ttl);
    } else if (p->field[IR_WHAT] == n->icmp6 && p->field[IR_TTL] == n->nd_ttl && p->field[IR_TYPE] != IR_ALL &&
               ir_ranges_within(n->ir, p->field[IR_TYPE], n->nd_types)) {
        narrow(n, p, IR_ND, n->nd);
    }
}

/* The protocols that can have one of the states, and of the states those that can be. */
static void settle_state(struct normal *n, struct ir_product *p)
{
    const unsigned asked = states_asked(n->ir, p);

    if (!n->ir->keeps_flows) return;
    if (p->field[IR_STATE] != IR_ALL && !(asked & 1u << STATE_IS_ABSENT)) {
        if (!(asked & (1u << STATE_IS_NEW | 1u << STATE_IS_ESTABLISHED)))
            narrow(n, p, IR_WHAT, asked & 1u << STATE_IS_INVALID ? n->can_be_invalid : n->with_header);
    }
    narrow(n, p, IR_STATE, states_set(n, states_possible(n->ir, p)));
}

static void settle(struct normal *n, struct ir_product *p)
{
    if (!ir_ranges_have(n->ir, p->field[IR_INNER], VLAN_ABSENT)) narrow(n, p, IR_VLAN, n->tagged);
    settle_families(n, p);
    settle_nd(n, p);
    settle_state(n, p);
    if (has_empty_field(n->ir, p))
        for (enum ir_field f = 0; f < IR_FIELDS; f++) p->field[f] = IR_EMPTY;
}

void normal_settle(struct ir *ir, struct ir_product *p) { settle(ir->normal, p); }

/* ARP is judged only by rules that are marked for it. */
static void normal_rule(struct normal *n, const struct pbc_rule *rule, struct ir_rule *out)
{
    struct ir_product *p = &out->product;

    if (!(rule->flags & PBC_RULE_ARP)) narrow(n, p, IR_WHAT, n->not_arp);
    if (rule->flags & PBC_RULE_NOT_FRAMES) narrow(n, p, IR_WHAT, n->arp);
    for (uint32_t i = 0; i < rule->cond_count; i++) normal_cond(n, p, &n->img->conds[rule->conds + i]);
    normal_patterns(n, p, n->img->conds + rule->conds, rule->cond_count);
    n->rules++;
    normal_meters(n, p, n->img->conds + rule->conds, rule->cond_count);
    settle(n, p);
    out->cover = PBC_NONE;
    out->state = ir_is_empty(p) ? IR_IMPOSSIBLE : IR_LIVE;
}

void normal_when(struct compile *c, uint32_t conds, uint32_t count, struct ir_product *out)
{
    const struct pbc_rule rule = {.conds = conds, .cond_count = count};
    struct ir_rule as_rule = {0};

    normal_rule(c->ir->normal, &rule, &as_rule);
    *out = as_rule.product;
}

void normal_beside(struct compile *c, const struct image *img, uint32_t conds, uint32_t count, struct ir_product *out)
{
    struct normal *n = c->ir->normal;
    const struct image *own = n->img;

    n->img = img;
    normal_when(c, conds, count, out);
    n->img = own;
}

bool normal_established(struct compile *c, const struct ir_product *p, struct ir_product *out)
{
    struct normal *n = c->ir->normal;

    *out = *p;
    if (ir_is_empty(p)) return false;
    narrow(n, out, IR_WHAT, n->ip);
    narrow(n, out, IR_FRAGMENT, n->whole);
    narrow(n, out, IR_STATE, states_set(n, 1u << STATE_IS_ESTABLISHED));
    settle(n, out);
    return !ir_is_empty(out);
}

static uint32_t one_range(struct normal *n, enum ir_field f, uint32_t lo, uint32_t hi)
{
    const struct pbc_range r = {lo, hi};

    return union_of(n, f, &r, 1);
}

static void intern_common(struct normal *n)
{
    n->ip = one_range(n, IR_WHAT, 0, WHAT_IP6_UNKNOWN);
    n->ip4 = one_range(n, IR_WHAT, WHAT_IP4, WHAT_IP6 - 1);
    n->ip6 = one_range(n, IR_WHAT, WHAT_IP6, WHAT_IP6_UNKNOWN);
    n->not_ip = ir_ranges_not(n->ir, n->ip, WHAT_MOST);
    n->not_ip4 = ir_ranges_not(n->ir, n->ip4, WHAT_MOST);
    n->not_ip6 = ir_ranges_not(n->ir, n->ip6, WHAT_MOST);
    n->known = one_range(n, IR_WHAT, 0, WHAT_IP6_UNKNOWN - 1);
    n->arp = one_range(n, IR_WHAT, WHAT_ARP, WHAT_ARP);
    n->not_arp = ir_ranges_not(n->ir, n->arp, WHAT_MOST);
    n->ports = what_protocols(n, KIND_WITH_PORTS);
    n->tcp = what_protocols(n, KIND_TCP);
    n->icmp6 = what_protocols(n, KIND_ICMP6);
    n->with_header = what_protocols(n, KIND_ICMP | KIND_ICMP6);
    n->can_be_invalid = what_protocols(n, KIND_TCP | KIND_ICMP | KIND_ICMP6);
    n->no_later = one_range(n, IR_FRAGMENT, FRAGMENT_NO, FRAGMENT_FIRST);
    n->whole = one_range(n, IR_FRAGMENT, FRAGMENT_NO, FRAGMENT_NO);
    n->tagged = one_range(n, IR_VLAN, 0, VLAN_ABSENT - 1);
    n->nd = one_range(n, IR_ND, 1, 1);
    n->nd_types = one_range(n, IR_TYPE, 133, 136);
    n->nd_ttl = one_range(n, IR_TTL, 255, 255);
}

/* Each way of combining a large set with something else is a set of its own. */
static void report_too_large(struct compile *c, struct span rule)
{
    diag(c->diags, E_EXPANSION, rule,
         "the address lists of the rules up to here, worked out, hold more than %u MiB of ranges", IR_BYTES_MAX >> 20);
    diag_fix(c->diags, "a large set costs nothing where it stands alone in its list: write a rule of its own for it");
}

void make_normal(struct compile *c)
{
    const struct image *img = c->image;
    struct ir *ir = ir_new(c->arena, img->rules_count);
    struct normal *n = arena_alloc(c->arena, sizeof(*n));

    *n = (struct normal){.img = img, .ir = ir};
    n->set_id = arena_alloc(c->arena, ((size_t)img->sets_count + 1) * sizeof(*n->set_id));
    for (n->pattern_slots_size = 2; n->pattern_slots_size <= img->patterns_count; n->pattern_slots_size *= 2)
        ;
    n->pattern_slots_size *= 2;
    n->pattern_slots = arena_alloc(c->arena, n->pattern_slots_size * sizeof(*n->pattern_slots));
    n->meter_asked = arena_alloc(c->arena, ((size_t)img->meters_count + 1) * 2 * sizeof(*n->meter_asked));
    intern_common(n);
    for (uint32_t i = 0; i < img->conds_count; i++)
        ir->keeps_flows |= img->conds[i].kind == COND_STATE || img->conds[i].kind == COND_FLOWS_OVER;
    ir->picks_up =
        !img->settings_count || img->settings->pickup_ns || !(img->settings->written >> PBC_SETTING_pickup_ns & 1);
    for (uint32_t i = 0; i < img->rules_count && !ir->too_large; i++) {
        normal_rule(n, &img->rules[i], &ir->rules[i]);
        if (ir->too_large) report_too_large(c, img->rule_span[i]);
    }
    ir->normal = n;
    ir->ifaces = img->ifaces_count;
    c->ir = ir;
}

/* The front end warns of a condition that is empty by itself and of protocols and families that exclude each other. */
bool normal_contradicts(struct compile *c, uint32_t rule)
{
    const struct pbc_rule *r = &c->image->rules[rule];
    struct normal *n = c->ir->normal;
    struct ir_product coarse = {{0}};

    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++) {
        const struct pbc_cond *cond = &c->image->conds[i];
        struct ir_product alone = {{0}};

        normal_cond(n, &alone, cond);
        settle(n, &alone);
        if (ir_is_empty(&alone)) return false;
        if (cond->kind != COND_FROM && cond->kind != COND_TO) normal_cond(n, &coarse, cond);
    }
    return coarse.field[IR_WHAT] != IR_EMPTY;
}
