/* Differences in a packet's path, or in how much of the packet is seen on it */
#include <string.h>

#include "tests/diff/routers/known_priv.h"
#include "vm/packet/parse/header.h"

static bool has_address(const struct world *w, unsigned iface, bool v6)
{
    return v6 ? w->iface[iface].has6 : w->iface[iface].has4;
}

/* True if the source is one that a router would use if it had an address of that family there. */
static bool is_of_no_interface(const struct world *w, const struct packet *p)
{
    uint8_t addr[16];
    for (unsigned i = 0; i < w->ifs; i++) {
        world_addr(p->v6, i, HOST_ROUTER, addr);
        if (!has_address(w, i, p->v6) && !memcmp(p->src, addr, 16)) return true;
    }
    return is_from_loopback(p);
}

/* True if both masquerade, on an interface without an address, with another's address; or if prey has no address,
 * where Linux uses one of loopback, or the one that a rule of nft names. */
bool is_anothers_address(const struct difference *d)
{
    struct packet prey, netfilter;
    if (!d->prey_count && d->netfilter_count)
        return packet_parse(d->netfilter, &netfilter) && !packet_is_error(&netfilter) &&
               is_of_no_interface(d->world, &netfilter);
    if (!d->prey_count || d->prey_count != d->netfilter_count) return false;
    for (unsigned i = 0; i < d->prey_count; i++) {
        if (!packet_parse(&d->prey[i], &prey) || !packet_parse(&d->netfilter[i], &netfilter)) return false;
        if (d->prey[i].iface != d->netfilter[i].iface || has_address(d->world, d->prey[i].iface, prey.v6)) return false;
        if (!is_own(d->world, &prey) || !is_own(d->world, &netfilter)) return false;
        if (!memcmp(prey.src, netfilter.src, 16) || memcmp(prey.dst, netfilter.dst, 16)) return false;
    }
    return true;
}

/* True if another host sends to the outside end of an opener without a route. Prey translated the packet and lost
 * it. Netfilter's router has nobody there, or forwards the packet to the host with that address. */
static bool is_turned_to_nowhere(const struct difference *d)
{
    struct packet sent, netfilter, left, opener = {.v6 = d->talk->v6};
    const struct seen_of *of = &d->talk->of[d->side];
    memcpy(opener.dst, d->talk->src, 16);
    return (d->step == STEP_STRANGER || d->step == STEP_INWARDS) && of->left && packet_parse(&of->last, &left) &&
           memcmp(left.src, d->talk->src, 16) && is_to_nowhere(d->world, &opener) && !d->prey_count &&
           d->netfilter_count == 1 && packet_parse(d->sent_there, &sent) && packet_parse(d->netfilter, &netfilter) &&
           (is_as_it_came(&netfilter, &sent) ||
            (is_reject(&netfilter) && !memcmp(netfilter.src, sent.dst, 16) && !memcmp(netfilter.dst, sent.src, 16)));
}

/* True if netfilter's router, in the name of the outside address, reports no route to the inside of a map. */
bool is_lost_without_way(const struct difference *d)
{
    struct packet sent, netfilter;
    if (is_turned_to_nowhere(d)) return true;
    return !d->prey_count && d->netfilter_count == 1 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && is_no_way(&netfilter) && map_of(d->world, &sent) &&
           !memcmp(netfilter.src, sent.dst, 16) && !memcmp(netfilter.dst, sent.src, 16);
}

/* True if netfilter's router sent a packet of an unconditional map, complete or in fragments, only by interfaces
 * that prey doesn't serve, or would have if a hop had been left. */
bool is_mapped_past_ports(const struct difference *d)
{
    struct packet sent, netfilter;
    if (d->prey_count || !packet_parse(d->sent, &sent) || !is_of_map_anywhere(d->world, &sent)) return false;
    for (unsigned i = 0; i < d->netfilter_count; i++)
        if (is_served(d, d->netfilter[i].iface) || !packet_parse(&d->netfilter[i], &netfilter) ||
            netfilter.ttl + 1 != sent.ttl || memcmp(netfilter.dst, sent.dst, 16))
            return false;
    return d->netfilter_count;
}

/* True for a destination that a map translates to a network behind an interface that isn't served. */
static bool is_mapped_to_no_port(const struct difference *d, const struct packet *p)
{
    const struct nat *n = map_of(d->world, p);
    return n && !is_served(d, n->net);
}

