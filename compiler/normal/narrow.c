/* The effect of each condition on its rule's product. A condition demands first that its field be there: "a
 * condition on a field that a packet does not have is false, and so is its not". Then it demands that the field's
 * value be in the list or, after `not`, outside it. */
#include "compiler/normal/narrow.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/normal/flows_over.h"
#include "compiler/normal/normal.h"
#include "compiler/normal/what.h"
#include "lang/hash.h"
#include "lang/order.h"
#include "vm/packet/key.h"

static const uint8_t number_fields[COND_COUNT] = {
#define NUMBERS_ALONE
#define NUMBER(ident, name, at, most, field, has, args, traits, lacks, word, doc) [COND_##ident] = IR_##field,
#include "vm/cond.def"
};

void narrow(struct normal *n, struct ir_product *p, enum ir_field f, uint32_t set)
{
    p->field[f] = ir_ranges_and(n->ir, p->field[f], set, ir_fields[f].most);
}

/* Return the values that the list allows: `any` is everything, `not` the complement. */
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

/* Sort and merge in place; return the number left. */
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

uint32_t union_of(struct normal *n, enum ir_field f, const struct pbc_range *r, uint32_t count)
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

static void family_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    struct pbc_range r[3];
    uint32_t count = 0;
    if (c->arg & KIND_IP4) r[count++] = (struct pbc_range){WHAT_IP4, WHAT_IP6 - 1};
    if (c->arg & KIND_IP6) r[count++] = (struct pbc_range){WHAT_IP6, WHAT_AH6_UNKNOWN};
    if (c->arg & KIND_ARP) r[count++] = (struct pbc_range){WHAT_ARP, WHAT_ARP};
    narrow(n, p, IR_WHAT, listed(n, c, IR_WHAT, union_of(n, IR_WHAT, r, count)));
}

/* Number of ranges for the named protocols of a mask, as values of IR_WHAT. */
enum { NAMED_RANGES = 16 };
static uint32_t named_protocols(uint32_t mask, struct pbc_range r[NAMED_RANGES])
{
    uint32_t count = 0;
    if (mask & KIND_AH) {
        r[count++] = (struct pbc_range){WHAT_IP4 + WHAT_AH_NUMBER, WHAT_IP4 + WHAT_AH_NUMBER};
        r[count++] = (struct pbc_range){WHAT_AH6, WHAT_AH6 + 255};
        r[count++] = (struct pbc_range){WHAT_AH6_UNKNOWN, WHAT_AH6_UNKNOWN};
    }
    for (unsigned i = 0; i < UPPERS; i++) {
        const struct upper *u = &uppers[i];
        if (!(mask & u->kind)) continue;
        for (unsigned b = 0; b < WHAT_BASES; b++)
            if (u->families & (what_bases[b] == WHAT_IP4 ? KIND_IP4 : KIND_IP6))
                r[count++] = (struct pbc_range){what_bases[b] + u->number, what_bases[b] + u->number};
    }
    return count;
}

uint32_t what_protocols(struct normal *n, uint32_t mask)
{
    struct pbc_range r[NAMED_RANGES];
    return union_of(n, IR_WHAT, r, named_protocols(mask, r));
}

static void proto_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    enum { FEW = 8 };
    struct pbc_range shorts[WHAT_BASES * FEW + NAMED_RANGES], *r = shorts;
    if (c->count > FEW) r = arena_alloc(n->ir->arena, (WHAT_BASES * (size_t)c->count + NAMED_RANGES) * sizeof(*r));
    uint32_t count = named_protocols(c->arg, r);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct pbc_range op = n->img->ranges[c->first + i];
        if (op.lo >= PBC_PROTO_IP4) { /* IPv4 only */
            r[count++] = (struct pbc_range){WHAT_IP4 + op.lo % PBC_PROTO_IP4, WHAT_IP4 + op.hi % PBC_PROTO_IP4};
            continue;
        }
        for (unsigned b = 0; b < WHAT_BASES; b++)
            r[count++] = (struct pbc_range){what_bases[b] + op.lo, what_bases[b] + op.hi};
    }
    narrow(n, p, IR_WHAT, c->arg & KIND_AH && !(c->flags & PBC_COND_NOT) ? n->known_or_ah : n->known);
    narrow(n, p, IR_WHAT, listed(n, c, IR_WHAT, union_of(n, IR_WHAT, r, count)));
}

