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

static bool is_reject_in_its_name(const struct difference *d)
{
    struct packet netfilter, prey, sent;
    if (!are_answers(d, &sent, &netfilter, &prey) || memcmp(netfilter.dst, sent.src, 16) ||
        memcmp(prey.src, sent.dst, 16))
        return false;
    return (is_reset(&netfilter) && is_reset(&prey) && d->prey->iface == d->sent->iface) ||
           (is_port_unreachable(&netfilter) && is_port_unreachable(&prey) && d->prey->iface == d->sent->iface);
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

static bool is_error_of_its_own(const struct difference *d)
{
    struct packet netfilter, prey, sent;
    return are_answers(d, &sent, &netfilter, &prey) && packet_is_error(&netfilter) && packet_is_error(&prey) &&
           netfilter.type == prey.type && netfilter.code == prey.code && !memcmp(netfilter.dst, prey.dst, 16) &&
           is_own(d->world, &netfilter) && is_own(d->world, &prey) &&
           (memcmp(netfilter.src, prey.src, 16) || d->netfilter->iface != d->prey->iface);
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

/* True for a destination to which a route of another kind leads. */
static bool is_to_nowhere(const struct packet *p)
{
    uint8_t net[16];
    world_addr(p->v6, NET_NONE, 0, net);
    return !memcmp(p->dst, net, p->v6 ? 8 : 3);
}

/* True if the router said nothing more of such a destination, and prey rejects the packet. */
static bool is_reject_in_its_place(const struct difference *d)
{
    struct packet sent, prey;
    return !d->netfilter_count && d->prey_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->prey, &prey) &&
           is_to_nowhere(&sent) && is_reject(&prey) && !memcmp(prey.src, sent.dst, 16);
}

/* True if both answer, this machine's stack and the rules. */
static bool is_answered_twice(const struct difference *d)
{
    struct packet sent, one;
    if (d->side != SIDE_USER || d->prey_count != 2 || !packet_parse(d->sent, &sent) || !is_to_nowhere(&sent))
        return false;
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

static bool is_after_the_end(const struct difference *d)
{
    return d->talk->proto == IPPROTO_NR_TCP && has_had(d->talk, STEP_RESET_BACK, STEP_CLOSE);
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

const struct known known_differences[] = {
    {"reject in the name of the destination",
     "a rule's reject comes from the address that was asked, by the interface that the packet came by, and quotes it "
     "as it came: the same wherever it is "
     "judged; netfilter's comes from the router, by its routes",
     is_reject_in_its_name},
    {"address of an error",
     "an error of prey's own leaves where the packet came from, with the first address of this machine there; Linux "
     "asks its routes, and may take another address",
     is_error_of_its_own},
    {"errors are limited",
     "Linux says to one host that no way leads somewhere five times, then once a second (net.ipv4.route.error_burst), "
     "and each sibling has said it to others",
     is_no_way_said_once},
    {"a reject where an error was limited",
     "prey rejects each packet, also those of which Linux would have said that no way leads there",
     is_reject_in_its_place},
    {"two answers",
     "in user space the host's stack gets what its routes refuse, beside prey: it answers, and so does a rule that "
     "rejects",
     is_answered_twice},
    {"an error goes back",
     "an error or a reject of prey's own leaves where the packet came from, also where no route leads back; Linux then "
     "says "
     "nothing",
     is_error_without_route},
    {"judged before it is routed",
     "what rules drop or reject gets the rules' answer, so nobody learns of TTLs and routes behind them",
     is_judged_first},
    {"an end outside is for all",
     "whoever the firewall lets in reaches an inside host at its end outside (RFC 4787, REQ-8), from inside, too "
     "(REQ-9); conntrack knows one peer",
     is_end_for_all},
    {"errors about pieces",
     "each piece is routed as it is, and an error is about one; conntrack puts them together before",
     is_said_of_each_piece},
    {"TCP after its end",
     "a reset ends a connection, and what comes after it is invalid; conntrack lets segments by for ten seconds more",
     is_after_the_end},
    {"a FIN of no connection",
     "it is *new*, as each segment that may be of a connection from before is; conntrack calls it invalid",
     is_fin_of_nothing},
    {"after a segment of no connection",
     "prey follows it as a connection's, so a SYN with its numbers is an old one; conntrack has kept nothing of it",
     is_after_fin_of_nothing},
    {NULL, NULL, NULL},
};

int known_find(const struct difference *d)
{
    for (int i = 0; known_differences[i].name; i++)
        if (known_differences[i].is(d)) return i;
    return -1;
}
