/* The packets of a claim, as products: its protocols, addresses and ports; this machine's addresses; and the states
 * of packets, even if the program does not ask for `state`. For TCP, `new` is a SYN without ACK; so a claim that
 * names no states is about packets that open connections, even in a program that follows no connections. */
#include "compiler/analysis/claim/claim.h"
#include "compiler/normal/normal.h"
#include "compiler/normal/what.h"
#include "compiler/resolve/sets/sets.h"
#include "vm/packet/key.h"

/* A set that claims name, and its id in the normal form */
struct claim_set {
    struct claim_set *next;
    const struct addr_set *set;
    uint32_t id;
};

struct work {
    struct claims *all;
    struct compile *c;
    struct ir *ir;
    const struct claim *claim;
    struct ir_product said; /* conditions of the claim itself */
    uint32_t leaves;        /* IR_OUT of crossing packets, IR_IFACE of packets that this machine sends */
    struct region *out;
};

struct ir_addrs claim_ranges(struct compile *c, const struct addr_set *s)
{
    struct pbc_range *r4 = arena_alloc(c->arena, (s->v4.n + 1) * sizeof(*r4));
    struct pbc_range6 *r6 = arena_alloc(c->arena, (s->v6.n + 1) * sizeof(*r6));
    for (size_t i = 0; i < s->v4.n; i++) r4[i] = (struct pbc_range){s->v4.r[i].lo, s->v4.r[i].hi};
    for (size_t i = 0; i < s->v6.n; i++) r6[i] = range6(s->v6.r[i].lo, s->v6.r[i].hi);
    return (struct ir_addrs){.r4 = r4,
                             .r6 = r6,
                             .count4 = (uint32_t)s->v4.n,
                             .count6 = (uint32_t)s->v6.n,
                             .complement = PBC_NONE,
                             .set = PBC_NONE,
                             .mirror = PBC_NONE};
}

static uint32_t ranges_id(struct claims *all, const struct addr_set *s)
{
    struct ir *ir = all->c->ir;
    if (s->split) {
        const uint32_t in = ranges_id(all, &s->split->in);
        return ir_addrs_split(ir, s->split->live, in, ranges_id(all, &s->split->out));
    }
    const struct ir_addrs ranges = claim_ranges(all->c, s);
    return ir_intern_addrs(ir, &ranges);
}

/* Return the set's id, computed once: sets are large, and many claims name the same one. */
static uint32_t set_id(struct claims *all, const struct addr_set *s)
{
    for (struct claim_set *known = all->sets; known; known = known->next)
        if (known->set == s) return known->id;
    struct claim_set *new = arena_alloc(all->c->arena, sizeof(*new));
    *new = (struct claim_set){all->sets, s, ranges_id(all, s)};
    all->sets = new;
    return new->id;
}

static uint32_t own_id(struct ir *ir, const struct facts *own)
{
    uint32_t id = IR_EMPTY;
    for (unsigned i = 0; i < own->self4_count; i++)
        id = ir_addrs_or(ir, id, ir_addrs_one(ir, 4, (uint32_t[4]){own->self4[i]}));
    for (unsigned i = 0; i < own->self6_count; i++) {
        uint32_t address[4], last[4];
        range6_words(&own->self6[i], address, last);
        id = ir_addrs_or(ir, id, ir_addrs_one(ir, 6, address));
    }
    return id;
}

/* Return the addresses that this machine can have: no groups, and no unspecified or broadcast address. */
static uint32_t could_be_ours(struct ir *ir)
{
    static const struct pbc_range r4[] = {{1, 0xdfffffff}, {0xf0000000, 0xfffffffe}};
    static const struct pbc_range6 r6[] = {{0, 1, (UINT64_C(0xff) << 56) - 1, UINT64_MAX}};
    return ir_addrs_ranges(ir, r4, 2, r6, 1);
}

/* Return the addresses that the side lists, without its `self` and `not`. */
static uint32_t listed_id(struct claims *all, const struct claim_side *side)
{
    uint32_t id = side->any ? IR_ALL : ir_intern_addrs(all->c->ir, &side->own);
    for (uint32_t i = 0; i < side->set_count; i++) id = ir_addrs_or(all->c->ir, id, set_id(all, side->sets[i]));
    return id;
}

