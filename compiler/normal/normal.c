/* The rule list in normal form (ir.h): the conditions of a rule narrow its product (narrow.c), and implications between
 * its fields are written into them. */
#include "compiler/normal/normal.h"

#include "compiler/normal/narrow.h"
#include "compiler/normal/region.h"
#include "vm/flow/flow.h"
#include "vm/packet/key.h"

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

/* Narrow IR_WHAT and IR_VLAN to frames that can have the fields asked for. */
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

/* Narrow the protocols to those that can have one of the states, and the states to those possible. */
static void settle_state(struct normal *n, struct ir_product *p)
{
    enum { RELATED = 1 << STATE_IS_RELATED, INVALID = 1 << STATE_IS_INVALID };
    const unsigned asked = states_asked(n->ir, p);
    if (!n->ir->keeps_flows) return;
    if (p->field[IR_STATE] != IR_ALL && !(asked & ~(unsigned)(RELATED | INVALID)))
        narrow(n, p, IR_WHAT,
               asked == RELATED   ? n->can_be_related
               : asked == INVALID ? n->can_be_invalid
                                  : n->can_be_either);
    narrow(n, p, IR_STATE, states_set(n, states_possible(n->ir, p)));
}

static void product_finish(struct normal *n, struct ir_product *p)
{
    if (!ir_ranges_have(n->ir, p->field[IR_INNER], VLAN_ABSENT)) narrow(n, p, IR_VLAN, n->tagged);
    settle_families(n, p);
    /* Make `icmp6 type nd` and `icmp6 type 133-136 ttl 255` equal. */
    if (p->field[IR_ND] == n->nd) {
        narrow(n, p, IR_TYPE, n->nd_types);
        narrow(n, p, IR_TTL, n->nd_ttl);
    } else if (p->field[IR_WHAT] == n->icmp6 && p->field[IR_TTL] == n->nd_ttl && p->field[IR_TYPE] != IR_ALL &&
               ir_ranges_within(n->ir, p->field[IR_TYPE], n->nd_types)) {
        narrow(n, p, IR_ND, n->nd);
    }
    settle_state(n, p);
    if (has_empty_field(n->ir, p))
        for (enum ir_field f = 0; f < IR_FIELDS; f++) p->field[f] = IR_EMPTY;
}

void normal_settle(struct ir *ir, struct ir_product *p) { product_finish(ir->normal, p); }

/* Return, for each list, firewalls first, the directions of its packets. Nesting of chains bounds the rounds. */
static uint8_t *directions_of(struct arena *arena, const struct image *img)
{
    uint8_t *of = arena_alloc(arena, (size_t)img->firewalls_count + img->chains_count + 1),
            *chain = of + img->firewalls_count;
    bool more = true;
    for (uint32_t i = 0; i < img->firewalls_count; i++) of[i] = (uint8_t)(1u << img->firewalls[i].direction);
    while (more) {
        more = false;
        for (uint32_t i = 0; i < img->rules_count; i++) {
            const struct pbc_rule *r = &img->rules[i];
            if (r->chain == PBC_NONE) continue;
            const uint8_t here = r->list & PBC_LIST_CHAIN ? chain[r->list & ~PBC_LIST_CHAIN] : of[r->list];
            more |= here & ~chain[r->chain];
            chain[r->chain] |= here;
        }
    }
    return of;
}

/* Make a rule's product. Only rules marked for ARP judge it. sent: only packets that this machine sends meet the
 * rule. */
static void normal_rule(struct normal *n, const struct pbc_rule *rule, bool sent, struct ir_rule *out)
{
    struct ir_product *p = &out->product;
    if (!(rule->flags & PBC_RULE_ARP)) narrow(n, p, IR_WHAT, n->not_arp);
    if (rule->flags & PBC_RULE_NOT_FRAMES) narrow(n, p, IR_WHAT, n->arp);
    const struct pbc_cond *conds = rule->cond_count ? n->img->conds + rule->conds : NULL;
    for (uint32_t i = 0; i < rule->cond_count; i++) normal_cond(n, p, &conds[i]);
    if (sent) product_in_direction(n->ir, p, PBC_DIR_OUT);
    normal_patterns(n, p, conds, rule->cond_count);
    n->rules++;
    normal_meters(n, p, conds, rule->cond_count);
    product_finish(n, p);
    out->cover = PBC_NONE;
    out->state = ir_is_empty(p) ? IR_IMPOSSIBLE : IR_LIVE;
}

