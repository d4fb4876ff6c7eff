/* Find ways of a packet by the routes, for stages in the kernel: vm/judge/ways.c over a trie (shapes.h). Only
 * programs that need ways contain this code. */
#include "vm/judge/decided.h"
#include "vm/judge/route_share.h"
#include "vm/judge/routes.h"
#include "vm/judge/ways.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/judge/way_find.h"
#include "vm/kernel/shapes.h"
#include "vm/packet/wire.h"

extern char map_routes;
extern struct kernel_route_way state_route_ways[];
extern const char mask_route_ways;
extern struct route_rule state_route_rules[];
extern const char mask_route_rules;

#define WAY(number) (&state_route_ways[(number)&MASK(route_ways)])

/* Bit of a step's result: the search is over, and the rest is the number of the way. */
#define FOUND (UINT64_C(1) << 32)

/* Return the entry of a view for the address that is looked up; ROUTE_THROW: the view has none. */
GLOBAL uint64_t kernel_route_entry(struct kpkt *k NONNULL, uint32_t view)
{
    const uint32_t family = k->routed.family;
    struct kernel_route_to to = {.bits = KERNEL_ROUTE_FAMILY + (family == 6 ? 128 : 32),
                                 .family = view << KERNEL_ROUTE_VIEW | family};
    for (unsigned i = 0; i < 4; i++) wire_put32(to.addr + (size_t)4 * i, k->routed.to[i]);
    const uint32_t *entry = bpf_map_lookup_elem(&map_routes, &to);
    return entry ? *entry : KERNEL_WAY_THROW;
}

/* Return how the packet meets policy rule i. */
GLOBAL uint64_t kernel_route_rule_fits(struct kpkt *k NONNULL, uint32_t i)
{
    const struct route_rule *x = &state_route_rules[i & MASK(route_rules)];
    const uint32_t arrives = x->asks & ROUTE_ASKS_ARRIVAL ? route_arrival_fits(x->iface, x->tag, &k->routed) : FIT_YES;
    return route_rule_fits(x, &k->routed, arrives);
}

/* Try policy rule i, the `at`-th of its family. Return the place of the rule to try next, or FOUND and a way. merged:
 * the entry of the merged tables. */
GLOBAL uint64_t kernel_route_step(struct kpkt *k NONNULL, uint32_t i, uint32_t at, uint32_t merged)
{
    const struct route_rule *x = &state_route_rules[i & MASK(route_rules)];
    struct route_branch *b = &k->may_meet;
    if (x->rank >= merged >> ROUTE_RANK_SHIFT) return FOUND | (merged & ROUTE_WAY_MASK);
    if (route_is_past(b, x)) return at + 1;
    const uint64_t fit = kernel_route_rule_fits(k, i);
    if (!fit) return at + 1;
    uint64_t way = KERNEL_WAY_REFUSED;
    if (x->does == ROUTE_LOOKS_UP) way = kernel_route_entry(k, x->view) & ROUTE_WAY_MASK;
    if (way == KERNEL_WAY_THROW) return at + 1;
    if (fit >= FIT_UNKNOWN) {
        if (x->does >= ROUTE_GOES_TO) return FOUND | (b->way ? b->why : fit - FIT_UNKNOWN);
        return route_branches(b, x, (uint32_t)fit, (uint32_t)way) ? at + 1 : FOUND | b->why;
    }
    if (x->does == ROUTE_GOES_TO) return x->next;
    if (x->does == ROUTE_ASKS) return FOUND | x->why;
    return FOUND | way;
}

/* Return the found way; if rules that the packet may meet lead to another way, return the reason why it is unknown. */
static inline uint64_t way_settled(const struct kpkt *k, uint32_t way)
{
    const struct route_branch *b = &k->may_meet;
    return b->way && b->way != way + 1 ? b->why : way;
}

