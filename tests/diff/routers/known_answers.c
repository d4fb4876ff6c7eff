/* Differences in the messages of a router itself: errors and rejects, their kind, source and time */
#include <string.h>

#include "tests/diff/routers/known_priv.h"
#include "vm/packet/parse/header.h"

/* True if a policy rule sends packets from that address by that interface. */
static bool leads_from(const struct world *w, bool v6, const uint8_t addr[16], unsigned iface)
{
    uint8_t net[16];
    for (unsigned i = 0; i < w->policy_count; i++) {
        const struct policy *p = &w->policies[i];
        if (p->kind != POLICY_FROM || p->v6 != v6) continue;
        world_addr(v6, p->what, 0, net);
        if (memcmp(addr, net, v6 ? 8 : 3)) continue;
        for (unsigned k = 0; k < w->route_count; k++)
            if (w->routes[k].table == p->table && w->routes[k].v6 == v6 && w->routes[k].by == iface) return true;
    }
    return false;
}

/* True if prey rejects a packet that came by an unserved interface, on the interface it leaves by. The host routes
 * this reply like one of the destination host; netfilter's router routes its reply by the reply's own source. */
bool is_reject_in_its_name(const struct difference *d)
{
    struct packet netfilter, prey, sent;
    if (!are_answers(d, &sent, &netfilter, &prey) || memcmp(netfilter.dst, sent.src, 16) ||
        memcmp(prey.src, sent.dst, 16))
        return false;
    const bool routed = !is_served(d, d->sent->iface);
    if (d->prey->iface != (routed ? d->netfilter : d->sent)->iface &&
        !(routed && (leads_from(d->world, sent.v6, sent.dst, d->prey->iface) ||
                     leads_from(d->world, sent.v6, netfilter.src, d->netfilter->iface))))
        return false;
    return (is_reset(&netfilter) && is_reset(&prey)) || (is_port_unreachable(&netfilter) && is_port_unreachable(&prey));
}

/* True if netfilter also translates its router's error about a translated packet, so that it comes from the packet's
 * destination. */
bool is_error_of_its_own(const struct difference *d)
{
    struct packet netfilter, prey, sent;
    return are_answers(d, &sent, &netfilter, &prey) && packet_is_error(&netfilter) && packet_is_error(&prey) &&
           netfilter.type == prey.type && netfilter.code == prey.code && !memcmp(netfilter.dst, prey.dst, 16) &&
           (is_own(d->world, &netfilter) || is_from_loopback(&netfilter) || !memcmp(netfilter.src, sent.dst, 16)) &&
           (is_own(d->world, &prey) || is_from_loopback(&netfilter)) &&
           (memcmp(netfilter.src, prey.src, 16) || d->netfilter->iface != d->prey->iface ||
            memcmp(netfilter.to_mac, prey.to_mac, 6));
}

/* True if netfilter's router sent an error before its forward hook: no hops left, or no route. Prey's firewall has a
 * rule with the same outcome as prey's: drop or reject. A packet of a conversation that has left before would be
 * accepted. */
bool is_judged_first(const struct difference *d)
{
    struct packet netfilter, prey, sent;
    if (d->netfilter_count != 1 || d->prey_count > 1 || !packet_parse(d->netfilter, &netfilter) ||
        !packet_parse(d->sent, &sent) || memcmp(netfilter.dst, sent.src, 16))
        return false;
    if (!is_no_way(&netfilter) && !(is_no_hop_left(&netfilter) && sent.ttl == 1)) return false;
    if (d->step < STEP_REPLY && d->talk->of[SIDE_NETFILTER].left) return false;
    if (!d->prey_count) return judges_so(d->world, RULE_DROP);
    return judges_so(d->world, RULE_REJECT) && packet_parse(d->prey, &prey) && is_reject(&prey) &&
           !memcmp(prey.src, sent.dst, 16);
}

/* True if prey's router replies to each fragment. Conntrack joins fragments, so netfilter's router sends one error
 * about all, and quotes more. */