/* True for a packet that prey translates to an opener behind an interface that it doesn't serve, or that was heard
 * on another. */
static bool is_for_opener_at_no_port(const struct difference *d)
{
    const struct seen_of *of = &d->talk->of[d->side];
    struct packet left;
    const bool at_no_port =
        !is_served(d, d->talk->iface) || !is_served(d, world_behind(d->world, d->talk->v6, d->talk->net));
    return (d->step == STEP_STRANGER || d->step == STEP_INWARDS) && at_no_port && of->left &&
           packet_parse(&of->last, &left) && memcmp(left.src, d->talk->src, 16);
}

/* True if a map without `out on` matches the packet's source. */
static bool is_of_mapped(const struct world *w, const struct packet *p)
{
    bool any = false;
    for (unsigned i = 0; i < w->nat_count; i++) {
        const struct nat *n = &w->nats[i];
        uint8_t net[16];
        world_addr(p->v6, n->net, 0, net);
        any |= n->kind == NAT_MAP && n->anywhere && n->v6 == p->v6 && !memcmp(p->src, net, p->v6 ? 8 : 3);
    }
    return any;
}

/* True if netfilter's router sent a mapped host's packet only by an interface that prey doesn't serve, with another
 * source. */
static bool is_mapped_out_of_no_port(const struct difference *d)
{
    struct packet sent, netfilter;
    bool mapped = !d->prey_count && d->netfilter_count && packet_parse(d->sent, &sent) && is_of_mapped(d->world, &sent);
    for (unsigned i = 0; i < d->netfilter_count && mapped; i++)
        mapped = packet_parse(&d->netfilter[i], &netfilter) && !is_served(d, d->netfilter[i].iface) &&
                 memcmp(netfilter.src, sent.src, 16);
    return mapped;
}

/* True if netfilter's router translated the packet, or its fragments, and sent it by an interface that prey doesn't
 * serve. Also true if prey does this with a packet to the outside end of an opener behind one, or with a mapped
 * host's packet. */
bool is_turned_to_no_port(const struct difference *d)
{
    struct packet sent, netfilter;
    if (is_mapped_out_of_no_port(d)) return true;
    if (!d->prey_count && is_for_opener_at_no_port(d)) return true;
    bool turned = !d->prey_count && d->netfilter_count && packet_parse(d->sent, &sent);
    for (unsigned i = 0; i < d->netfilter_count && turned; i++)
        turned = packet_parse(&d->netfilter[i], &netfilter) && netfilter.ttl + 1 == sent.ttl &&
                 (is_mapped_to_no_port(d, &sent) ||
                  (!is_served(d, d->netfilter[i].iface) && memcmp(netfilter.dst, sent.dst, 16)));
    return turned;
}

/* True if the packet goes to the station that the other came from; without Ethernet there is only one. */
static bool is_station(const struct packet *to, const struct packet *from)
{
    static const uint8_t none[6];
    return !memcmp(to->to_mac, none, 6) || !memcmp(to->to_mac, from->from_mac, 6);
}

/* True if prey's frame went where the opener was heard, and netfilter's router sent its frame by another route, or
 * knew none. */
bool is_where_it_was_heard(const struct difference *d)
{
    struct packet sent, open, prey, netfilter;
    struct frame f[FRAGMENTS_SEEN_MOST];
    if (d->netfilter_count > 1 || d->prey_count != 1 || d->step < STEP_REPLY || !packet_parse(d->sent, &sent))
        return false;
    step_frames(d->talk, d->world, STEP_OPEN, SIDE_NETFILTER, 0, f);
    if (!packet_parse(f, &open) || !packet_parse(d->prey, &prey) || prey.ttl + 1 != sent.ttl) return false;
    if (d->prey->iface != d->talk->iface || !is_station(&prey, &open) || memcmp(prey.dst, open.src, 16)) return false;
    if (!d->netfilter_count || !packet_parse(d->netfilter, &netfilter)) return true;
    if (packet_is_error(&netfilter) && !memcmp(netfilter.dst, sent.src, 16)) return true;
    return d->prey->len == d->netfilter->len &&
           !memcmp(d->prey->bytes + 14, d->netfilter->bytes + 14, d->prey->len - 14u);
}