/* Return a split set. If an address can't be in the live set, it isn't, whatever another set of that name has. */
static uint32_t addrs_split(struct normal *n, const struct pbc_live_node *node)
{
    struct ir *ir = n->ir;
    const uint32_t in = addrs_of_set(n, node->in), out = addrs_of_set(n, node->out), may = n->live_may[node->live];
    const uint32_t elsewhere = ir_addrs_and(ir, out, ir_addrs_not(ir, may));
    return ir_addrs_split(ir, n->live_first[node->live], ir_addrs_or(ir, ir_addrs_and(ir, in, may), elsewhere), out);
}

uint32_t addrs_of_set(struct normal *n, uint32_t set)
{
    const struct pbc_set *s = &n->img->sets[set];
    if (n->set_id[set]) return n->set_id[set] - 1;
    const uint32_t id =
        s->live ? addrs_split(n, &n->img->live_nodes[s->live - 1])
                : ir_intern_addrs(n->ir, &(struct ir_addrs){.r4 = s->count4 ? n->img->set4 + s->first4 : NULL,
                                                            .count4 = s->count4,
                                                            .r6 = s->count6 ? n->img->set6 + s->first6 : NULL,
                                                            .count6 = s->count6});
    ir_addrs_note_set(n->ir, id, set, IR_V4 | IR_V6);
    n->set_id[set] = id + 1;
    return id;
}

/* Return the union, from a cache: lists may name large sets again and again. */
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

static void address_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    const enum ir_field f = c->kind == COND_TO ? IR_DST : IR_SRC, f_self = f + 1;
    struct ir *ir = n->ir;
    uint32_t other = c->flags & PBC_COND_ANY ? IR_ALL : IR_EMPTY;
    for (uint32_t i = 0; i < c->count; i++) other = union_with(n, other, addrs_of_set(n, c->first + i));
    uint32_t own = c->arg ? IR_ALL : other;
    if (c->flags & PBC_COND_NOT) {
        other = ir_addrs_not(ir, other);
        own = ir_addrs_not(ir, own);
    }
    p->field[f] = ir_addrs_and(ir, p->field[f], other);
    p->field[f_self] = ir_addrs_and(ir, p->field[f_self], own);
    narrow(n, p, IR_WHAT, n->ip);
}

/* Apply a condition on one number, whose row gives its requirements. */
static void number_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    const struct cond_info *k = &cond_info[c->kind];
    const enum ir_field f = number_fields[c->kind];
    if (k->has == KIND_IP) narrow(n, p, IR_WHAT, n->ip);
    if (k->has == KIND_IP4) narrow(n, p, IR_WHAT, n->ip4);
    if (k->has == KIND_IP6) narrow(n, p, IR_WHAT, n->ip6);
    if (k->has == KIND_PORTS) narrow(n, p, IR_WHAT, n->ports);
    if (k->has == KIND_ICMP_HEADER) narrow(n, p, IR_WHAT, n->with_header);
    if (k->traits & COND_ARG_KINDS && c->arg) narrow(n, p, IR_WHAT, what_protocols(n, c->arg));
    if (k->traits & COND_BEYOND) narrow(n, p, IR_FRAGMENT, n->no_later);
    /* Values of a field that is there are 0..`most`. */
    const struct pbc_range there = {0, k->most};
    narrow(n, p, f, union_of(n, f, &there, 1));
    narrow(n, p, f, listed(n, c, f, operands(n, c, f)));
}

static void nd_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    narrow(n, p, IR_WHAT, n->icmp6);
    narrow(n, p, IR_FRAGMENT, n->no_later);
    narrow(n, p, IR_ND, listed(n, c, IR_ND, n->nd));
}

/* Apply a VLAN condition. `any` and `none` are values beside the numbers, so `not none, 5` is a tag other than 5. */
static void vlan_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
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

static void flags_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    narrow(n, p, IR_WHAT, n->tcp);
    narrow(n, p, IR_FRAGMENT, n->no_later);
    p->field[IR_HAS] |= c->arg & 0xff;
    p->field[IR_LACKS] |= c->arg >> 8 & 0xff;
}

uint32_t states_set(struct normal *n, unsigned mask)
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

static void state_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    need_state(n, p);
    narrow(n, p, IR_STATE, listed(n, c, IR_STATE, states_set(n, c->arg / MARK_NEW)));
}

static void flows_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    need_state(n, p);
    p->field[IR_FLOWS] = flows_and(n->ir, p->field[IR_FLOWS],
                                   flows_intern(n->ir, (struct flows_demand){.grain = c->first, .over = c->arg}));
}