struct claim_target claim_target(struct claims *all, const struct claim *claim)
{
    struct claim_target t = {.addrs = listed_id(all, &claim->target), .ports = IR_ALL};
    struct ir_product ports;
    if (claim->target.negated) t.addrs = ir_addrs_not(all->c->ir, t.addrs);
    if (!claim->target_cond_count) return t;
    normal_beside(all->c, all->c->claims, claim->target_conds, claim->target_cond_count, &ports);
    t.ports = ports.field[IR_DPORT];
    return t;
}

static void narrow_side(struct work *w, const struct claim_side *side, enum ir_field f)
{
    struct ir *ir = w->ir;
    struct ir_product *p = &w->said;
    uint32_t other = listed_id(w->all, side), own = side->self ? IR_ALL : other;
    if (side->negated) {
        other = ir_addrs_not(ir, other);
        own = ir_addrs_not(ir, own);
    }
    if (w->claim->own) {
        const uint32_t ours = own_id(ir, w->claim->own);
        other = ir_addrs_and(ir, other, ir_addrs_not(ir, ours));
        own = ir_addrs_and(ir, own, ours);
    }
    p->field[f] = ir_addrs_and(ir, p->field[f], other);
    p->field[f + 1] = ir_addrs_and(ir, ir_addrs_and(ir, p->field[f + 1], own), could_be_ours(ir));
}

/* True if a claim whose source is not `self` also means packets that this machine sends. It does if a firewall judges
 * these, the claim has no `on`, and either its source is any or negated, or the test names this machine's addresses. */
static bool speaks_of_sent(const struct work *w)
{
    const struct image *img = w->c->image;
    const struct claim_side *from = &w->claim->from;
    bool judged = false;
    for (uint32_t i = 0; i < img->firewalls_count; i++) judged |= img->firewalls[i].direction == PBC_DIR_OUT;
    return judged && !w->claim->arrives && (from->any || from->negated || w->claim->own);
}

static void kind_add(struct work *w, const struct ir_product *kind)
{
    struct ir_product arriving = w->said, sent = w->said;
    sent.field[IR_IFACE] = ir_ranges_and(w->ir, sent.field[IR_IFACE], w->leaves, IFACE_ABSENT);
    if (w->claim->from.self && !w->claim->from.negated) {
        if (sent.field[IR_IFACE] != IR_EMPTY) region_add_both(w->ir, &sent, kind, w->out);
        return;
    }
    arriving.field[IR_SRC_SELF] = IR_EMPTY;
    arriving.field[IR_OUT] = w->leaves;
    region_add_both(w->ir, &arriving, kind, w->out);
    sent.field[IR_SRC] = sent.field[IR_DST_SELF] = IR_EMPTY;
    if (speaks_of_sent(w) && sent.field[IR_IFACE] != IR_EMPTY) region_add_both(w->ir, &sent, kind, w->out);
}

static unsigned fields_asked(const struct work *w) { return w->claim->states; }

static uint32_t states_set(struct ir *ir, unsigned states)
{
    struct pbc_range r[STATE_IS_ABSENT];
    uint32_t count = 0;
    for (uint32_t i = 0; i < STATE_IS_ABSENT; i++)
        if (states >> i & 1) count = range_add(r, count, i);
    return ir_intern_ranges(ir, r, count, ir_fields[IR_STATE].most);
}

/* Return packets with a header of the protocols lo to hi, over IPv6 with or without AH. bytes: least length of the
 * header. */
static struct ir_product kind_product(struct work *w, uint32_t lo, uint32_t hi, uint32_t bytes)
{
    const bool v6 = lo >= WHAT_IP6;
    struct ir_product p;
    product_all(&p);
    const struct pbc_range what[] = {{lo, hi}, {lo - WHAT_IP6 + WHAT_AH6, hi - WHAT_IP6 + WHAT_AH6}};
    p.field[IR_WHAT] = ir_intern_ranges(w->ir, what, v6 ? 2 : 1, WHAT_MOST);
    p.field[IR_FRAGMENT] = ir_field_range(w->ir, IR_FRAGMENT, FRAGMENT_NO, FRAGMENT_FIRST);
    p.field[IR_LENGTH] = ir_field_range(w->ir, IR_LENGTH, (v6 ? 40 : 20) + bytes, 65535);
    if (w->ir->keeps_flows) p.field[IR_STATE] = states_set(w->ir, fields_asked(w));
    return p;
}