/* Return the number of the way to k->routed: vm/judge/routes/find.c, routes_find. */
GLOBAL uint64_t kernel_route(struct kpkt *k NONNULL)
{
    if (!state_world.knows_routes) return WAY_NO_ROUTES;
    const bool v6 = k->routed.family == 6;
    const uint32_t first = v6 ? state_world.route_rules4 : 0;
    const uint32_t count = v6 ? state_world.route_rules6 : state_world.route_rules4;
    const uint32_t merged = (uint32_t)kernel_route_entry(k, 0);
    k->may_meet = (struct route_branch){0};
    TURNS(ROUTE_RULES_MOST)
    for (uint32_t i = 0; LOOP(i < count);) {
        const uint64_t step = kernel_route_step(k, first + i, i, merged);
        if (step & FOUND) return way_settled(k, (uint32_t)step);
        i = LOOSE((uint32_t)step);
    }
    return way_settled(k, merged & ROUTE_WAY_MASK);
}

/* True if the host forwards packets of this family. It then chooses among legs, and may use marks. */
static inline bool host_routes(const struct key *key)
{
    return key->kind & KIND_IP4 ? state_world.facts.host_routes4 : state_world.facts.host_routes6;
}

/* Return the way's leg for the packet to k->routed; NULL: unknown. */
static inline const struct kernel_route_leg *leg_by_share(const struct kpkt *k, const struct kernel_route_way *way)
{
    const uint32_t share = way->legs > 1 ? route_share(k->key.src, k->routed.to, &k->key) : 0;
#pragma unroll
    for (uint32_t i = 0; i < KERNEL_ROUTE_LEGS; i++)
        if (i < way->legs && share <= way->leg[i].up_to) return &way->leg[i];
    return NULL;
}

/* True if all legs are one interface to the rules. */
static inline bool one_way(const struct kernel_route_way *way)
{
    bool one = way->leg[0].as != IFACE_NONE;
#pragma unroll
    for (uint32_t i = 1; i < KERNEL_ROUTE_LEGS; i++)
        if (i < way->legs) one &= way->leg[i].as == way->leg[0].as;
    return one;
}

/* Return 1 + the id in rules of the bridge's other port; 0: the packet did not come by a bridge. */
static inline uint16_t peer_of(const struct kpkt *k)
{
    if (!state_world.facts.bridges || k->pkt.iface >= KERNEL_WAYS) return 0;
    return state_ways[LOOSE((uint32_t)k->pkt.iface) & (KERNEL_WAYS - 1)].bridged; /* Linux 6.1 forgets the bound */
}

/* Return a struct way_found as a number: for an interface's id in rules, or for an unknown way (second function). */
static inline uint64_t out_by(uint32_t as) { return (uint16_t)(as + 1) | (uint64_t)ROUTE_VIA << 16; }
static inline uint64_t way_unknown(uint64_t why) { return (uint64_t)ROUTE_ASK << 16 | why << 24; }

/* Fill in the look-up of the way to k->routed.to. returns: it is the way back to the packet's source. */
static inline void ask_route(struct kpkt *k, bool returns)
{
    const struct key *key = &k->key;
    struct route_seen *s = &k->routed;
    for (unsigned i = 0; i < 4; i++) s->from[i] = returns ? key->dst[i] : key->src[i];
    s->in = returns ? ROUTE_IN_NONE : k->pkt.iface;
    s->family = key->kind & KIND_IP4 ? 4 : 6;
    s->marked = !returns && host_routes(key);
    route_seen_key(s, key, returns);
}

/* Do the work of way_find for the destination in k->routed.to. Return the struct way_found as kernel_way_of reads it.
 */
GLOBAL uint64_t kernel_way_find(struct kpkt *k NONNULL)
{
    const uint32_t kind = k->key.kind;
    if (k->flags & KERNEL_EGRESS && kind & KIND_FORWARD && kind & KIND_VLAN) return out_by(IFACE_OTHER);
    if (kind & KIND_OUT || k->flags & KERNEL_EGRESS)
        return k->pkt.iface == IFACE_NONE ? way_unknown(WAY_OTHER) : out_by(known_as(k->pkt.iface));
    if (k->pkt.flags & PKT_WAY_SAID) return k->pkt.way ? out_by(k->pkt.way - 1u) : way_unknown(WAY_OTHER);
    const uint16_t peer = peer_of(k);
    if (peer) return out_by(peer - 1u);
    if (!(kind & KIND_IP)) return way_unknown(WAY_NO_ROUTES);
    ask_route(k, false);
    const uint32_t number = (uint32_t)kernel_route(k);
    const struct kernel_route_way *way = WAY(number);
    if (way->kind != ROUTE_VIA) return (uint64_t)way->kind << 16 | (uint64_t)way->why << 24;
    if (way->legs > 1 && host_routes(&k->key) && !one_way(way))
        return kernel_with_legs(way_unknown(WAY_SEVERAL), number);
    const struct kernel_route_leg *leg = leg_by_share(k, way);
    return leg && leg->as != IFACE_NONE ? out_by(leg->as) : way_unknown(WAY_OTHER);
}

