/* Kinds of differences, by the frames of both sides: one predicate for each row of the table (known.c) */
#include <string.h>

#include "tests/diff/routers/known_priv.h"
#include "vm/packet/parse/header.h"

/* One frame on each side, one of which is prey's own answer to the packet. */
static bool are_answers(const struct difference *d, struct packet *sent, struct packet *netfilter, struct packet *prey)
{
    return d->netfilter_count == 1 && d->prey_count == 1 && packet_parse(d->sent, sent) &&
           packet_parse(d->netfilter, netfilter) && packet_parse(d->prey, prey) && !memcmp(prey->dst, sent->src, 16);
}

static bool is_reset(const struct packet *p) { return p->proto == IPPROTO_NR_TCP && p->flags & FLAG_RST; }
static bool is_port_unreachable(const struct packet *p)
{
    return packet_is_error(p) && p->type == (p->v6 ? 1 : 3) && p->code == (p->v6 ? 4 : 3);
}
static bool is_reject(const struct packet *p) { return is_reset(p) || is_port_unreachable(p); }

static bool is_served(const struct difference *d, unsigned iface) { return d->world->iface[iface].served; }

/* True if prey rejects the packet, in the name of its destination. */
static bool is_rejected(const struct difference *d)
{
    struct packet sent, prey;
    return d->prey_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->prey, &prey) && is_reject(&prey) &&
           !memcmp(prey.src, sent.dst, 16) && !memcmp(prey.dst, sent.src, 16);
}

/* A packet that came by an interface which is not served is rejected where it leaves: the host routes the answer. */
bool is_reject_in_its_name(const struct difference *d)
{
    struct packet netfilter, prey, sent;
    if (!are_answers(d, &sent, &netfilter, &prey) || memcmp(netfilter.dst, sent.src, 16) ||
        memcmp(prey.src, sent.dst, 16))
        return false;
    if (d->prey->iface != (is_served(d, d->sent->iface) ? d->sent : d->netfilter)->iface) return false;
    return (is_reset(&netfilter) && is_reset(&prey)) || (is_port_unreachable(&netfilter) && is_port_unreachable(&prey));
}

/* True for the source that Linux takes where no interface has an address of IPv6. */
static bool is_from_loopback(const struct packet *p)
{
    static const uint8_t loopback[16] = {[15] = 1};
    return p->v6 && !memcmp(p->src, loopback, sizeof loopback);
}

static bool is_own(const struct world *w, const struct packet *p)
{
    for (unsigned i = 0; i < w->ifs; i++)
        for (unsigned second = 0; second < 2; second++) {
            uint8_t own[16];
            world_addr(p->v6, i, second ? HOST_SECOND : HOST_ROUTER, own);
            if ((p->v6 ? w->iface[i].has6 : w->iface[i].has4) && !memcmp(p->src, own, 16)) return true;
        }
    return false;
}

/* Netfilter translates its router's error about a translated packet, too: then it comes from the address that was
 * asked. */
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

/* What netfilter's router says before the forward hook is asked: the TTL is over, no way leads there. What left once of
 * the same conversation would be let by. */
bool is_judged_first(const struct difference *d)
{
    struct packet netfilter, prey, sent;
    if (d->netfilter_count != 1 || d->prey_count > 1 || !packet_parse(d->netfilter, &netfilter) ||
        !packet_parse(d->sent, &sent))
        return false;
    if (!packet_is_error(&netfilter) || memcmp(netfilter.dst, sent.src, 16) || !d->world->across.judges ||
        (d->step < STEP_REPLY && d->talk->of[SIDE_NETFILTER].left))
        return false;
    return !d->prey_count || (packet_parse(d->prey, &prey) && is_reject(&prey) && !memcmp(prey.src, sent.dst, 16));
}

/* Conntrack puts pieces together, so netfilter's router says one thing about all, and quotes more. */
bool is_said_of_each_piece(const struct difference *d)
{
    struct packet one;
    if (d->step != STEP_PIECES || !d->netfilter_count || !d->prey_count || !packet_parse(d->netfilter, &one) ||
        !packet_is_error(&one))
        return false;
    for (unsigned i = 0; i < d->prey_count; i++)
        if (!packet_parse(&d->prey[i], &one) || !packet_is_error(&one)) return false;
    return true;
}