static void fragment_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    static const uint32_t bits[] = {KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER};
    struct pbc_range r[3];
    uint32_t count = 0;
    for (uint32_t v = 0; v < 3; v++)
        if (c->arg & bits[v]) r[count++] = (struct pbc_range){v, v};
    narrow(n, p, IR_WHAT, n->ip);
    narrow(n, p, IR_FRAGMENT, listed(n, c, IR_FRAGMENT, union_of(n, IR_FRAGMENT, r, count)));
}

static void options_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    const struct pbc_range r = {c->arg & 1, c->arg & 1};
    narrow(n, p, IR_WHAT, n->ip4);
    narrow(n, p, IR_OPTIONS, listed(n, c, IR_OPTIONS, union_of(n, IR_OPTIONS, &r, 1)));
}

static uint32_t unique(uint64_t *v, uint32_t count)
{
    uint32_t n = 0;
    qsort(v, count, sizeof(*v), order_u64);
    for (uint32_t i = 0; i < count; i++)
        if (n == 0 || v[i] != v[n - 1]) v[n++] = v[i];
    return n;
}

/* Return room for MACs. It doubles, so that all abandoned rooms are together no larger than the last. */
static uint64_t *macs_room(struct normal *n, size_t count)
{
    if (n->macs_room < count || !n->macs) {
        n->macs_room = 2 * count + 16;
        n->macs = arena_alloc(n->ir->arena, n->macs_room * sizeof(*n->macs));
    }
    return n->macs;
}

/* Apply a MAC condition, a predicate that is kept as written except for order and repetition. */
static void mac_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    const enum ir_field f = c->kind == COND_ETHER_TO ? IR_DST_MAC : IR_SRC_MAC;
    const struct pbc_set *sets = c->count ? n->img->macsets + c->first : NULL;
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

/* Return the first pattern of the image that equals this one. */
static uint32_t canonical_pattern(struct normal *n, uint32_t pattern)
{
    const struct pbc_pattern *p = n->img->patterns;
    for (uint32_t h = (uint32_t)hash_bytes(0, &p[pattern], sizeof(*p));; h++) {
        uint32_t *slot = &n->pattern_slots[h & (n->pattern_slots_size - 1)];
        if (!*slot) *slot = pattern + 1;
        if (memcmp(&p[*slot - 1], &p[pattern], sizeof(*p)) == 0) return *slot - 1;
    }
}

void normal_patterns(struct normal *n, struct ir_product *p, const struct pbc_cond *conds, uint32_t count)
{
    uint32_t used = 0, left = 0;
    for (uint32_t i = 0; i < count; i++) used += conds[i].kind == COND_BYTES;
    if (!used) return;
    uint32_t *all = arena_alloc(n->ir->arena, used * sizeof(*all));
    for (uint32_t i = 0, k = 0; i < count; i++)
        if (conds[i].kind == COND_BYTES) all[k++] = canonical_pattern(n, conds[i].first);
    qsort(all, used, sizeof(*all), order_u32);
    for (uint32_t i = 0; i < used; i++)
        if (i == 0 || all[i] != all[left - 1]) all[left++] = all[i];
    p->field[IR_BYTES] = ir_intern_patterns(n->ir, all, left);
}

static void during_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    p->field[c->flags & PBC_COND_NOT ? IR_NOT_DURING : IR_DURING] = c->arg;
}

/* Apply a meter condition: packets must have the parts by which the meter counts. normal_meters adds its result. */
static void meter_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c)
{
    if (c->arg & KIND_IP) narrow(n, p, IR_WHAT, n->ip);
}

static bool asks_meter(const struct pbc_cond *c) { return c->kind == COND_OVER || c->kind == COND_WITHIN; }

void normal_meters(struct normal *n, struct ir_product *p, const struct pbc_cond *conds, uint32_t count)
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

/* Do nothing: normal_patterns makes one field of all patterns. */
static void bytes_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c) {}

/* Do nothing: these conditions are not about packets, and code asks them last (code_services.c). */
static void stream_normal(struct normal *n, struct ir_product *p, const struct pbc_cond *c) {}

static void (*const normal[COND_COUNT])(struct normal *n, struct ir_product *p, const struct pbc_cond *c) = {
#define COND(ident, name, code, operands, has, args, words, traits, lacks, doc) [COND_##ident] = code##_normal,
#include "vm/cond.def"
};

void normal_cond(struct normal *n, struct ir_product *p, const struct pbc_cond *c) { normal[c->kind](n, p, c); }
