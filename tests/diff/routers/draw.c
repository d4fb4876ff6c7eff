/* Drawing routers with few networks, so that statements, routes and rules overlap */
#include <string.h>

#include "tests/diff/routers/world.h"
#include "vm/packet/parse/header.h"

void world_draw_site(struct world *w, struct rng *rng, unsigned with)
{
    memset(w, 0, sizeof *w);
    w->ifs = with & WITH_MORE ? 2 + rng_below(rng, IFS_MOST - 1) : 2;
    unsigned served = 0;
    for (unsigned i = 0; i < w->ifs; i++) {
        w->iface[i].served = !(with & WITH_UNSERVED) || !rng_one_in(rng, 4);
        served += w->iface[i].served;
    }
    for (unsigned i = 0; i < w->ifs && served < 2; i++) {
        served += !w->iface[i].served;
        w->iface[i].served = true;
    }
    /* From a separate copy of the generator, so that seeds keep their meaning. */
    struct rng bare = *rng;
    if (!(with & WITH_BARE) || rng_below(&bare, 4)) return;
    for (unsigned i = 0; i < w->ifs; i++) w->iface[i].bare = rng_below(&bare, 2);
}

static unsigned some_served(const struct world *w, struct rng *rng)
{
    unsigned i;
    do i = rng_below(rng, w->ifs);
    while (!w->iface[i].served);
    return i;
}

/* Draw one to three existing networks; never the world. */
static nets some_nets(const struct world *w, struct rng *rng)
{
    nets set = 0;
    for (unsigned n = 1 + rng_below(rng, 3); n > 0; n--) {
        unsigned net;
        do net = rng_below(rng, NET_WORLD);
        while (!world_has_net(w, net));
        set |= 1u << net;
    }
    return set;
}

static struct route *one_more_route(struct world *w)
{
    struct route *r = &w->routes[w->route_count++];
    memset(r, 0, sizeof *r);
    return r;
}

static void draw_main_table(struct world *w, struct rng *rng, unsigned with, bool v6)
{
    for (unsigned i = 0; i < 2; i++)
        *one_more_route(w) = (struct route){.v6 = v6, .net = (uint8_t)(NET_FAR + i), .by = w->far_by[i]};
    *one_more_route(w) = (struct route){.v6 = v6, .all = true, .by = w->world_by[v6]};
    struct route *dflt = &w->routes[w->route_count - 1];
    if (with & WITH_MULTIPATH && rng_one_in(rng, 3)) {
        dflt->kind = ROUTE_BOTH;
        dflt->or_by = (uint8_t)((dflt->by + 1) % w->ifs);
    } else if (with & WITH_NEXTHOPS && rng_one_in(rng, 3))
        dflt->kind = ROUTE_OBJECT;
    if (with & WITH_OTHER_ROUTES && rng_one_in(rng, 2))
        *one_more_route(w) = (struct route){.v6 = v6, .net = NET_NONE, .kind = ROUTE_BLACKHOLE + rng_below(rng, 3)};
}

/* Draw policy rules whose tables have a default route or a far network, and maybe a throw route. */
static void draw_policies(struct world *w, struct rng *rng, unsigned with, bool v6)
{
    for (unsigned n = rng_below(rng, POLICIES_MOST); n > 0; n--) {
        const uint8_t table = (uint8_t)(100 + n);
        struct policy *p = &w->policies[w->policy_count++];
        *p = (struct policy){.v6 = v6, .table = table, .kind = rng_below(rng, with & WITH_MARKS ? 4 : 3)};
        p->what = (uint8_t)(p->kind == POLICY_IIF ? rng_below(rng, w->ifs) : rng_below(rng, w->ifs + 2));
        if (p->kind != POLICY_IIF && p->what >= w->ifs) p->what = (uint8_t)(p->what - w->ifs + NET_FAR);
        *one_more_route(w) = (struct route){
            .v6 = v6, .all = rng_below(rng, 2), .net = NET_FAR, .by = (uint8_t)rng_below(rng, w->ifs), .table = table};
        if (with & WITH_OTHER_ROUTES && rng_one_in(rng, 2))
            *one_more_route(w) = (struct route){.v6 = v6,
                                                .net = (uint8_t)rng_below(rng, w->ifs),
                                                .table = table,
                                                .kind = rng_below(rng, 3) ? ROUTE_THROW : ROUTE_PROHIBIT};
    }
}