/* True for a router's word that no way leads somewhere. */
static bool is_no_way(const struct packet *p)
{
    return packet_is_error(p) && p->type == (p->v6 ? 1 : 3) && !is_port_unreachable(p);
}

/* True if all that netfilter's router sends is its word that no way leads there. */
static bool is_no_way_of_netfilters(const struct difference *d)
{
    struct packet p;
    return d->netfilter_count == 1 && packet_parse(d->netfilter, &p) && is_no_way(&p) && is_own(d->world, &p);
}

/* True if all that left on one side is the router's word that no way leads there, and on the other nothing. One that it
 * sends on for somebody else, with its own address, has lost a hop. */
bool is_no_way_said_once(const struct difference *d)
{
    const struct frame *one = d->netfilter_count ? d->netfilter : d->prey;
    struct packet sent, p;
    return d->netfilter_count + d->prey_count == 1 && packet_parse(d->sent, &sent) && packet_parse(one, &p) &&
           is_no_way(&p) && is_own(d->world, &p) && p.ttl + 1 != sent.ttl;
}

/* True for a destination to which a route of another kind leads, in some table. */
static bool is_to_nowhere(const struct world *w, const struct packet *p)
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

/* True if the router said nothing more of such a destination, and prey rejects the packet. */
bool is_reject_in_its_place(const struct difference *d)
{
    struct packet sent, prey;
    return !d->netfilter_count && d->prey_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->prey, &prey) &&
           is_to_nowhere(d->world, &sent) && is_reject(&prey) && !memcmp(prey.src, sent.dst, 16);
}

static bool asks_arrival(const struct world *w, bool v6, unsigned iface)
{
    for (unsigned i = 0; i < w->policy_count; i++)
        if (w->policies[i].kind == POLICY_IIF && w->policies[i].v6 == v6 && w->policies[i].what == iface) return true;
    return false;
}

static bool is_no_hop_left(const struct packet *p) { return packet_is_error(p) && p->type == (p->v6 ? 3 : 11); }

/* True if this machine's stack says, too, that no hop was left: a policy rule asks where the packet came in, so guard
 * rules did not know that it goes from port to port. */
static bool is_end_said_twice(const struct difference *d)
{
    struct packet sent, one, other, netfilter;
    return d->side == SIDE_USER && d->netfilter_count == 1 && d->prey_count == 2 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && packet_parse(&d->prey[0], &one) &&
           packet_parse(&d->prey[1], &other) && sent.ttl == 1 && asks_arrival(d->world, sent.v6, d->sent->iface) &&
           is_no_hop_left(&netfilter) && is_no_hop_left(&one) && is_no_hop_left(&other) && is_own(d->world, &one) &&
           is_own(d->world, &other) && !memcmp(one.dst, sent.src, 16) && !memcmp(other.dst, sent.src, 16);
}

/* True if both answer, this machine's stack and the rules, or prey's router. */
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

/* True if the statement takes the packet, wherever this machine's own addresses lie. */
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

/* True if this machine would have said that nobody listens there, where a `forward` of a router before took the packet.
 */
bool is_hidden_since_before(const struct difference *d)
{
    struct packet sent, netfilter;
    if (d->side != SIDE_USER || d->prey_count || d->netfilter_count != 1 || !packet_parse(d->sent, &sent) ||
        !packet_parse(d->netfilter, &netfilter) || !is_reject(&netfilter) || !is_own(d->world, &netfilter) ||
        memcmp(netfilter.src, sent.dst, 16) || memcmp(netfilter.dst, sent.src, 16))
        return false;
    for (unsigned i = 0; i < d->world->gone_count; i++)
        if (is_taken(&d->world->gone[i], &sent, d->sent->iface)) return true;
    return false;
}

