/* Helpers for predicates of differences: facts of packets, of the conversation and of the drawn router */
#include <string.h>

#include "tests/diff/routers/known_priv.h"
#include "vm/packet/parse/header.h"

bool are_answers(const struct difference *d, struct packet *sent, struct packet *netfilter, struct packet *prey)
{
    return d->netfilter_count == 1 && d->prey_count == 1 && packet_parse(d->sent, sent) &&
           packet_parse(d->netfilter, netfilter) && packet_parse(d->prey, prey) && !memcmp(prey->dst, sent->src, 16);
}

bool is_reset(const struct packet *p) { return p->proto == IPPROTO_NR_TCP && p->flags & FLAG_RST; }

bool is_port_unreachable(const struct packet *p)
{
    return packet_is_error(p) && p->type == (p->v6 ? 1 : 3) && p->code == (p->v6 ? 4 : 3);
}

bool is_reject(const struct packet *p) { return is_reset(p) || is_port_unreachable(p); }

bool is_served(const struct difference *d, unsigned iface) { return d->world->iface[iface].served; }

bool is_rejected(const struct difference *d)
{
    struct packet sent, prey;
    return d->prey_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->prey, &prey) && is_reject(&prey) &&
           !memcmp(prey.src, sent.dst, 16) && !memcmp(prey.dst, sent.src, 16);
}

bool is_from_loopback(const struct packet *p)
{
    static const uint8_t loopback[16] = {[15] = 1};
    return p->v6 && !memcmp(p->src, loopback, sizeof loopback);
}

bool is_own(const struct world *w, const struct packet *p)
{
    for (unsigned i = 0; i < w->ifs; i++)
        for (unsigned second = 0; second < 2; second++) {
            uint8_t own[16];
            world_addr(p->v6, i, second ? HOST_SECOND : HOST_ROUTER, own);
            if ((p->v6 ? w->iface[i].has6 : w->iface[i].has4) && !memcmp(p->src, own, 16)) return true;
        }
    return false;
}

bool is_no_way(const struct packet *p)
{
    return packet_is_error(p) && p->type == (p->v6 ? 1 : 3) && !is_port_unreachable(p);
}

bool is_no_way_of_netfilters(const struct difference *d)
{
    struct packet p;
    return d->netfilter_count == 1 && packet_parse(d->netfilter, &p) && is_no_way(&p) && is_own(d->world, &p);
}

bool is_to_nowhere(const struct world *w, const struct packet *p)
{
    for (unsigned i = 0; i < w->route_count; i++) {
        const struct route *r = &w->routes[i];
        uint8_t net[16];
        world_addr(p->v6, r->net, 0, net);
        if (r->v6 == p->v6 && r->kind >= ROUTE_BLACKHOLE && r->kind <= ROUTE_PROHIBIT &&
            !memcmp(p->dst, net, p->v6 ? 8 : 3))
            return true;
    }
    return false;
}

bool judges_so(const struct world *w, enum rule_verdict verdict)
{
    const struct firewall *f = &w->across;
    bool any = verdict == RULE_DROP && (!f->accepts || f->no_invalid);
    for (unsigned i = 0; i < f->count; i++) any |= f->rules[i].verdict == verdict;
    return f->judges && any;
}

bool asks_arrival(const struct world *w, bool v6, unsigned iface)
{
    for (unsigned i = 0; i < w->policy_count; i++)
        if (w->policies[i].kind == POLICY_IIF && w->policies[i].v6 == v6 && w->policies[i].what == iface) return true;
    return false;
}

bool is_no_hop_left(const struct packet *p) { return packet_is_error(p) && p->type == (p->v6 ? 3 : 11); }

bool has_had(const struct talk *t, enum step_kind a, enum step_kind b)
{
    for (unsigned i = 0; i + 1 < t->history_count; i++)
        if (t->history[i] == a || t->history[i] == b) return true;
    return false;
}

bool is_as_it_came(const struct packet *left, const struct packet *sent)
{
    return left->ttl + 1 == sent->ttl && !memcmp(left->src, sent->src, 16) && !memcmp(left->dst, sent->dst, 16) &&
           left->src_port == sent->src_port && left->dst_port == sent->dst_port;
}

bool is_inside_of_map(const struct nat *n, bool v6, const uint8_t addr[16])
{
    uint8_t inside[16];
    for (unsigned h = 0; n->kind == NAT_MAP && n->v6 == v6 && h < 1u << MAPPED_BITS; h++) {
        world_addr(v6, n->net, HOST_MAPPED + h, inside);
        if (!memcmp(addr, inside, 16)) return true;
    }
    return false;
}

bool is_of_map_anywhere(const struct world *w, const struct packet *p)
{
    for (unsigned i = 0; i < w->nat_count; i++)
        if (w->nats[i].anywhere && is_inside_of_map(&w->nats[i], p->v6, p->src)) return true;
    return false;
}

bool leaves_translated(const struct world *w, unsigned iface, bool v6)
{
    for (unsigned i = 0; i < w->nat_count; i++) {
        const struct nat *n = &w->nats[i];
        if (n->kind == NAT_FORWARD || (n->kind != NAT_MASQUERADE && n->v6 != v6)) continue;
        if (n->out == iface || n->outs) return true;
    }
    return false;
}

bool is_outside_of_map(const struct nat *n, const struct packet *p)
{
    uint8_t outside[16];
    for (unsigned h = 0; n->kind == NAT_MAP && n->v6 == p->v6 && h < 1u << MAPPED_BITS; h++) {
        world_addr(n->v6, n->out, HOST_MAPPED + h, outside);
        if (!memcmp(p->dst, outside, 16)) return true;
    }
    return false;
}

const struct nat *map_of(const struct world *w, const struct packet *p)
{
    for (unsigned i = 0; i < w->nat_count; i++)
        if (is_outside_of_map(&w->nats[i], p)) return &w->nats[i];
    return NULL;
}

bool hides_opener(const struct difference *d, unsigned iface)
{
    const struct talk *t = d->talk;
    for (unsigned i = 0; i < d->world->nat_count; i++) {
        const struct nat *n = &d->world->nats[i];
        const bool by_it = n->out == iface || n->outs;
        if (n->kind <= NAT_SOURCE && by_it && (n->kind == NAT_MASQUERADE || n->v6 == t->v6) &&
            (!n->from || n->from >> t->net & 1))
            return true;
        if (n->kind == NAT_MAP && by_it && n->v6 == t->v6 && n->net == t->net && t->host >= HOST_MAPPED) return true;
    }
    return false;
}
