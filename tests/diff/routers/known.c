/* The table of differences that are meant */
#include "tests/diff/routers/known.h"

#include <string.h>

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

/* What came by an interface that is not served is rejected where it leaves: the host routes the answer. */
static bool is_reject_in_its_name(const struct difference *d)
{
    struct packet netfilter, prey, sent;
    if (!are_answers(d, &sent, &netfilter, &prey) || memcmp(netfilter.dst, sent.src, 16) ||
        memcmp(prey.src, sent.dst, 16))
        return false;
    if (d->prey->iface != (is_served(d, d->sent->iface) ? d->sent : d->netfilter)->iface) return false;
    return (is_reset(&netfilter) && is_reset(&prey)) || (is_port_unreachable(&netfilter) && is_port_unreachable(&prey));
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
static bool is_error_of_its_own(const struct difference *d)
{
    struct packet netfilter, prey, sent;
    return are_answers(d, &sent, &netfilter, &prey) && packet_is_error(&netfilter) && packet_is_error(&prey) &&
           netfilter.type == prey.type && netfilter.code == prey.code && !memcmp(netfilter.dst, prey.dst, 16) &&
           (is_own(d->world, &netfilter) || !memcmp(netfilter.src, sent.dst, 16)) && is_own(d->world, &prey) &&
           (memcmp(netfilter.src, prey.src, 16) || d->netfilter->iface != d->prey->iface ||
            memcmp(netfilter.to_mac, prey.to_mac, 6));
}

/* What netfilter's router says before the forward hook is asked: the TTL is over, no way leads there. What left once of
 * the same conversation would be let by. */
static bool is_judged_first(const struct difference *d)
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
static bool is_said_of_each_piece(const struct difference *d)
{
    struct packet one;
    if (d->step != STEP_PIECES || !d->netfilter_count || !d->prey_count || !packet_parse(d->netfilter, &one) ||
        !packet_is_error(&one))
        return false;
    for (unsigned i = 0; i < d->prey_count; i++)
        if (!packet_parse(&d->prey[i], &one) || !packet_is_error(&one)) return false;
    return true;
}

/* True if all that left on one side is the router's word that no way leads there, and on the other nothing. */
static bool is_no_way_said_once(const struct difference *d)
{
    const struct frame *one = d->netfilter_count ? d->netfilter : d->prey;
    struct packet p;
    return d->netfilter_count + d->prey_count == 1 && packet_parse(one, &p) && packet_is_error(&p) &&
           is_own(d->world, &p) && p.type == (p.v6 ? 1 : 3) && !is_port_unreachable(&p);
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
static bool is_reject_in_its_place(const struct difference *d)
{
    struct packet sent, prey;
    return !d->netfilter_count && d->prey_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->prey, &prey) &&
           is_to_nowhere(d->world, &sent) && is_reject(&prey) && !memcmp(prey.src, sent.dst, 16);
}

/* True if both answer, this machine's stack and the rules. */
static bool is_answered_twice(const struct difference *d)
{
    struct packet sent, one;
    if (d->side != SIDE_USER || d->prey_count != 2 || !packet_parse(d->sent, &sent)) return false;
    unsigned rejects = 0, errors = 0;
    for (unsigned i = 0; i < 2; i++) {
        if (!packet_parse(&d->prey[i], &one) || memcmp(one.dst, sent.src, 16)) return false;
        rejects += is_reject(&one) && !memcmp(one.src, sent.dst, 16);
        errors += packet_is_error(&one) && is_own(d->world, &one);
    }
    return rejects == 1 && errors == 1;
}

/* True if prey's error went back where the packet came from, and netfilter's router knows no way to there. */
static bool is_error_without_route(const struct difference *d)
{
    struct packet sent, prey;
    return !d->netfilter_count && d->prey_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->prey, &prey) &&
           packet_is_error(&prey) && is_own(d->world, &prey) && d->prey->iface == d->sent->iface &&
           d->world->with & WITH_CHANGES;
}