/* True if prey's error went back where the packet came from, and netfilter's router knows no way to there. */
bool is_error_without_route(const struct difference *d)
{
    struct packet sent, prey;
    return !d->netfilter_count && d->prey_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->prey, &prey) &&
           ((packet_is_error(&prey) && is_own(d->world, &prey)) || is_rejected(d)) &&
           d->prey->iface == d->sent->iface && (d->world->policy_count || d->world->with & WITH_CHANGES);
}

static bool has_had(const struct talk *t, enum step_kind a, enum step_kind b)
{
    for (unsigned i = 0; i + 1 < t->history_count; i++)
        if (t->history[i] == a || t->history[i] == b) return true;
    return false;
}

/* The end may be the reset of this machine's own stack, too. */
bool is_after_the_end(const struct difference *d)
{
    struct packet netfilter;
    if (d->talk->proto != IPPROTO_NR_TCP) return false;
    return has_had(d->talk, STEP_RESET_BACK, STEP_CLOSE) ||
           (has_had(d->talk, STEP_OPEN, STEP_OPEN) && !d->prey_count && d->netfilter_count == 1 &&
            packet_parse(d->netfilter, &netfilter) && is_reset(&netfilter) && is_own(d->world, &netfilter));
}

/* True if the side had given that port before. */
static bool is_named(const struct names *names, uint16_t port)
{
    for (unsigned i = 0; i < names->count; i++)
        if (names->at[i] == port) return true;
    return false;
}

/* True if prey's packet has its end outside still, and netfilter's a new one. */
bool is_of_kept_end(const struct difference *d)
{
    const struct seen_of *of = &d->talk->of[d->side];
    struct packet sent, netfilter, prey;
    return d->talk->proto == IPPROTO_NR_TCP && has_had(d->talk, STEP_STRAY, STEP_STRAY) && d->prey_count == 1 &&
           d->netfilter_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->netfilter, &netfilter) &&
           packet_parse(d->prey, &prey) && prey.ttl + 1 == sent.ttl && netfilter.ttl == prey.ttl &&
           d->prey->iface == d->netfilter->iface && !memcmp(prey.src, netfilter.src, 16) &&
           !memcmp(prey.dst, netfilter.dst, 16) && !memcmp(prey.dst, sent.dst, 16) && prey.dst_port == netfilter.dst_port &&
           prey.flags == netfilter.flags && prey.seq == netfilter.seq && is_named(&of->names, prey.src_port) &&
           !is_named(&of->netfilters, netfilter.src_port);
}

/* True for a reset whose number is below what its receiver expects, as bytes were sent before that netfilter counts. */
bool is_early_reset(const struct difference *d)
{
    struct packet sent;
    return (d->step == STEP_RESET_BACK || d->step == STEP_CLOSE) && !d->prey_count && d->netfilter_count == 1 &&
           packet_parse(d->sent, &sent) && is_reset(&sent) &&
           (has_had(d->talk, STEP_REPLY_AGAIN, STEP_PIECES) || has_had(d->talk, STEP_UNDER, STEP_UNDER));
}

bool is_fin_of_nothing(const struct difference *d)
{
    struct packet sent;
    return d->step == STEP_STRAY && packet_parse(d->sent, &sent) && sent.proto == IPPROTO_NR_TCP &&
           sent.flags & FLAG_FIN;
}

/* The end outside of a conversation, which others ask for, from outside and from inside. */
bool is_end_for_all(const struct difference *d)
{
    struct packet left;
    const struct seen_of *of = &d->talk->of[d->side];
    return (d->step == STEP_STRANGER || d->step == STEP_INWARDS) && of->left && packet_parse(&of->last, &left) &&
           memcmp(left.src, d->talk->src, 16) && d->prey_count == 1;
}

/* True if a side lets by a reset of the connection that it follows since a FIN. */
static bool is_reset_of_followed(const struct difference *d)
{
    struct packet sent, prey;
    return d->step == STEP_STRAY && d->talk->of[d->side].fin_left && !d->netfilter_count && d->prey_count == 1 &&
           packet_parse(d->sent, &sent) && is_reset(&sent) && packet_parse(d->prey, &prey) && is_reset(&prey) &&
           prey.ttl + 1 == sent.ttl && prey.seq == sent.seq && !memcmp(prey.dst, sent.dst, 16);
}