bool is_said_of_each_fragment(const struct difference *d)
{
    struct packet one;
    if (d->step != STEP_FRAGMENTS || !d->netfilter_count || !d->prey_count || !packet_parse(d->netfilter, &one) ||
        !packet_is_error(&one))
        return false;
    for (unsigned i = 0; i < d->prey_count; i++)
        if (!packet_parse(&d->prey[i], &one) || !packet_is_error(&one)) return false;
    return true;
}

/* True if one side sent only its router's unreachable error, and the other nothing. If the error has its own address
 * but is forwarded for another host, it has lost a hop. */
bool is_no_way_said_once(const struct difference *d)
{
    const struct frame *one = d->netfilter_count ? d->netfilter : d->prey;
    struct packet sent, p;
    return d->netfilter_count + d->prey_count == 1 && packet_parse(d->sent, &sent) && packet_parse(one, &p) &&
           is_no_way(&p) && is_own(d->world, &p) && p.ttl + 1 != sent.ttl;
}

/* True if the router sent no further error about such a destination, and prey rejects the packet. */
bool is_reject_in_its_place(const struct difference *d)
{
    struct packet sent, prey;
    return !d->netfilter_count && d->prey_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->prey, &prey) &&
           is_to_nowhere(d->world, &sent) && is_reject(&prey) && !memcmp(prey.src, sent.dst, 16);
}

/* True if this machine's stack also reports that no hop was left: a policy rule tests the arrival interface, so
 * guard rules didn't know that the packet is forwarded between served interfaces. */
static bool is_end_said_twice(const struct difference *d)
{
    struct packet sent, one, other, netfilter;
    return d->side == SIDE_USER && d->netfilter_count == 1 && d->prey_count == 2 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && packet_parse(&d->prey[0], &one) &&
           packet_parse(&d->prey[1], &other) && sent.ttl == 1 && asks_arrival(d->world, sent.v6, d->sent->iface) &&
           is_no_hop_left(&netfilter) && is_no_hop_left(&one) && is_no_hop_left(&other) && is_own(d->world, &one) &&
           is_own(d->world, &other) && !memcmp(one.dst, sent.src, 16) && !memcmp(other.dst, sent.src, 16);
}

/* True if two reply: this machine's stack, and the rules or prey's router. */
bool is_answered_twice(const struct difference *d)
{
    struct packet sent, one;
    if (is_end_said_twice(d)) return true;
    if (d->side != SIDE_USER || d->prey_count != 2 || !packet_parse(d->sent, &sent)) return false;
    unsigned rejects = 0, errors = 0;
    for (unsigned i = 0; i < 2; i++) {
        if (!packet_parse(&d->prey[i], &one) || memcmp(one.dst, sent.src, 16)) return false;
        rejects += is_reject(&one) && !memcmp(one.src, sent.dst, 16);
        errors += packet_is_error(&one) && is_own(d->world, &one);
    }
    return rejects == 1 && errors == 1;
}

/* True if the statement matches the packet, regardless of this machine's own addresses. */
static bool is_taken(const struct nat *n, const struct packet *p, unsigned by)
{
    uint8_t addr[16];
    bool from = !n->from;
    for (unsigned net = 0; net <= NET_WORLD && !from; net++) {
        world_addr(p->v6, net, 0, addr);
        from = n->from >> net & 1 && !memcmp(p->src, addr, p->v6 ? 8 : 3);
    }
    world_addr(p->v6, n->out, HOST_SECOND, addr);
    return from && n->v6 == p->v6 && n->proto == p->proto && n->port == p->dst_port && (!n->on || n->out == by) &&
           (!n->second || !memcmp(p->dst, addr, 16));
}

/* True if this machine would have reported a closed port for a packet that a `forward` of an earlier router matched;
 * or would have forwarded the packet past the served interfaces, if a map matched. */