void normal_when(struct compile *c, uint32_t conds, uint32_t count, struct ir_product *out)
{
    const struct pbc_rule rule = {.conds = conds, .cond_count = count};
    struct ir_rule as_rule = {0};
    normal_rule(c->ir->normal, &rule, false, &as_rule);
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
    if (ir_is_empty(p) || (p->field[IR_HAS] & TCP_SYN && p->field[IR_LACKS] & TCP_ACK)) return false;
    narrow(n, out, IR_WHAT, n->ip);
    narrow(n, out, IR_FRAGMENT, n->whole);
    narrow(n, out, IR_STATE, states_set(n, 1u << STATE_IS_ESTABLISHED));
    product_finish(n, out);
    return !ir_is_empty(out);
}

static void intern_common(struct normal *n)
{
    n->ip = ir_field_range(n->ir, IR_WHAT, 0, WHAT_AH6_UNKNOWN);
    n->ip4 = ir_field_range(n->ir, IR_WHAT, WHAT_IP4, WHAT_IP6 - 1);
    n->ip6 = ir_field_range(n->ir, IR_WHAT, WHAT_IP6, WHAT_AH6_UNKNOWN);
    n->not_ip = ir_ranges_not(n->ir, n->ip, WHAT_MOST);
    n->not_ip4 = ir_ranges_not(n->ir, n->ip4, WHAT_MOST);
    n->not_ip6 = ir_ranges_not(n->ir, n->ip6, WHAT_MOST);
    n->known = ir_field_range(n->ir, IR_WHAT, 0, WHAT_IP6_UNKNOWN - 1);
    n->known_or_ah = union_of(
        n, IR_WHAT, (const struct pbc_range[]){{0, WHAT_IP6_UNKNOWN - 1}, {WHAT_AH6_UNKNOWN, WHAT_AH6_UNKNOWN}}, 2);
    n->arp = ir_field_range(n->ir, IR_WHAT, WHAT_ARP, WHAT_ARP);
    n->not_arp = ir_ranges_not(n->ir, n->arp, WHAT_MOST);
    n->ports = what_protocols(n, KIND_WITH_PORTS);
    n->tcp = what_protocols(n, KIND_TCP);
    n->icmp6 = what_protocols(n, KIND_ICMP6);
    n->with_header = what_protocols(n, KIND_ICMP | KIND_ICMP6);
    n->can_be_invalid = what_protocols(n, KIND_TCP | KIND_SCTP | KIND_ICMP | KIND_ICMP6);
    n->can_be_related = what_protocols(n, KIND_UDP | KIND_ICMP | KIND_ICMP6);
    n->can_be_either = what_protocols(n, KIND_TCP | KIND_SCTP | KIND_UDP | KIND_ICMP | KIND_ICMP6);
    n->no_later = ir_field_range(n->ir, IR_FRAGMENT, FRAGMENT_NO, FRAGMENT_FIRST);
    n->whole = ir_field_range(n->ir, IR_FRAGMENT, FRAGMENT_NO, FRAGMENT_NO);
    n->tagged = ir_field_range(n->ir, IR_VLAN, 0, VLAN_ABSENT - 1);
    n->nd = ir_field_range(n->ir, IR_ND, 1, 1);
    n->nd_types = ir_field_range(n->ir, IR_TYPE, 133, 136);
    n->nd_ttl = ir_field_range(n->ir, IR_TTL, 255, 255);
}