/* True if both errors quote a packet with the same addresses. */
static bool quote_same_ends(const struct frame *a, const struct frame *b, bool v6)
{
    const unsigned at = v6 ? ETHER_LEN + 48 + 8 : ETHER_LEN + 28 + 12, len = v6 ? 32 : 8;
    return a->len == b->len && a->len >= at + len && !memcmp(a->bytes + at, b->bytes + at, len);
}

/* True if XDP loses an error from a host behind an interface that isn't served. Linux sends it by another interface
 * than its flow's packets, which has no ring and no statement that translates. */
static bool is_error_without_ring(const struct difference *d)
{
    const struct seen_of *of = &d->talk->of[d->side];
    struct packet sent, netfilter;
    return d->side == SIDE_XDP && d->step == STEP_ERROR_ON && !d->prey_count && d->netfilter_count == 1 &&
           d->world->policy_count && of->left && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && packet_is_error(&netfilter) && netfilter.ttl + 1 == sent.ttl &&
           !is_served(d, d->sent->iface) && d->netfilter->iface != of->last.iface &&
           !leaves_translated(d->world, d->netfilter->iface, sent.v6);
}

/* True if netfilter's router sends no error back for an error whose destination a route rejects, and prey's error
 * left by the route of the opener's packets. */
static bool is_error_past_a_refusal(const struct difference *d)
{
    struct packet sent, last, prey;
    const struct seen_of *of = &d->talk->of[d->side];
    return d->step == STEP_ERROR_ON && !d->netfilter_count && d->prey_count == 1 && of->left &&
           packet_parse(d->sent, &sent) && packet_parse(&of->last, &last) && packet_parse(d->prey, &prey) &&
           packet_is_error(&prey) && prey.ttl + 1 == sent.ttl && is_to_nowhere(d->world, &sent) &&
           d->prey->iface == of->last.iface && !memcmp(prey.to_mac, last.to_mac, 6) &&
           !memcmp(prey.src, last.src, 16) && !memcmp(prey.dst, last.dst, 16);
}

/* True if, in user space, this machine's stack also forwarded the error, unchanged, by an interface that isn't
 * served, because policy rules by source lead there. The other frame is prey's, about the outside end. */
bool is_error_past_ports(const struct difference *d)
{
    struct packet sent, one;
    unsigned raw = 0, translated = 0;
    if (d->side != SIDE_USER || d->step != STEP_ERROR_ON || d->prey_count > 2 || !d->world->policy_count ||
        !packet_parse(d->sent, &sent))
        return false;
    for (unsigned i = 0; i < d->prey_count; i++) {
        if (!packet_parse(&d->prey[i], &one) || !packet_is_error(&one) || one.ttl + 1 != sent.ttl) return false;
        raw += !memcmp(one.src, sent.src, 16) && !is_served(d, d->prey[i].iface);
        translated += memcmp(one.src, sent.src, 16) && is_served(d, d->prey[i].iface);
    }
    return raw == 1 && raw + translated == d->prey_count;
}

/* True if the errors are equal, and prey's left like the opener's packets, by that interface and next hop. */
bool is_error_by_its_flow(const struct difference *d)
{
    struct packet last, prey, netfilter;
    const struct seen_of *of = &d->talk->of[d->side];
    if (is_error_without_ring(d) || is_error_past_a_refusal(d)) return true;
    if (d->step != STEP_ERROR_ON || d->prey_count != 1 || d->netfilter_count != 1 || !d->world->policy_count)
        return false;
    if (!of->left || !packet_parse(&of->last, &last) || !packet_parse(d->prey, &prey) ||
        !packet_parse(d->netfilter, &netfilter) || !packet_is_error(&prey))
        return false;
    if (d->prey->iface != of->last.iface || memcmp(prey.to_mac, last.to_mac, 6) || memcmp(prey.src, last.src, 16))
        return false;
    return prey.type == netfilter.type && prey.code == netfilter.code && prey.ttl == netfilter.ttl &&
           !memcmp(prey.src, netfilter.src, 16) && !memcmp(prey.dst, netfilter.dst, 16) &&
           quote_same_ends(d->prey, d->netfilter, prey.v6);
}

/* True if netfilter's router sent the packet by an interface that isn't served, or would have if a hop had been
 * left. */