/* Add TCP segments by SYN, RST and ACK, which determine the states that they can have. */
static void add_tcp(struct work *w, uint32_t what)
{
    const uint32_t all = TCP_SYN | TCP_RST | TCP_ACK;
    for (uint32_t flags = 0; flags <= all; flags++) {
        struct ir_product p = kind_product(w, what, what, 20);
        if (flags & ~all) continue;
        p.field[IR_HAS] = flags;
        p.field[IR_LACKS] = all & ~flags;
        unsigned states = states_possible(w->ir, &p);
        if (flags == TCP_ACK && !(w->ir->keeps_flows && w->ir->picks_up)) states &= ~(1u << STATE_IS_NEW);
        if (w->ir->keeps_flows) p.field[IR_STATE] = states_set(w->ir, fields_asked(w) & states);
        if (states & fields_asked(w)) kind_add(w, &p);
    }
}

static void add_icmp(struct work *w, uint32_t what)
{
    struct pbc_range types[256];
    uint32_t count = 0;
    for (uint32_t t = 0; t < 256; t++) {
        struct ir_product p = kind_product(w, what, what, 8);
        p.field[IR_STATE] = IR_ALL;
        p.field[IR_TYPE] = ir_field_range(w->ir, IR_TYPE, t, t);
        if (states_possible(w->ir, &p) & fields_asked(w)) count = range_add(types, count, t);
    }
    struct ir_product p = kind_product(w, what, what, 8);
    p.field[IR_TYPE] = ir_intern_ranges(w->ir, types, count, 255);
    if (count) kind_add(w, &p);
}

/* Add the protocols lo to hi, whose headers do not show a packet's state. */
static void add_others(struct work *w, uint32_t lo, uint32_t hi, uint32_t bytes)
{
    const struct ir_product p = kind_product(w, lo, hi, bytes);
    if (fields_asked(w) & states_possible(w->ir, &p)) kind_add(w, &p);
}

static void add_family(struct work *w, uint32_t base)
{
    static const struct {
        uint32_t lo, hi, bytes;
    } others[] = {{0, 0, 0},   {2, 5, 0},    {7, 16, 0},     {17, 17, 8},
                  {18, 57, 0}, {59, 131, 0}, {132, 132, 12}, {133, 255, 0}};
    add_tcp(w, base + 6);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        add_others(w, base + others[i].lo, base + others[i].hi, others[i].bytes);
    if (base == WHAT_IP4) {
        add_icmp(w, base + 1);
        add_others(w, base + 58, base + 58, 0);
    } else {
        add_others(w, base + 1, base + 1, 0);
        add_icmp(w, base + 58);
    }
}

/* Add later fragments, which have no state. If the program follows fragments, only the first one is judged. */
static void add_later(struct work *w)
{
    const uint32_t flags = w->c->image->meta[0].flags;
    struct ir_product p;
    if (w->claim->states_written || ((flags & PBC_FOLLOWS_FRAGMENTS) && !(flags & PBC_NAMES_FRAGMENT))) return;
    product_all(&p);
    p.field[IR_FRAGMENT] = ir_field_range(w->ir, IR_FRAGMENT, FRAGMENT_LATER, FRAGMENT_LATER);
    p.field[IR_WHAT] = ir_field_range(w->ir, IR_WHAT, WHAT_IP4, WHAT_IP6_UNKNOWN - 1);
    kind_add(w, &p);
    if (!what_asks_ah(w->ir, w->said.field[IR_WHAT])) return;
    p.field[IR_WHAT] = ir_field_range(w->ir, IR_WHAT, WHAT_AH6_UNKNOWN, WHAT_AH6_UNKNOWN);
    kind_add(w, &p);
}

void claim_region(struct claims *all, const struct claim *claim, struct region_budget *budget, struct region *out)
{
    struct compile *c = all->c;
    struct work w = {.all = all, .c = c, .ir = c->ir, .claim = claim, .out = out};
    normal_beside(c, c->claims, claim->conds, claim->cond_count, &w.said);
    if (ir_is_empty(&w.said)) return;
    w.leaves = IR_ALL;
    if (claim->leaves) {
        struct ir_product way;
        normal_beside(c, c->claims, claim->conds + claim->cond_count, 1, &way);
        w.leaves = way.field[IR_IFACE];
    }
    narrow_side(&w, &claim->from, IR_SRC);
    narrow_side(&w, &claim->to, IR_DST);
    if (!product_settle(c->ir, &w.said)) return;
    add_family(&w, WHAT_IP4);
    add_family(&w, WHAT_IP6);
    add_later(&w);
    if (c->ir->too_large) budget->spent = true;
}