/* Note the possible members of each live set. Two compared programs may have sets of one name: one represents both. */
static void intern_lives(struct normal *n)
{
    const struct image *img = n->img;
    struct ir *ir = n->ir;
    ir->live_within = arena_alloc(ir->arena, ((size_t)img->lives_count + 1) * sizeof(*ir->live_within));
    n->live_first = arena_alloc(ir->arena, ((size_t)img->lives_count + 1) * sizeof(*n->live_first));
    n->live_may = arena_alloc(ir->arena, ((size_t)img->lives_count + 1) * sizeof(*n->live_may));
    for (uint32_t i = 0; i < img->lives_count; i++) {
        const struct pbc_live *l = &img->lives[i];
        const uint32_t in = l->in == PBC_NONE ? IR_ALL : addrs_of_set(n, l->in);
        const uint32_t never = l->never == PBC_NONE ? IR_EMPTY : addrs_of_set(n, l->never);
        uint32_t first = 0;
        while (img->lives[first].name != l->name) first++;
        n->live_first[i] = first;
        n->live_may[i] = ir_addrs_and(ir, in, ir_addrs_not(ir, never));
        ir->live_within[i] = IR_EMPTY;
        ir->live_within[first] = ir_addrs_or(ir, ir->live_within[first], n->live_may[i]);
    }
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
    intern_lives(n);
    for (uint32_t i = 0; i < img->grains_count; i++) ir->grains[i] = img->grains[i];
    for (uint32_t i = 0; i < img->conds_count; i++)
        ir->keeps_flows |= img->conds[i].kind == COND_STATE || img->conds[i].kind == COND_FLOWS_OVER;
    ir->picks_up = flow_picks_up(img->settings_count ? img->settings : NULL);
    const uint8_t *directions = directions_of(c->arena, img);
    for (uint32_t i = 0; i < img->rules_count && !ir->too_large; i++) {
        const struct pbc_rule *r = &img->rules[i];
        const uint32_t list = r->list & PBC_LIST_CHAIN ? img->firewalls_count + (r->list & ~PBC_LIST_CHAIN) : r->list;
        normal_rule(n, r, directions[list] == 1u << PBC_DIR_OUT, &ir->rules[i]);
        if (ir->too_large) {
            /* Each combination of a large set with another is a further set. */
            diag(c->diags, E_EXPANSION, img->rule_span[i],
                 "the address ranges of the rules up to this one need more than %u MiB", IR_BYTES_MAX >> 20);
            diag_advise(
                c->diags,
                "write a rule of its own for each large set: a set that is the only member of its list costs little");
        }
    }
    ir->normal = n;
    c->ir = ir;
}

/* True if the rule's conditions exclude each other in a way that the front end has not reported: it warns of
 * conditions empty by themselves, and of protocols and families that exclude each other. */
bool normal_contradicts(struct compile *c, uint32_t rule)
{
    const struct pbc_rule *r = &c->image->rules[rule];
    struct normal *n = c->ir->normal;
    struct ir_product coarse = {{0}};
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++) {
        const struct pbc_cond *cond = &c->image->conds[i];
        struct ir_product alone = {{0}};
        normal_cond(n, &alone, cond);
        product_finish(n, &alone);
        if (ir_is_empty(&alone)) return false;
        if (cond->kind != COND_FROM && cond->kind != COND_TO) normal_cond(n, &coarse, cond);
    }
    return coarse.field[IR_WHAT] != IR_EMPTY;
}

static bool all_but_arp(const struct ir *ir, uint32_t what)
{
    return what == IR_ALL || (ir_ranges_have(ir, what, 0) && ir_ranges(ir, what).r[0].hi >= WHAT_ARP - 1 &&
                              ir_ranges_have(ir, what, WHAT_OTHER));
}

bool product_judges(const struct ir *ir, const struct ir_product *p, enum variant v)
{
    const uint32_t what = p->field[IR_WHAT];
    if (what == IR_ALL || what == IR_EMPTY) return what == IR_ALL;
    if (v == ARP) return ir_ranges_have(ir, what, WHAT_ARP);
    const struct ir_ranges r = ir_ranges(ir, what);
    return r.count > 1 || r.r[0].lo != WHAT_ARP || r.r[0].hi != WHAT_ARP;
}

bool product_is_everything(const struct ir *ir, const struct ir_product *p, enum variant v)
{
    for (enum ir_field f = 0; f < IR_FIELDS; f++)
        if (f != IR_WHAT && p->field[f] != IR_ALL) return false;
    return v == ARP ? product_judges(ir, p, ARP) : all_but_arp(ir, p->field[IR_WHAT]);
}