static void draw_forward(struct world *w, struct rng *rng, struct nat *n)
{
    n->proto = rng_below(rng, 2) ? IPPROTO_NR_TCP : IPPROTO_NR_UDP;
    n->port = (uint16_t)(8080 + rng_below(rng, 3));
    n->to_port = rng_below(rng, 2) ? 80 : n->port;
    n->on = rng_below(rng, 3) > 0;
    n->second = !n->v6 && rng_one_in(rng, 4); /* Linux masquerades with the IPv6 address most similar to the target */
    n->from = rng_one_in(rng, 4) ? some_nets(w, rng) | 1u << NET_WORLD : 0;
    n->net = (uint8_t)rng_below(rng, w->ifs);
    n->host = (uint8_t)(HOST_FIRST + rng_below(rng, HOSTS));
}

static uint8_t some_served_bits(const struct world *w, struct rng *rng)
{
    uint8_t bits = 0;
    for (unsigned n = 1 + rng_below(rng, 2); n > 0; n--) bits |= (uint8_t)(1u << some_served(w, rng));
    return bits;
}

static void draw_conditions(struct world *w, struct rng *rng, struct nat *n)
{
    if (rng_one_in(rng, 2)) n->to = some_nets(w, rng), n->not_to = rng_below(rng, 2);
    if (rng_one_in(rng, 3))
        n->proto = rng_below(rng, 2) ? IPPROTO_NR_TCP : IPPROTO_NR_UDP, n->not_proto = rng_one_in(rng, 4);
    if (n->proto && !n->not_proto && rng_one_in(rng, 2)) n->port = 80;
    if (rng_one_in(rng, 3)) n->on_bits = some_served_bits(w, rng), n->not_on = rng_one_in(rng, 3);
    if (rng_one_in(rng, 3)) n->outs = some_served_bits(w, rng), n->not_outs = rng_one_in(rng, 2);
}

/* Draw a map with two interfaces that no other map has. */
static bool draw_map(const struct world *w, struct rng *rng, struct nat *n)
{
    n->net = (uint8_t)rng_below(rng, w->ifs);
    for (const struct nat *m = w->nats; m < n; m++)
        if (m->kind == NAT_MAP && m->v6 == n->v6 &&
            (m->net == n->net || m->net == n->out || m->out == n->out || m->out == n->net))
            return false;
    n->anywhere = rng_one_in(rng, 3);
    return n->net != n->out;
}

static void draw_nats(struct world *w, struct rng *rng, unsigned with)
{
    w->nat_count = !(with & WITH_NAT) || rng_one_in(rng, 8) ? 0 : 1 + rng_below(rng, NATS_MOST - 1);
    for (unsigned i = 0; i < w->nat_count; i++) {
        struct nat *n = &w->nats[i];
        memset(n, 0, sizeof *n);
        n->kind = (enum nat_kind[]){
            NAT_MASQUERADE, NAT_MASQUERADE, NAT_SOURCE, NAT_FORWARD, NAT_FORWARD, NAT_MAP}[rng_below(rng, 6)];
        n->out = (uint8_t)some_served(w, rng);
        n->v6 = rng_one_in(rng, 3);
        n->port_lo = PORT_LO, n->port_hi = PORT_HI;
        if (n->kind == NAT_FORWARD) draw_forward(w, rng, n);
        if (n->kind == NAT_MAP && !draw_map(w, rng, n)) n->kind = NAT_MASQUERADE;
        if (n->kind > NAT_SOURCE) continue;
        n->from = rng_one_in(rng, 4) && n->kind == NAT_MASQUERADE ? 0 : some_nets(w, rng);
        if (with & WITH_CONDITIONS) draw_conditions(w, rng, n);
    }
}