static bool has_had(const struct talk *t, enum step_kind a, enum step_kind b)
{
    for (unsigned i = 0; i + 1 < t->history_count; i++)
        if (t->history[i] == a || t->history[i] == b) return true;
    return false;
}

/* The end may be the reset of this machine's own stack, too. */
static bool is_after_the_end(const struct difference *d)
{
    struct packet netfilter;
    if (d->talk->proto != IPPROTO_NR_TCP) return false;
    return has_had(d->talk, STEP_RESET_BACK, STEP_CLOSE) ||
           (has_had(d->talk, STEP_OPEN, STEP_OPEN) && !d->prey_count && d->netfilter_count == 1 &&
            packet_parse(d->netfilter, &netfilter) && is_reset(&netfilter) && is_own(d->world, &netfilter));
}

/* True for a reset whose number is below what its receiver expects, as bytes were sent before that netfilter counts. */
static bool is_early_reset(const struct difference *d)
{
    struct packet sent;
    return (d->step == STEP_RESET_BACK || d->step == STEP_CLOSE) && !d->prey_count && d->netfilter_count == 1 &&
           packet_parse(d->sent, &sent) && is_reset(&sent) && has_had(d->talk, STEP_REPLY_AGAIN, STEP_PIECES);
}

static bool is_fin_of_nothing(const struct difference *d)
{
    struct packet sent;
    return d->step == STEP_STRAY && packet_parse(d->sent, &sent) && sent.proto == IPPROTO_NR_TCP &&
           sent.flags & FLAG_FIN;
}

/* The end outside of a conversation, which others ask for, from outside and from inside. */
static bool is_end_for_all(const struct difference *d)
{
    struct packet left;
    const struct seen_of *of = &d->talk->of[d->side];
    return (d->step == STEP_STRANGER || d->step == STEP_INWARDS) && of->left && packet_parse(&of->last, &left) &&
           memcmp(left.src, d->talk->src, 16) && d->prey_count == 1;
}

static bool is_after_fin_of_nothing(const struct difference *d)
{
    return d->talk->proto == IPPROTO_NR_TCP && d->prey_count < d->netfilter_count &&
           has_had(d->talk, STEP_STRAY, STEP_STRAY);
}

/* ---- packets of no connection, and past a translation ---- */