bool is_after_fin_of_nothing(const struct difference *d)
{
    if (is_reset_of_followed(d)) return true;
    return d->talk->proto == IPPROTO_NR_TCP && (d->prey_count < d->netfilter_count || is_rejected(d)) &&
           has_had(d->talk, STEP_STRAY, STEP_STRAY);
}

/* ---- packets of no connection, and past a translation ---- */

/* True if the frame is what was sent, one hop on and otherwise as it came. */
static bool is_as_it_came(const struct packet *left, const struct packet *sent)
{
    return left->ttl + 1 == sent->ttl && !memcmp(left->src, sent->src, 16) && !memcmp(left->dst, sent->dst, 16) &&
           left->src_port == sent->src_port && left->dst_port == sent->dst_port;
}

/* True if the address is one of the map's inside. */
static bool is_inside_of_map(const struct nat *n, bool v6, const uint8_t addr[16])
{
    uint8_t inside[16];
    for (unsigned h = 0; n->kind == NAT_MAP && n->v6 == v6 && h < 1u << MAPPED_BITS; h++) {
        world_addr(v6, n->net, HOST_MAPPED + h, inside);
        if (!memcmp(addr, inside, 16)) return true;
    }
    return false;
}

/* True if a map that asks for no way out has the packet's source. */
static bool is_of_map_anywhere(const struct world *w, const struct packet *p)
{
    for (unsigned i = 0; i < w->nat_count; i++)
        if (w->nats[i].anywhere && is_inside_of_map(&w->nats[i], p->v6, p->src)) return true;
    return false;
}

/* True if a statement of a nat translates sources of what leaves there. */
static bool leaves_translated(const struct world *w, unsigned iface, bool v6)
{
    for (unsigned i = 0; i < w->nat_count; i++) {
        const struct nat *n = &w->nats[i];
        if (n->kind == NAT_FORWARD || (n->kind != NAT_MASQUERADE && n->v6 != v6)) continue;
        if (n->out == iface || n->outs) return true;
    }
    return false;
}

/* True for what begins no flow: answers, and segments without ACK. */
static bool is_answer_of_nothing(const struct packet *p)
{
    const bool segment = p->proto == IPPROTO_NR_TCP;
    if (segment && (p->flags & (FLAG_SYN | FLAG_ACK)) != FLAG_SYN && (p->flags & FLAG_SYN || !(p->flags & FLAG_ACK)))
        return true;
    return is_reset(p) || packet_is_error(p) || (packet_is_query(p) && p->type == icmp_echo(p->v6, true));
}

/* True for netfilter's reject of what came by an interface that prey does not serve, where it leaves by one at which a
 * statement hides its source. */
static bool is_reject_of_hidden(const struct difference *d)
{
    struct packet sent, netfilter;
    return !d->prey_count && d->netfilter_count == 1 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && is_reject(&netfilter) && !memcmp(netfilter.dst, sent.src, 16) &&
           !is_served(d, d->sent->iface) && is_served(d, d->netfilter->iface) &&
           leaves_translated(d->world, d->netfilter->iface, sent.v6);
}

bool is_refused_without_flow(const struct difference *d)
{
    struct packet sent, netfilter;
    if (is_reject_of_hidden(d)) return true;
    if (!d->prey_count && d->netfilter_count == 1 && packet_parse(d->sent_there, &sent) &&
        packet_parse(d->netfilter, &netfilter) && is_answer_of_nothing(&sent) && is_reset(&netfilter) &&
        !memcmp(netfilter.src, sent.dst, 16) && !memcmp(netfilter.dst, sent.src, 16))
        return true;
    return !d->prey_count && d->netfilter_count == 1 && packet_parse(d->sent_there, &sent) &&
           packet_parse(d->netfilter, &netfilter) && is_answer_of_nothing(&sent) && is_as_it_came(&netfilter, &sent) &&
           (leaves_translated(d->world, d->netfilter->iface, sent.v6) || is_of_map_anywhere(d->world, &sent));
}