bool is_hidden_since_before(const struct difference *d)
{
    struct packet sent, netfilter;
    if (d->side != SIDE_USER || d->prey_count || d->netfilter_count != 1 || !packet_parse(d->sent, &sent) ||
        !packet_parse(d->netfilter, &netfilter))
        return false;
    const bool says = is_reject(&netfilter) && is_own(d->world, &netfilter) && !memcmp(netfilter.src, sent.dst, 16) &&
                      !memcmp(netfilter.dst, sent.src, 16);
    const bool sends = is_as_it_came(&netfilter, &sent) && !is_served(d, d->netfilter->iface);
    for (unsigned i = 0; i < d->world->gone_count; i++) {
        const struct nat *n = &d->world->gone[i];
        if (n->kind == NAT_MAP ? sends && is_outside_of_map(n, &sent) : says && is_taken(n, &sent, d->sent->iface))
            return true;
    }
    return false;
}

/* True if prey's error went back where the packet came from, and netfilter's router has no route there. */
bool is_error_without_route(const struct difference *d)
{
    struct packet sent, prey;
    return !d->netfilter_count && d->prey_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->prey, &prey) &&
           ((packet_is_error(&prey) && is_own(d->world, &prey)) || is_rejected(d)) &&
           d->prey->iface == d->sent->iface && (d->world->policy_count || d->world->with & WITH_CHANGES);
}

/* True if a map that doesn't test the outgoing interface matches the packet, which had no hop left and no route. */
bool is_last_hop_first(const struct difference *d)
{
    struct packet sent, netfilter, prey;
    return are_answers(d, &sent, &netfilter, &prey) && sent.ttl == 1 && is_no_way_of_netfilters(d) &&
           is_no_hop_left(&prey) && is_own(d->world, &prey) && is_of_map_anywhere(d->world, &sent) &&
           is_to_nowhere(d->world, &sent);
}

/* True for a fragment of an earlier datagram, or an error of this machine about such a fragment or about the
 * complete datagram. If the sent packet isn't fragmented, a quoted fragment or a longer quote belongs to an earlier
 * one. */
static bool is_of_earlier_fragment(const struct frame *f, const struct frame *sent_frame, const struct packet *sent)
{
    enum { V4_QUOTE = ETHER_LEN + 28, V4_FRAG = 6, V4_DST = 16, V6_QUOTE = ETHER_LEN + 48, V6_NEXT = 6, V6_DST = 24 };
    struct packet p;
    if (!packet_parse(f, &p)) return false;
    if (p.offset && !sent->more && !sent->offset) return true; /* the error is about a fragment */
    if (!packet_is_error(&p) || f->len < V6_QUOTE + V6_DST + 16) return false;
    const uint8_t *q = f->bytes + (p.v6 ? V6_QUOTE : V4_QUOTE);
    const unsigned quoted = f->len - (p.v6 ? (unsigned)V6_QUOTE : (unsigned)V4_QUOTE);
    const bool fragment = p.v6 ? q[V6_NEXT] == IPPROTO_NR_FRAGMENT : (q[V4_FRAG] & 0x3f) | q[V4_FRAG + 1];
    const bool whole = !sent->more && !sent->offset && p.ttl + 1 != sent->ttl;
    if (whole && (fragment || quoted > sent_frame->len)) return true;
    return fragment && (p.v6 != sent->v6 || memcmp(q + (p.v6 ? V6_DST : V4_DST), sent->dst, p.v6 ? 16 : 4));
}

unsigned known_put_late_last(const struct difference *d, struct frame *prey, unsigned count)
{
    struct packet sent;
    unsigned on_time = 0;
    if (!packet_parse(d->sent, &sent)) return count;
    for (unsigned i = 0; i < count; i++) {
        if (is_of_earlier_fragment(&prey[i], d->sent, &sent)) continue;
        const struct frame one = prey[i];
        memmove(&prey[on_time + 1], &prey[on_time], (i - on_time) * sizeof *prey);
        prey[on_time++] = one;
    }
    return on_time;
}

bool is_said_late(const struct difference *d) { return d->late; }