static void draw_rule(const struct world *w, struct rng *rng, struct rule *r, bool across)
{
    memset(r, 0, sizeof *r);
    r->verdict = (enum rule_verdict[]){RULE_ACCEPT, RULE_ACCEPT, RULE_ACCEPT, RULE_DROP,
                                       RULE_REJECT}[rng_below(rng, across ? 5 : 4)];
    if (rng_one_in(rng, 2)) r->on = some_served_bits(w, rng), r->not_on = rng_one_in(rng, 3);
    if (across && rng_one_in(rng, 3)) r->out = some_served_bits(w, rng), r->not_out = rng_one_in(rng, 3);
    if (rng_one_in(rng, 3)) r->from = some_nets(w, rng), r->not_from = rng_one_in(rng, 3);
    if (across && rng_one_in(rng, 3)) r->to = some_nets(w, rng), r->not_to = rng_one_in(rng, 3);
    if (rng_one_in(rng, 2)) r->proto = (uint8_t[]){IPPROTO_NR_TCP, IPPROTO_NR_UDP, IPPROTO_NR_ICMP}[rng_below(rng, 3)];
    if (r->proto && r->proto != IPPROTO_NR_ICMP && rng_one_in(rng, 3))
        r->port_lo = 80, r->port_hi = rng_below(rng, 2) ? 80 : 8081;
    r->fresh = rng_one_in(rng, 4);
}

static void draw_firewall(const struct world *w, struct rng *rng, struct firewall *f, bool across)
{
    memset(f, 0, sizeof *f);
    f->judges = rng_below(rng, 4) > 0;
    f->accepts = rng_below(rng, 2);
    f->follows = true;
    f->no_invalid = rng_one_in(rng, 3);
    f->count = 1 + rng_below(rng, RULES_MOST - 1);
    for (unsigned i = 0; i < f->count; i++) draw_rule(w, rng, &f->rules[i], across);
}

void world_draw(struct world *w, struct rng *rng, unsigned with)
{
    for (unsigned i = 0; i < w->nat_count && w->gone_count < GONE_MOST; i++)
        if (w->nats[i].kind >= NAT_FORWARD) w->gone[w->gone_count++] = w->nats[i];
    w->route_count = w->policy_count = 0;
    w->with = with;
    for (unsigned i = 0; i < w->ifs; i++) {
        w->iface[i].has4 = !(with & WITH_NO_ADDRESS) || !rng_one_in(rng, 8);
        w->iface[i].has6 = !(with & WITH_NO_ADDRESS) || !rng_one_in(rng, 8);
        w->iface[i].down = false;
    }
    for (unsigned i = 0; i < 2; i++) w->far_by[i] = (uint8_t)rng_below(rng, w->ifs);
    for (unsigned i = 0; i < 2; i++) w->world_by[i] = (uint8_t)rng_below(rng, w->ifs);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        draw_main_table(w, rng, with, v6);
        if (with & WITH_POLICIES && rng_below(rng, 2)) draw_policies(w, rng, with, v6);
    }
    draw_nats(w, rng, with);
    draw_firewall(w, rng, &w->across, true);
    draw_firewall(w, rng, &w->here, false);
    w->here.judges = w->here.judges && with & WITH_HERE;
    /* Probes may be masqueraded with any interface's address. */
    w->probe_out = (uint8_t)some_served(w, rng);
    w->iface[w->probe_out].has4 = true;
}

bool world_draw_change(struct world *w, struct rng *rng, struct change *c)
{
    *c = (struct change){
        .kind = rng_below(rng, CHANGE_KINDS), .v6 = rng_below(rng, 2), .iface = (uint8_t)rng_below(rng, w->ifs)};
    struct iface *one = &w->iface[c->iface];
    unsigned up = 0;
    for (unsigned i = 0; i < w->ifs; i++) up += w->iface[i].served && !w->iface[i].down;
    if (one->down) return false;
    switch (c->kind) {
    case CHANGE_DEFAULT: w->world_by[c->v6] = c->iface; break;
    case CHANGE_ADDRESS:
        if (!one->has4) return false;
        one->has4 = false;
        break;
    case CHANGE_DOWN:
        if (up < 3) return false;
        one->down = true;
        break;
    case CHANGE_UPLINK:
        for (unsigned i = 0; i < w->nat_count; i++)
            if (w->nats[i].kind == NAT_MASQUERADE) w->nats[i].out = (uint8_t)some_served(w, rng);
        break;
    default: break;
    }
    const uint8_t was = w->probe_out;
    for (unsigned i = 0; i < w->ifs; i++)
        if (i != was && w->iface[i].served && !w->iface[i].down) w->probe_out = (uint8_t)i;
    return w->probe_out != was;
}