bool is_translated_all_the_same(const struct difference *d)
{
    struct packet sent, netfilter, prey;
    return d->step == STEP_STRAY && d->prey_count == 1 && d->netfilter_count == 1 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && packet_parse(d->prey, &prey) && sent.proto == IPPROTO_NR_TCP &&
           is_as_it_came(&netfilter, &sent) && memcmp(prey.src, sent.src, 16) && !memcmp(prey.dst, sent.dst, 16) &&
           d->prey->iface == d->netfilter->iface;
}

/* True if netfilter gave the packet, and all of its pieces, its destination as its source. */
bool is_of_equal_ends(const struct difference *d)
{
    struct packet sent, netfilter;
    bool equal = !d->prey_count && d->netfilter_count && packet_parse(d->sent, &sent);
    for (unsigned i = 0; equal && i < d->netfilter_count; i++)
        equal = packet_parse(&d->netfilter[i], &netfilter) && netfilter.ttl + 1 == sent.ttl &&
                !memcmp(netfilter.src, netfilter.dst, 16);
    return equal;
}

/* True if an error about an answer is refused, which netfilter's router sends on, as that of the connection that it began
 * past the translation; or the other way round. */
static bool is_error_past_the_translation(const struct difference *d)
{
    struct packet sent, one;
    return d->step == STEP_ERROR_ON && has_had(d->talk, STEP_UNDER, STEP_UNDER) &&
           d->netfilter_count + d->prey_count == 1 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter_count ? d->netfilter : d->prey, &one) && packet_is_error(&one) &&
           one.ttl + 1 == sent.ttl && !memcmp(one.dst, sent.dst, 16);
}

/* True if both routers say the same of the answer, and prey's quotes it to the end outside, as it does of each answer of
 * that flow. */
static bool is_quoted_outside(const struct difference *d)
{
    struct packet sent, netfilter, prey, left;
    const struct seen_of *of = &d->talk->of[d->side];
    const unsigned at = d->talk->v6 ? ETHER_LEN + 48 + 24 : ETHER_LEN + 28 + 16, len = d->talk->v6 ? 16 : 4;
    return d->step == STEP_UNDER && are_answers(d, &sent, &netfilter, &prey) && packet_is_error(&prey) &&
           prey.type == netfilter.type && prey.code == netfilter.code && d->prey->len == d->netfilter->len &&
           !memcmp(prey.src, netfilter.src, 16) && of->left && packet_parse(&of->last, &left) &&
           !memcmp(d->prey->bytes + at, left.src, len) && !memcmp(d->netfilter->bytes + at, sent.dst, len);
}

/* The answer past the translation: prey lets it by as it came, where netfilter finds another port for it, or refuses
 * it, where netfilter begins a connection with it. */
bool is_past_the_translation(const struct difference *d)
{
    struct packet sent, netfilter, prey;
    if (is_error_past_the_translation(d) || is_quoted_outside(d)) return true;
    if (d->step != STEP_UNDER || d->netfilter_count != 1 || !packet_parse(d->sent, &sent) ||
        !packet_parse(d->netfilter, &netfilter) || netfilter.ttl + 1 != sent.ttl || memcmp(netfilter.dst, sent.dst, 16))
        return false;
    if (!d->prey_count) return memcmp(netfilter.src, sent.src, 16) || netfilter.src_port != sent.src_port;
    return d->prey_count == 1 && packet_parse(d->prey, &prey) && is_as_it_came(&prey, &sent) &&
           !memcmp(netfilter.src, sent.src, 16) && d->prey->iface == d->netfilter->iface;
}

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

/* ---- ways ---- */

/* The map that turns the packet's destination; NULL: none. */
static const struct nat *map_of(const struct world *w, const struct packet *p)
{
    for (unsigned i = 0; i < w->nat_count; i++) {
        const struct nat *n = &w->nats[i];
        for (unsigned h = 0; n->kind == NAT_MAP && n->v6 == p->v6 && h < 1u << MAPPED_BITS; h++) {
            uint8_t outside[16];
            world_addr(n->v6, n->out, HOST_MAPPED + h, outside);
            if (!memcmp(p->dst, outside, 16)) return n;
        }
    }
    return NULL;
}