/* Set the way of a forwarded packet. A packet forwarded by the host is judged when it leaves, unless it was judged
 * before. */
static inline void settle_way(struct kpkt *k)
{
    uint64_t way = 0;
    for (unsigned i = 0; i < 4; i++) k->routed.to[i] = k->key.dst[i];
    if (k->key.kind & KIND_FORWARD) way = kernel_way_find(k);
    k->pkt.way = kernel_way_of(way).out;
    k->pkt.way_why = kernel_way_of(way).why;
    k->legs = kernel_legs_of(way);
}

GLOBAL uint64_t kernel_leg(struct kpkt *k NONNULL, uint32_t i)
{
    const struct kernel_route_way *way = WAY(k->legs);
    if (i >= KERNEL_ROUTE_LEGS || i >= way->legs) return 0;
    if (!i) k->tried = (struct legs_tried){0};
    k->way = way->leg[i].as;
    return 1;
}

GLOBAL uint64_t kernel_leg_take(struct kpkt *k NONNULL, uint64_t d)
{
    legs_take(&k->tried, (uint16_t)(k->way + 1), decided_lets_in(d));
    k->pkt.way = k->tried.out;
    k->pkt.way_why = legs_why(&k->tried);
    return 0;
}

static inline enum pkt_source leads_back(const struct kernel_route_way *way, uint16_t came)
{
    enum pkt_source found = SOURCE_FAILED;
#pragma unroll
    for (uint32_t i = 0; i < KERNEL_ROUTE_LEGS; i++) {
        if (i >= way->legs || found == SOURCE_REACHED) continue;
        const struct kernel_route_leg *leg = &way->leg[i];
        const enum pkt_source back = leg->as == IFACE_NONE ? SOURCE_UNKNOWN : leg_leads_back(leg->iface, leg->as, came);
        if (back != SOURCE_FAILED) found = back;
    }
    return found;
}

static inline enum pkt_source source_seen(struct kpkt *k)
{
    const struct key *key = &k->key;
    if (!(key->kind & KIND_IP) || key->kind & KIND_OUT || ways_no_route(key)) return SOURCE_REACHED;
    /* a leaving packet came by an unserved interface, whose id in rules is known */
    const uint16_t came = k->flags & KERNEL_EGRESS ? (uint16_t)(k->came - 1) : k->pkt.iface;
    if (came == IFACE_NONE || (!(k->flags & KERNEL_EGRESS) && peer_of(k))) return SOURCE_UNKNOWN;
    for (unsigned i = 0; i < 4; i++) k->routed.to[i] = key->src[i];
    ask_route(k, true);
    const struct kernel_route_way *way = WAY(kernel_route(k));
    return way->kind == ROUTE_ASK ? SOURCE_UNKNOWN : leads_back(way, came);
}

/* Do as way_find.h describes. */
GLOBAL uint64_t kernel_settle_ways(struct kpkt *k NONNULL, uint32_t asked)
{
    uint64_t known = 1;
    if (asked & PBC_ASKS_WAY) {
        k->legs = 0;
        if (!(k->pkt.flags & PKT_WAY_SAID)) settle_way(k);
        known = k->pkt.way || k->legs || !(k->key.kind & KIND_FORWARD);
    }
    if (asked & PBC_ASKS_SOURCE) {
        if (!(k->pkt.flags & PKT_SOURCE_SAID)) k->pkt.source = (uint8_t)source_seen(k);
        known &= k->pkt.source != SOURCE_UNKNOWN;
    }
    return known;
}