static bool is_left_to_host(const struct difference *d)
{
    const struct seen_of *of = &d->talk->of[SIDE_NETFILTER];
    struct packet sent, netfilter;
    if (!is_served(d, d->sent->iface) || !packet_parse(d->sent, &sent)) return false;
    if (sent.ttl == 1)
        return d->netfilter_count == 1 && packet_parse(d->netfilter, &netfilter) && is_no_hop_left(&netfilter) &&
               (!of->left || !is_served(d, of->last.iface));
    for (unsigned i = 0; i < d->netfilter_count; i++)
        if (is_served(d, d->netfilter[i].iface)) return false;
    return d->netfilter_count;
}

/* True if the host reported no route for the packet, while netfilter's router forwarded it, complete or in
 * fragments, or would have if a hop had been left. */
static bool is_refused_by_arrival(const struct difference *d)
{
    struct packet sent, prey, netfilter;
    bool sent_on = d->prey_count == 1 && d->netfilter_count && packet_parse(d->sent, &sent) &&
                   packet_parse(d->prey, &prey) && is_no_way(&prey) && is_own(d->world, &prey) &&
                   !memcmp(prey.dst, sent.src, 16);
    for (unsigned i = 0; i < d->netfilter_count && sent_on; i++)
        sent_on =
            packet_parse(&d->netfilter[i], &netfilter) &&
            (is_no_hop_left(&netfilter) || is_as_it_came(&netfilter, &sent) ||
             (d->step == STEP_FRAGMENTS && netfilter.ttl + 1 == sent.ttl && !memcmp(netfilter.dst, sent.dst, 16)));
    return sent_on;
}

/* True if a policy rule tests the arrival interface, which prey couldn't give to the host: the packet left by
 * another route, or, in user space, was lost. */
bool is_routed_without_arrival(const struct difference *d)
{
    struct packet sent, prey, netfilter;
    if (!packet_parse(d->sent, &sent) || !asks_arrival(d->world, sent.v6, d->sent->iface)) return false;
    if (d->side == SIDE_USER) return !d->prey_count && (!d->world->across.judges || is_left_to_host(d));
    if (!d->prey_count)
        return is_no_way_of_netfilters(d) ||
               (packet_parse(d->netfilter, &netfilter) && netfilter.ttl + 1 == sent.ttl) ||
               (sent.ttl == 1 && is_left_to_host(d));
    if (is_refused_by_arrival(d)) return true;
    if (d->prey_count != d->netfilter_count) return false;
    for (unsigned i = 0; i < d->prey_count; i++) {
        if (!packet_parse(&d->prey[i], &prey) || !packet_parse(&d->netfilter[i], &netfilter)) return false;
        const bool same = d->prey[i].iface == d->netfilter[i].iface && !memcmp(prey.to_mac, netfilter.to_mac, 6);
        if (same || memcmp(prey.dst, netfilter.dst, 16)) return false;
    }
    return true;
}

/* True if some later fragments of a packet from an interface that isn't served are missing. */
bool is_without_later_fragments(const struct difference *d)
{
    struct packet one;
    if (d->side == SIDE_USER || d->step != STEP_FRAGMENTS || is_served(d, d->sent->iface)) return false;
    if (d->prey_count >= d->netfilter_count) return false;
    for (unsigned i = 0; i < d->prey_count; i++) {
        bool found = false;
        for (unsigned k = 0; k < d->netfilter_count && !found; k++)
            found = d->prey[i].iface == d->netfilter[k].iface && d->prey[i].len == d->netfilter[k].len;
        if (!found) return false;
    }
    return !d->prey_count || (packet_parse(d->prey, &one) && !one.offset);
}

/* True if the sent packet came out unchanged on prey's side, and netfilter's router held it back or rejected it. */
bool is_only_watched(const struct difference *d)
{
    struct packet sent, one;
    if (d->side != SIDE_USER || !d->prey_count || !packet_parse(d->sent, &sent)) return false;
    for (unsigned i = 0; i < d->prey_count; i++) {
        if (is_served(d, d->prey[i].iface)) return false;
        if (!packet_parse(&d->prey[i], &one) || one.ttl + 1 != sent.ttl || memcmp(one.src, sent.src, 16) ||
            memcmp(one.dst, sent.dst, 16))
            return false;
    }
    for (unsigned i = 0; i < d->netfilter_count; i++)
        if (!packet_parse(&d->netfilter[i], &one) || !is_reject(&one) || memcmp(one.dst, sent.src, 16)) return false;
    return true;
}