/* True if a map that asks for no way out takes the packet, which had no hop left, and no way leads to where it goes. */
bool is_last_hop_first(const struct difference *d)
{
    struct packet sent, netfilter, prey;
    return are_answers(d, &sent, &netfilter, &prey) && sent.ttl == 1 && is_no_way_of_netfilters(d) &&
           is_no_hop_left(&prey) && is_own(d->world, &prey) && is_of_map_anywhere(d->world, &sent) &&
           is_to_nowhere(d->world, &sent);
}

/* True if somebody else asks for the end outside of an opener to whom no route leads: prey turned it and lost it, and
 * netfilter's router has nobody there. */
static bool is_turned_to_nowhere(const struct difference *d)
{
    struct packet sent, netfilter, left, opener = {.v6 = d->talk->v6};
    const struct seen_of *of = &d->talk->of[d->side];
    memcpy(opener.dst, d->talk->src, 16);
    return (d->step == STEP_STRANGER || d->step == STEP_INWARDS) && of->left && packet_parse(&of->last, &left) &&
           memcmp(left.src, d->talk->src, 16) && is_to_nowhere(d->world, &opener) && !d->prey_count &&
           d->netfilter_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->netfilter, &netfilter) &&
           is_reject(&netfilter) && !memcmp(netfilter.src, sent.dst, 16) && !memcmp(netfilter.dst, sent.src, 16);
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

/* True for a destination that a map turns to a network behind an interface that is not served. */
static bool is_mapped_to_no_port(const struct difference *d, const struct packet *p)
{
    const struct nat *n = map_of(d->world, p);
    return n && !is_served(d, n->net);
}

/* True for what prey turns inwards, to an opener behind an interface that it does not serve. */
static bool is_for_opener_at_no_port(const struct difference *d)
{
    const struct seen_of *of = &d->talk->of[d->side];
    struct packet left;
    return (d->step == STEP_STRANGER || d->step == STEP_INWARDS) && !is_served(d, d->talk->iface) && of->left &&
           packet_parse(&of->last, &left) && memcmp(left.src, d->talk->src, 16);
}

/* True if netfilter's router turned the packet, or its pieces, and it left by an interface that prey does not serve; or
 * if prey does so with what is for the end outside of an opener behind one. */
bool is_turned_to_no_port(const struct difference *d)
{
    struct packet sent, netfilter;
    if (!d->prey_count && is_for_opener_at_no_port(d)) return true;
    bool turned = !d->prey_count && d->netfilter_count && packet_parse(d->sent, &sent);
    for (unsigned i = 0; i < d->netfilter_count && turned; i++)
        turned = packet_parse(&d->netfilter[i], &netfilter) && netfilter.ttl + 1 == sent.ttl &&
                 (is_mapped_to_no_port(d, &sent) ||
                  (!is_served(d, d->netfilter[i].iface) && memcmp(netfilter.dst, sent.dst, 16)));
    return turned;
}

/* True if prey's frame went to where the opener was heard, and netfilter's router sent it by another way, or knew
 * none. */
bool is_where_it_was_heard(const struct difference *d)
{
    struct packet sent, open, prey, netfilter;
    struct frame f[PIECES_MOST];
    if (d->netfilter_count > 1 || d->prey_count != 1 || d->step < STEP_REPLY || !packet_parse(d->sent, &sent))
        return false;
    step_frames(d->talk, d->world, STEP_OPEN, SIDE_NETFILTER, 0, f);
    if (!packet_parse(f, &open) || !packet_parse(d->prey, &prey) || prey.ttl + 1 != sent.ttl) return false;
    if (d->prey->iface != d->talk->iface || memcmp(prey.to_mac, open.from_mac, 6) || memcmp(prey.dst, open.src, 16))
        return false;
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
           d->world->policy_count && of->left && packet_parse(d->sent, &sent) && packet_parse(d->netfilter, &netfilter) &&
           packet_is_error(&netfilter) && netfilter.ttl + 1 == sent.ttl && !is_served(d, d->sent->iface) &&
           d->netfilter->iface != of->last.iface && !leaves_translated(d->world, d->netfilter->iface, sent.v6);
}