/* True if the frame is what was sent, one hop on and otherwise as it came. */
static bool is_as_it_came(const struct packet *left, const struct packet *sent)
{
    return left->ttl + 1 == sent->ttl && !memcmp(left->src, sent->src, 16) && !memcmp(left->dst, sent->dst, 16) &&
           left->src_port == sent->src_port && left->dst_port == sent->dst_port;
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

static bool is_refused_without_flow(const struct difference *d)
{
    struct packet sent, netfilter;
    return !d->prey_count && d->netfilter_count == 1 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && is_answer_of_nothing(&sent) && is_as_it_came(&netfilter, &sent) &&
           leaves_translated(d->world, d->netfilter->iface, sent.v6);
}

static bool is_translated_all_the_same(const struct difference *d)
{
    struct packet sent, netfilter, prey;
    return d->step == STEP_STRAY && d->prey_count == 1 && d->netfilter_count == 1 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && packet_parse(d->prey, &prey) && sent.proto == IPPROTO_NR_TCP &&
           is_as_it_came(&netfilter, &sent) && memcmp(prey.src, sent.src, 16) && !memcmp(prey.dst, sent.dst, 16) &&
           d->prey->iface == d->netfilter->iface;
}

/* True if netfilter gave the packet its destination as its source. */
static bool is_of_equal_ends(const struct difference *d)
{
    struct packet sent, netfilter;
    return !d->prey_count && d->netfilter_count == 1 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && netfilter.ttl + 1 == sent.ttl &&
           !memcmp(netfilter.src, netfilter.dst, 16);
}

/* The answer past the translation: prey lets it by as it came, where netfilter finds another port for it, or refuses
 * it, where netfilter begins a connection with it. */
static bool is_past_the_translation(const struct difference *d)
{
    struct packet sent, netfilter, prey;
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

/* True if both masquerade by an interface without an address, with another's. */
static bool is_anothers_address(const struct difference *d)
{
    struct packet prey, netfilter;
    return d->prey_count == 1 && d->netfilter_count == 1 && packet_parse(d->prey, &prey) &&
           packet_parse(d->netfilter, &netfilter) && d->prey->iface == d->netfilter->iface &&
           !has_address(d->world, d->prey->iface, prey.v6) && is_own(d->world, &prey) && is_own(d->world, &netfilter) &&
           memcmp(prey.src, netfilter.src, 16) && !memcmp(prey.dst, netfilter.dst, 16);
}

/* ---- ways ---- */

/* True for a destination that a map turns to a network behind an interface that is not served. */
static bool is_mapped_to_no_port(const struct difference *d, const struct packet *p)
{
    for (unsigned i = 0; i < d->world->nat_count; i++) {
        const struct nat *n = &d->world->nats[i];
        for (unsigned h = 0; n->kind == NAT_MAP && n->v6 == p->v6 && h < 1u << MAPPED_BITS; h++) {
            uint8_t outside[16];
            world_addr(n->v6, n->out, HOST_MAPPED + h, outside);
            if (!memcmp(p->dst, outside, 16)) return !is_served(d, n->net);
        }
    }
    return false;
}

/* True if netfilter's router turned the packet, and it left by an interface that prey does not serve. */
static bool is_turned_to_no_port(const struct difference *d)
{
    struct packet sent, netfilter;
    if (d->prey_count || d->netfilter_count != 1 || !packet_parse(d->sent, &sent) ||
        !packet_parse(d->netfilter, &netfilter) || netfilter.ttl + 1 != sent.ttl)
        return false;
    return is_mapped_to_no_port(d, &sent) ||
           (!is_served(d, d->netfilter->iface) && memcmp(netfilter.dst, sent.dst, 16));
}

/* True if both translated the packet alike, and a policy rule by its source sent it by another next hop. */
static bool is_routed_as_it_leaves(const struct difference *d)
{
    struct packet sent, prey, netfilter;
    if (d->prey_count != 1 || d->netfilter_count != 1 || !d->world->policy_count || !packet_parse(d->sent, &sent) ||
        !packet_parse(d->prey, &prey) || !packet_parse(d->netfilter, &netfilter))
        return false;
    return !memcmp(prey.src, netfilter.src, 16) && memcmp(prey.src, sent.src, 16) &&
           !memcmp(prey.dst, netfilter.dst, 16) && memcmp(prey.to_mac, netfilter.to_mac, 6);
}

/* True if prey's frame went to where the opener was heard, and netfilter's router sent it by another way, or knew
 * none. */
static bool is_where_it_was_heard(const struct difference *d)
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

static bool asks_arrival(const struct world *w, bool v6, unsigned iface)
{
    for (unsigned i = 0; i < w->policy_count; i++)
        if (w->policies[i].kind == POLICY_IIF && w->policies[i].v6 == v6 && w->policies[i].what == iface) return true;
    return false;
}

/* True if a policy rule asks where the packet came in, which prey could not tell the host: it left by another way, or,
 * in user space, was lost. */
static bool is_routed_without_arrival(const struct difference *d)
{
    struct packet sent, prey, netfilter;
    if (!packet_parse(d->sent, &sent) || !asks_arrival(d->world, sent.v6, d->sent->iface)) return false;
    if (d->side == SIDE_USER) return !d->prey_count && !d->world->across.judges;
    if (!d->prey_count || d->prey_count != d->netfilter_count) return false;
    for (unsigned i = 0; i < d->prey_count; i++) {
        if (!packet_parse(&d->prey[i], &prey) || !packet_parse(&d->netfilter[i], &netfilter)) return false;
        const bool same = d->prey[i].iface == d->netfilter[i].iface && !memcmp(prey.to_mac, netfilter.to_mac, 6);
        if (same || memcmp(prey.dst, netfilter.dst, 16)) return false;
    }
    return true;
}

/* True if some later pieces are missing of what came by an interface that is not served. */
static bool is_without_later_pieces(const struct difference *d)
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
static bool is_only_watched(const struct difference *d)
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
static bool is_after_last_hop(const struct difference *d)
{
    return d->talk->proto == IPPROTO_NR_TCP && !d->prey_count && d->step <= STEP_STRAY &&
           d->world->across.no_invalid && has_had(d->talk, STEP_LAST_HOP, STEP_LAST_HOP);
}

/* True for an answer to what neither came nor left by an interface that prey serves. */
static bool is_answer_to_unseen(const struct difference *d)
{
    const struct seen_of *of = &d->talk->of[SIDE_NETFILTER];
    return !d->prey_count && of->left && !is_served(d, d->talk->iface) && !is_served(d, of->last.iface) &&
           !is_served(d, d->sent->iface) && d->netfilter_count && is_served(d, d->netfilter->iface);
}

const struct known known_differences[] = {
    {"reject in the name of the destination",
     "a rule's reject comes from the address that was asked, by the interface that the packet came by, and quotes it "
     "as it came: the same wherever it is "
     "judged; netfilter's comes from the router, by its routes",
     is_reject_in_its_name, false},
    {"address of an error",
     "an error of prey's own leaves where the packet came from, with the first address of this machine there; Linux "
     "asks its routes, and may take another address",
     is_error_of_its_own, false},
    {"errors are limited",
     "Linux says to one host that no way leads somewhere five times, then once a second (net.ipv4.route.error_burst), "
     "and each sibling has said it to others",
     is_no_way_said_once, false},
    {"a reject where an error was limited",
     "prey rejects each packet, also those of which Linux would have said that no way leads there",
     is_reject_in_its_place, false},
    {"two answers",
     "in user space the host's stack gets what its routes refuse, beside prey: it answers, and so does a rule that "
     "rejects",
     is_answered_twice, false},
    {"an error goes back",
     "an error or a reject of prey's own leaves where the packet came from, also where no route leads back; Linux then "
     "says "
     "nothing",
     is_error_without_route, false},
    {"judged before it is routed",
     "what rules drop or reject gets the rules' answer, so nobody learns of TTLs and routes behind them",
     is_judged_first, false},
    {"an end outside is for all",
     "whoever the firewall lets in reaches an inside host at its end outside (RFC 4787, REQ-8), from inside, too "
     "(REQ-9); conntrack knows one peer",
     is_end_for_all, false},
    {"errors about pieces",
     "each piece is routed as it is, and an error is about one; conntrack puts them together before",
     is_said_of_each_piece, false},
    {"TCP after its end",
     "a reset ends a connection, and what comes after it is invalid; conntrack lets segments by for ten seconds more",
     is_after_the_end, false},
    {"a reset that is not expected",
     "a reset ends a connection at the very number that its receiver expects alone (RFC 5961, 3.2), conntrack anywhere "
     "in "
     "the window",
     is_early_reset, true},
    {"behind a last hop",
     "a SYN that is let in begins a flow, also where it had no hop left, and an ACK behind it is invalid; conntrack keeps "
     "what the host has sent on alone",
     is_after_last_hop, true},
    {"an answer to what nobody saw",
     "what neither comes nor leaves by an interface of prey's nobody judges or follows (MANUAL.md, What is enforced); its "
     "answer, by one of prey's, is of no connection",
     is_answer_to_unseen, false},
    {"a FIN of no connection",
     "it is *new*, as each segment that may be of a connection from before is; conntrack calls it invalid",
     is_fin_of_nothing, false},
    {"after a segment of no connection",
     "prey follows it as a connection's, so a SYN with its numbers is an old one; conntrack has kept nothing of it",
     is_after_fin_of_nothing, false},
    {"an answer of no connection",
     "a reset, a SYN ACK, an echo reply or an error without a flow that would leave by a statement is refused (RFC "
     "5508, "
     "REQ-4): it would show what is inside; conntrack calls it invalid, and netfilter lets it out as it is",
     is_refused_without_flow, false},
    {"a segment of no connection is translated",
     "what begins a flow is translated, also what conntrack calls invalid and netfilter lets out with its inside "
     "address",
     is_translated_all_the_same, false},
    {"equal ends",
     "what would have the outside address at both ends is refused, as it would come back (docs/semantics.md); "
     "netfilter "
     "sends it",
     is_of_equal_ends, false},
    {"past a translation",
     "an answer to the inside tuple is of no connection (docs/semantics.md): prey changes no packet that no statement "
     "takes, and makes no second flow of one tuple; netfilter takes another port, lest two connections look alike",
     is_past_the_translation, false},
    {"replies go where the opener was heard",
     "a reply of a bound flow goes to the interface and the station that its opener came from (vm/forward/bind/), as "
     "pf's reply-to; Linux asks its routes",
     is_where_it_was_heard, false},
    {"an interface without an address",
     "who masquerades by one has the address of another, and which one is free (RFC 6724 is about a socket's)",
     is_anothers_address, false},
    {"a target behind no port",
     "prey sends by the interfaces that it serves alone, and a start names a target behind another (docs/live.md)",
     is_turned_to_no_port, true},
    {"a next hop by the new source",
     "whether a packet is translated, and to what, follows its way as it came; its next hop is then looked up with the "
     "source that it leaves with, so a policy rule by source or arrival may say another one (vm/forward/bind/)",
     is_routed_as_it_leaves, true},
    {"a way by arrival",
     "what prey gives the host comes by a TUN device, so policy rules with iif don't know it "
     "(runtime/live/carry/kernel/); in user space guard rules hide what leaves by a nat's interface, and nft's fib "
     "asks "
     "no such rule (runtime/host/guard/)",
     is_routed_without_arrival, true},
    {"pieces that only leave here",
     "what came by an interface that is not served is first seen where it leaves; nobody holds a piece there until its "
     "first has come (vm/kernel/README.md), and what a statement takes of later ones is dropped, as it has no ports "
     "(docs/kernel.md); conntrack joins them before",
     is_without_later_pieces, false},
    {"only watched",
     "the executor in user space holds back nothing that crosses by an interface which is not served (MANUAL.md, What "
     "is "
     "enforced)",
     is_only_watched, false},
    {NULL, NULL, NULL, false},
};

/* True if a packet leaves with a source that netfilter's router hides, but for those to the opener, who is inside or
 * knows it already: no row knows that. */
static bool is_exposed(const struct difference *d)
{
    struct packet sent, prey, netfilter;
    if (!packet_parse(d->sent, &sent)) return true;
    for (unsigned i = 0; i < d->prey_count; i++)
        for (unsigned k = 0; k < d->netfilter_count; k++) {
            if (!packet_parse(&d->prey[i], &prey) || !packet_parse(&d->netfilter[k], &netfilter)) continue;
            if (prey.ttl + 1 != sent.ttl || netfilter.ttl + 1 != sent.ttl) continue; /* a router's own */
            if (!memcmp(prey.dst, d->talk->src, 16)) continue;
            if (!memcmp(prey.src, sent.src, 16) && memcmp(netfilter.src, sent.src, 16)) return true;
        }
    return false;
}

int known_find(const struct difference *d)
{
    for (int i = 0; known_differences[i].name && !is_exposed(d); i++)
        if (known_differences[i].is(d)) return i;
    return -1;
}
