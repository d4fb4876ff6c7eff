/* Ways of a packet by the routes, for the judge in the kernel: vm/judge/ways.c over a trie (routes.h). Only a judge
 * whose program asks for ways contains it. */
#include "vm/judge/route_share.h"
#include "vm/judge/routes.h"
#include "vm/judge/ways.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/judge/routes.h"
#include "vm/kernel/port.h"
#include "vm/packet/wire.h"

extern char map_routes;
extern struct kernel_route_way state_route_ways[];
extern const char mask_route_ways;
extern struct route_rule state_route_rules[];
extern const char mask_route_rules;
extern struct kernel_way state_ways[];

/* Address of the packet that is looked up. */
enum { TO_SOURCE, TO_DESTINATION };

/* True if the first `bits` of two addresses agree. */
static inline bool agrees(const uint32_t a[4], const uint32_t b[4], uint32_t bits)
{
    uint32_t differ = 0;
#pragma unroll
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t here = bits > 32 * i ? bits - 32 * i : 0;
        const uint32_t mask = here >= 32 ? UINT32_MAX : here ? UINT32_MAX << (32 - here) : 0;
        differ |= (a[i] ^ b[i]) & mask;
    }
    return !differ;
}

/* Return 1 if policy rule i may apply to the packet's way to that address. */
GLOBAL uint64_t kernel_route_rule_is(struct kpkt *k NONNULL, uint32_t which, uint32_t i)
{
    const struct key *key = &k->key;
    const struct route_rule *x = &state_route_rules[i & MASK(route_rules)];
    if (x->family != (key->kind & KIND_IP4 ? 4 : 6) || (which == TO_SOURCE && x->in != ROUTE_NO_PORT)) return 0;
    if (which == TO_SOURCE ? agrees(key->dst, x->from, x->from_bits) && agrees(key->src, x->to, x->to_bits)
                           : agrees(key->src, x->from, x->from_bits) && agrees(key->dst, x->to, x->to_bits))
        return 1;
    return 0;
}

GLOBAL uint64_t kernel_route_rule(struct kpkt *k NONNULL, uint32_t which)
{
    TURNS(KERNEL_ROUTE_RULES)
    for (uint32_t i = 0; LOOP(i < state_world.route_rules); i = LOOSE(i + 1))
        if (kernel_route_rule_is(k, which, i)) return 1;
    return 0;
}

/* Return the number of the way to that address; 0: unknown. */
static inline uint32_t way_to(struct kpkt *k, uint32_t which)
{
    const uint32_t *words = which == TO_SOURCE ? k->key.src : k->key.dst;
    const bool v6 = k->key.kind & KIND_IP6;
    struct kernel_route_to to = {.bits = KERNEL_ROUTE_FAMILY + (v6 ? 128 : 32), .family = v6 ? 6 : 4};
    if (!state_world.knows_routes) return 0;
    if (state_world.route_rules && kernel_route_rule(k, which)) return 0;
    for (unsigned i = 0; i < 4; i++) wire_put32(to.addr + (size_t)4 * i, words[i]);
    const uint32_t *way = bpf_map_lookup_elem(&map_routes, &to);
    return way ? *way : 0;
}

#define WAY(number) (&state_route_ways[(number)&MASK(route_ways)])

/* True if the host sends on what crosses in this family, and chooses among several interfaces. */
static inline bool host_chooses(const struct key *key)
{
    return state_world.host_routes & (key->kind & KIND_IP4 ? KERNEL_ROUTES_4 : KERNEL_ROUTES_6);
}

/* Return the way's leg for the packet; NULL: unknown here. */
static inline const struct kernel_route_leg *leg_of(const struct kpkt *k, const struct kernel_route_way *way)
{
    if (way->legs <= 1) return &way->leg[0];
    if (host_chooses(&k->key)) return NULL;
    const uint32_t share = route_share(k->key.src, k->key.dst, &k->key);
#pragma unroll
    for (uint32_t i = 0; i < KERNEL_ROUTE_LEGS; i++)
        if (i < way->legs && share <= way->leg[i].up_to) return &way->leg[i];
    return NULL;
}

/* Return 1 + the id in rules of the bridge's other port; 0: it came by no bridge. */
static inline uint16_t peer_of(const struct kpkt *k)
{
    if (!state_world.facts.bridges || k->pkt.iface >= KERNEL_WAYS) return 0;
    return state_ways[k->pkt.iface & (KERNEL_WAYS - 1)].bridged;
}

/* Return 1 + the packet's interface of departure; 0: unknown. A packet that the host sends on is judged when it
 * leaves, unless it was judged before. */
static inline uint16_t way_out(struct kpkt *k)
{
    const uint32_t kind = k->key.kind;
    const uint16_t peer = peer_of(k);
    if (!(kind & KIND_FORWARD)) return 0;
    if (k->flags & KERNEL_EGRESS) return (uint16_t)(k->key.iface + 1);
    if (peer || !(kind & KIND_IP)) return peer;
    const struct kernel_route_way *way = WAY(way_to(k, TO_DESTINATION));
    const struct kernel_route_leg *leg = way->kind == ROUTE_VIA ? leg_of(k, way) : NULL;
    return leg ? (uint16_t)(leg->as + 1) : 0;
}

static inline enum pkt_source leads_back(const struct kernel_route_way *way, uint16_t came)
{
    enum pkt_source found = SOURCE_FAILED;
#pragma unroll
    for (uint32_t i = 0; i < KERNEL_ROUTE_LEGS; i++) {
        if (i >= way->legs || found == SOURCE_REACHED) continue;
        const uint16_t by = way->leg[i].iface;
        if (way->leg[i].as == IFACE_NONE || by == IFACE_SEVERAL || (by == IFACE_OTHER && came == IFACE_OTHER))
            found = SOURCE_UNKNOWN;
        else if (by == came)
            found = SOURCE_REACHED;
    }
    return found;
}

static inline enum pkt_source source_of(struct kpkt *k)
{
    const struct key *key = &k->key;
    if (!(key->kind & KIND_IP) || key->kind & KIND_OUT || ways_no_route(key)) return SOURCE_REACHED;
    if (k->pkt.iface == IFACE_NONE || k->flags & KERNEL_EGRESS || peer_of(k)) return SOURCE_UNKNOWN;
    const struct kernel_route_way *way = WAY(way_to(k, TO_SOURCE));
    return way->kind == ROUTE_ASK ? SOURCE_UNKNOWN : leads_back(way, k->pkt.iface);
}

/* Do the work of ways_settle. Return 0 if something asked for is unknown. */
GLOBAL uint64_t kernel_settle_ways(struct kpkt *k NONNULL, uint32_t asked)
{
    uint64_t known = 1;
    if (asked & PBC_ASKS_WAY) {
        if (!(k->pkt.flags & PKT_WAY_SAID)) k->pkt.way = way_out(k);
        known = k->pkt.way || !(k->key.kind & KIND_FORWARD);
    }
    if (asked & PBC_ASKS_SOURCE) {
        if (!(k->pkt.flags & PKT_SOURCE_SAID)) k->pkt.source = (uint8_t)source_of(k);
        known &= k->pkt.source != SOURCE_UNKNOWN;
    }
    return known;
}