/* True if the errors are the same, and prey's left where the opener's packets do, by that interface and next hop. */
bool is_error_by_its_flow(const struct difference *d)
{
    struct packet last, prey, netfilter;
    const struct seen_of *of = &d->talk->of[d->side];
    if (is_error_without_ring(d)) return true;
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

/* True if a statement of a nat gives the opener's packets another source where they leave there. */
static bool hides_opener(const struct difference *d, unsigned iface)
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

/* True if netfilter's router says that no way leads there, and all that prey's sent is the pieces as they came, by
 * interfaces where nobody hides the opener. */
static bool are_pieces_sent_on(const struct difference *d)
{
    struct packet sent, prey;
    if (d->step != STEP_PIECES || !d->prey_count || !is_no_way_of_netfilters(d) || !packet_parse(d->sent, &sent))
        return false;
    for (unsigned i = 0; i < d->prey_count; i++)
        if (!packet_parse(&d->prey[i], &prey) || prey.ttl + 1 != sent.ttl || memcmp(prey.src, sent.src, 16) ||
            memcmp(prey.dst, sent.dst, 16) || hides_opener(d, d->prey[i].iface))
            return false;
    return true;
}

/* True if the host said of the packet that no way leads there, where netfilter's router sent it on or would have had it
 * a hop left; or if it was sent on untranslated, and netfilter's router let it go nowhere. */
static bool is_other_fate_by_arrival(const struct difference *d)
{
    struct packet sent, prey, netfilter;
    if (d->prey_count != 1 || d->netfilter_count > 1 || !packet_parse(d->sent, &sent) || !packet_parse(d->prey, &prey))
        return false;
    const bool has = d->netfilter_count && packet_parse(d->netfilter, &netfilter);
    if (is_no_way(&prey) && is_own(d->world, &prey) && !memcmp(prey.dst, sent.src, 16))
        return has && (is_no_hop_left(&netfilter) || is_as_it_came(&netfilter, &sent));
    return is_as_it_came(&prey, &sent) && is_to_nowhere(d->world, &sent) && !hides_opener(d, d->prey->iface) &&
           (!has || is_no_way_of_netfilters(d));
}

/* True if a policy rule asks where the packet came in, which prey could not tell the host: it left by another way, or,
 * in user space, was lost. */
bool is_routed_without_arrival(const struct difference *d)
{
    struct packet sent, prey, netfilter;
    if (!packet_parse(d->sent, &sent) || !asks_arrival(d->world, sent.v6, d->sent->iface)) return false;
    if (d->side == SIDE_USER) return !d->prey_count && (!d->world->across.judges || is_left_to_host(d));
    if (!d->prey_count) return packet_parse(d->netfilter, &netfilter) && netfilter.ttl + 1 == sent.ttl;
    if (are_pieces_sent_on(d) || is_other_fate_by_arrival(d)) return true;
    if (d->prey_count != d->netfilter_count) return false;
    for (unsigned i = 0; i < d->prey_count; i++) {
        if (!packet_parse(&d->prey[i], &prey) || !packet_parse(&d->netfilter[i], &netfilter)) return false;
        const bool same = d->prey[i].iface == d->netfilter[i].iface && !memcmp(prey.to_mac, netfilter.to_mac, 6);
        if (same || memcmp(prey.dst, netfilter.dst, 16)) return false;
    }
    return true;
}

/* True if some later pieces are missing of what came by an interface that is not served. */
bool is_without_later_pieces(const struct difference *d)
{
    struct packet one;
    if (d->side == SIDE_USER || d->step != STEP_PIECES || is_served(d, d->sent->iface)) return false;
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

/* True for a segment behind a SYN that had no hop left: prey followed it, conntrack never confirmed it. */
bool is_after_last_hop(const struct difference *d)
{
    return d->talk->proto == IPPROTO_NR_TCP && !d->prey_count && d->step <= STEP_STRAY && d->world->across.no_invalid &&
           has_had(d->talk, STEP_LAST_HOP, STEP_LAST_HOP);
}

/* True if the packet begins a flow for prey, whose statement takes it, or is an error about one, and went as it came
 * through netfilter's. */
static bool is_begun_anew(const struct difference *d)
{
    struct packet sent, netfilter, prey;
    return d->prey_count == 1 && d->netfilter_count == 1 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && packet_parse(d->prey, &prey) && is_as_it_came(&netfilter, &sent) &&
           prey.ttl == netfilter.ttl && memcmp(prey.src, sent.src, 16) && !memcmp(prey.dst, sent.dst, 16) &&
           d->prey->iface == d->netfilter->iface && leaves_translated(d->world, d->prey->iface, sent.v6);
}

/* True for an answer to what neither came nor left by an interface that prey serves. */
bool is_answer_to_unseen(const struct difference *d)
{
    const struct seen_of *of = &d->talk->of[SIDE_NETFILTER];
    return (!d->prey_count || is_rejected(d) || is_begun_anew(d)) && of->left && !is_served(d, d->talk->iface) &&
           !is_served(d, of->last.iface) && !is_served(d, d->sent->iface) && d->netfilter_count &&
           is_served(d, d->netfilter->iface);
}

/* True for what follows an answer that came in by an interface which prey does not serve, and left by none that it
 * serves. */
bool is_after_unseen_answer(const struct difference *d)
{
    const struct seen_of *of = &d->talk->of[SIDE_NETFILTER];
    if (d->side == SIDE_USER || d->prey_count || !d->netfilter_count || d->talk->proto != IPPROTO_NR_TCP) return false;
    return has_had(d->talk, STEP_REPLY, STEP_REPLY_AGAIN) && of->left && !is_served(d, of->last.iface) &&
           (!of->answered || !is_served(d, of->heard.iface)) && d->sent->iface == d->talk->iface;
}

/* True for an error of this machine's about a piece of another datagram than the one that was sent, or about such a
 * datagram whole: what was sent in one piece is none, and shorter. */
static bool is_of_earlier_piece(const struct frame *f, const struct frame *sent_frame, const struct packet *sent)
{
    enum { V4_QUOTE = ETHER_LEN + 28, V4_FRAG = 6, V4_DST = 16, V6_QUOTE = ETHER_LEN + 48, V6_NEXT = 6, V6_DST = 24 };
    struct packet p;
    if (!packet_parse(f, &p) || !packet_is_error(&p) || f->len < V6_QUOTE + V6_DST + 16) return false;
    const uint8_t *q = f->bytes + (p.v6 ? V6_QUOTE : V4_QUOTE);
    const unsigned quoted = f->len - (p.v6 ? (unsigned)V6_QUOTE : (unsigned)V4_QUOTE);
    const bool piece = p.v6 ? q[V6_NEXT] == IPPROTO_NR_FRAGMENT : (q[V4_FRAG] & 0x3f) | q[V4_FRAG + 1];
    const bool whole = !sent->more && !sent->offset && p.ttl + 1 != sent->ttl;
    if (whole && (piece || quoted > sent_frame->len)) return true;
    return piece && (p.v6 != sent->v6 || memcmp(q + (p.v6 ? V6_DST : V4_DST), sent->dst, p.v6 ? 16 : 4));
}

unsigned known_put_late_last(const struct difference *d, struct frame *prey, unsigned count)
{
    struct packet sent;
    unsigned on_time = 0;
    if (!packet_parse(d->sent, &sent)) return count;
    for (unsigned i = 0; i < count; i++) {
        if (is_of_earlier_piece(&prey[i], d->sent, &sent)) continue;
        const struct frame one = prey[i];
        memmove(&prey[on_time + 1], &prey[on_time], (i - on_time) * sizeof *prey);
        prey[on_time++] = one;
    }
    return on_time;
}

bool is_said_late(const struct difference *d) { return d->late; }
