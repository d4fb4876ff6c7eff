/* Differences in the way that a packet goes, or in how much of it is seen on that way */
#include <string.h>

#include "tests/diff/routers/known_priv.h"
#include "vm/packet/parse/header.h"

static bool has_address(const struct world *w, unsigned iface, bool v6)
{
    return v6 ? w->iface[iface].has6 : w->iface[iface].has4;
}

/* True if the source is one that a router would have, had it any address of that family there. */
static bool is_of_no_interface(const struct world *w, const struct packet *p)
{
    uint8_t addr[16];
    for (unsigned i = 0; i < w->ifs; i++) {
        world_addr(p->v6, i, HOST_ROUTER, addr);
        if (!has_address(w, i, p->v6) && !memcmp(p->src, addr, 16)) return true;
    }
    return is_from_loopback(p);
}

/* True if both masquerade by an interface without an address, with another's; or if prey has none, where Linux takes
 * one of loopback, or the one that a rule of nft names. */
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

/* True if another host asks for the end outside of an opener to whom no route leads: prey turned it and lost it, and
 * netfilter's router has nobody there, or sends it on to whoever has that address. */
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

/* True if netfilter's router, in the name of the outside address, says that no way leads to the inside of a map. */
bool is_lost_without_way(const struct difference *d)
{
    struct packet sent, netfilter;
    if (is_turned_to_nowhere(d)) return true;
    return !d->prey_count && d->netfilter_count == 1 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && is_no_way(&netfilter) && map_of(d->world, &sent) &&
           !memcmp(netfilter.src, sent.dst, 16) && !memcmp(netfilter.dst, sent.src, 16);
}

/* True if netfilter's router sent what a map takes wherever it leaves, whole or in fragments, by interfaces that
 * prey does not serve only; or would have, had it a hop left. */
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

/* True for a destination that a map turns to a network behind an interface that is not served. */
static bool is_mapped_to_no_port(const struct difference *d, const struct packet *p)
{
    const struct nat *n = map_of(d->world, p);
    return n && !is_served(d, n->net);
}

/* True for what prey turns inwards, to an opener behind an interface that it does not serve, or heard by another. */
static bool is_for_opener_at_no_port(const struct difference *d)
{
    const struct seen_of *of = &d->talk->of[d->side];
    struct packet left;
    const bool at_no_port =
        !is_served(d, d->talk->iface) || !is_served(d, world_behind(d->world, d->talk->v6, d->talk->net));
    return (d->step == STEP_STRANGER || d->step == STEP_INWARDS) && at_no_port && of->left &&
           packet_parse(&of->last, &left) && memcmp(left.src, d->talk->src, 16);
}

/* True if a map without `out on` takes the packet's source. */
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

/* True if all that left of a mapped host's packet on netfilter's side did so by an interface that prey does not serve,
 * with another source. */
static bool is_mapped_out_of_no_port(const struct difference *d)
{
    struct packet sent, netfilter;
    bool mapped = !d->prey_count && d->netfilter_count && packet_parse(d->sent, &sent) && is_of_mapped(d->world, &sent);
    for (unsigned i = 0; i < d->netfilter_count && mapped; i++)
        mapped = packet_parse(&d->netfilter[i], &netfilter) && !is_served(d, d->netfilter[i].iface) &&
                 memcmp(netfilter.src, sent.src, 16);
    return mapped;
}

/* True if netfilter's router turned the packet, or its fragments, and it left by an interface that prey does not serve;
 * or if prey does so with what is for the end outside of an opener behind one; or with a mapped host's packet. */
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

/* True if it goes to the station that the other came from; without Ethernet there is one only. */
static bool is_station(const struct packet *to, const struct packet *from)
{
    static const uint8_t none[6];
    return !memcmp(to->to_mac, none, 6) || !memcmp(to->to_mac, from->from_mac, 6);
}

/* True if prey's frame went to where the opener was heard, and netfilter's router sent it by another way, or knew
 * none. */
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

/* True if both errors quote a packet of the same addresses. */
static bool quote_same_ends(const struct frame *a, const struct frame *b, bool v6)
{
    const unsigned at = v6 ? ETHER_LEN + 48 + 8 : ETHER_LEN + 28 + 12, len = v6 ? 32 : 8;
    return a->len == b->len && a->len >= at + len && !memcmp(a->bytes + at, b->bytes + at, len);
}

/* True if an error of a host behind an interface that is not served is lost at XDP, where Linux sends it by another
 * interface than its flow's packets, at which no statement translates: no ring is there. */
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

/* True if netfilter's router says nothing of an error to where a route refuses, and prey's left where the opener's
 * packets do. */
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

/* True if in user space this machine's stack sent the error on, too, as it came, by an interface that is not served,
 * where policy rules by source lead it; the other frame is prey's, about the end outside. */
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

/* True if the errors are the same, and prey's left where the opener's packets do, by that interface and next hop. */
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

/* True if netfilter's router sent the packet, or would have had it a hop left, by an interface that is not served. */
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

/* True if the host said of the packet that no way leads there, where netfilter's router sent it on, whole or in
 * fragments, or would have had it a hop left. */
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

/* True if a policy rule asks where the packet came in, which prey could not tell the host: it left by another way, or,
 * in user space, was lost. */
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

/* True if some later fragments are missing of what came by an interface that is not served. */
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

/* True if prey's frames are what was sent, as it came, and netfilter's router held it back or rejected it. */
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
