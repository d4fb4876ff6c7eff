/* Differences in the connection that packets belong to: its beginning and end, and the packets' address */
#include <string.h>

#include "tests/diff/routers/known_priv.h"
#include "vm/packet/parse/header.h"

/* True if netfilter's router rejected an untranslated reply in the opener's name. Its reset ended the connection, so
 * a reply to the outside end finds none: it is forwarded, or this machine's stack resets it. */
static bool is_after_reject_of_answer(const struct difference *d)
{
    struct packet sent, netfilter, prey;
    return has_had(d->talk, STEP_UNDER, STEP_UNDER) && judges_so(d->world, RULE_REJECT) && d->netfilter_count == 1 &&
           d->prey_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->netfilter, &netfilter) &&
           packet_parse(d->prey, &prey) && prey.ttl + 1 == sent.ttl && !memcmp(prey.src, sent.src, 16) &&
           !memcmp(prey.dst, d->talk->src, 16) &&
           (is_as_it_came(&netfilter, &sent) ||
            (is_reset(&netfilter) && is_own(d->world, &netfilter) && !memcmp(netfilter.dst, sent.src, 16)));
}

/* True if the connection may have ended. The end may also be a reset by this machine's own stack. */
bool is_after_the_end(const struct difference *d)
{
    struct packet netfilter;
    if (d->talk->proto != IPPROTO_NR_TCP) return false;
    if (is_after_reject_of_answer(d)) return true;
    return has_had(d->talk, STEP_RESET_BACK, STEP_CLOSE) ||
           (has_had(d->talk, STEP_OPEN, STEP_LAST_HOP) && !d->prey_count && d->netfilter_count == 1 &&
            packet_parse(d->netfilter, &netfilter) && is_reset(&netfilter) && is_own(d->world, &netfilter));
}

/* True if the side has used that port before. */
static bool is_named(const struct names *names, uint16_t port)
{
    for (unsigned i = 0; i < names->count; i++)
        if (names->at[i] == port) return true;
    return false;
}

/* True if prey's packet still has its old outside end, and netfilter's a new one. */
bool is_of_kept_end(const struct difference *d)
{
    const struct seen_of *of = &d->talk->of[d->side];
    struct packet sent, netfilter, prey;
    return d->talk->proto == IPPROTO_NR_TCP && has_had(d->talk, STEP_STRAY, STEP_STRAY) && d->prey_count == 1 &&
           d->netfilter_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->netfilter, &netfilter) &&
           packet_parse(d->prey, &prey) && prey.ttl + 1 == sent.ttl && netfilter.ttl == prey.ttl &&
           d->prey->iface == d->netfilter->iface && !memcmp(prey.src, netfilter.src, 16) &&
           !memcmp(prey.dst, netfilter.dst, 16) && !memcmp(prey.dst, sent.dst, 16) &&
           prey.dst_port == netfilter.dst_port && prey.flags == netfilter.flags && prey.seq == netfilter.seq &&
           is_named(&of->names, prey.src_port) && !is_named(&of->netfilters, netfilter.src_port);
}

/* True for a reset whose number is below the one its receiver expects, because bytes were sent before that netfilter
 * counts. */
bool is_early_reset(const struct difference *d)
{
    struct packet sent;
    return (d->step == STEP_RESET_BACK || d->step == STEP_CLOSE) && !d->prey_count && d->netfilter_count == 1 &&
           packet_parse(d->sent, &sent) && is_reset(&sent) &&
           (has_had(d->talk, STEP_REPLY_AGAIN, STEP_FRAGMENTS) || has_had(d->talk, STEP_UNDER, STEP_UNDER));
}

bool is_fin_of_nothing(const struct difference *d)
{
    struct packet sent;
    return d->step == STEP_STRAY && packet_parse(d->sent, &sent) && sent.proto == IPPROTO_NR_TCP &&
           sent.flags & FLAG_FIN;
}

/* True for a packet that another host, outside or inside, sends to the outside end of a conversation. */
bool is_end_for_all(const struct difference *d)
{
    struct packet left;
    const struct seen_of *of = &d->talk->of[d->side];
    return (d->step == STEP_STRANGER || d->step == STEP_INWARDS) && of->left && packet_parse(&of->last, &left) &&
           memcmp(left.src, d->talk->src, 16) && d->prey_count == 1;
}

/* True if one side lets through a reset of a connection that it follows since a FIN. */
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

/* True for packets that begin no flow: replies, and segments without ACK. */
static bool is_answer_of_nothing(const struct packet *p)
{
    const bool segment = p->proto == IPPROTO_NR_TCP;
    if (segment && (p->flags & (FLAG_SYN | FLAG_ACK)) != FLAG_SYN && (p->flags & FLAG_SYN || !(p->flags & FLAG_ACK)))
        return true;
    return is_reset(p) || packet_is_error(p) || (packet_is_query(p) && p->type == icmp_echo(p->v6, true));
}

/* True for netfilter's reject of a packet from an interface that prey doesn't serve, if the packet would leave by
 * one at which a statement hides its source. */
static bool is_reject_of_hidden(const struct difference *d)
{
    struct packet sent, netfilter;
    return !d->prey_count && d->netfilter_count == 1 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && is_reject(&netfilter) && !memcmp(netfilter.dst, sent.src, 16) &&
           !is_served(d, d->sent->iface) && is_served(d, d->netfilter->iface) &&
           leaves_translated(d->world, d->netfilter->iface, sent.v6);
}

/* True for an error that quotes a packet to the inside address of a map that doesn't test the outgoing interface. */
static bool shows_mapped(const struct world *w, const struct frame *f, const struct packet *error)
{
    struct packet from = {.v6 = error->v6};
    const unsigned at = error->v6 ? ETHER_LEN + 48 + 24 : ETHER_LEN + 28 + 16, len = error->v6 ? 16 : 4;
    if (!packet_is_error(error) || f->len < at + len) return false;
    memcpy(from.src, f->bytes + at, len);
    return is_of_map_anywhere(w, &from);
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
           (leaves_translated(d->world, d->netfilter->iface, sent.v6) || is_of_map_anywhere(d->world, &sent) ||
            shows_mapped(d->world, d->sent_there, &sent));
}

bool is_translated_all_the_same(const struct difference *d)
{
    struct packet sent, netfilter, prey;
    if (d->step != STEP_STRAY || d->prey_count != 1 || d->netfilter_count != 1 || !packet_parse(d->sent, &sent) ||
        !packet_parse(d->netfilter, &netfilter) || !packet_parse(d->prey, &prey) || sent.proto != IPPROTO_NR_TCP ||
        !is_as_it_came(&netfilter, &sent) || !memcmp(prey.src, sent.src, 16))
        return false;
    if (map_of(d->world, &sent)) return prey.ttl == netfilter.ttl && memcmp(prey.dst, sent.dst, 16);
    return !memcmp(prey.dst, sent.dst, 16) && d->prey->iface == d->netfilter->iface;
}

/* True for the peer's SYN on an open connection: prey forwards it to the opener, and netfilter's router resets it. */
bool is_syn_of_open(const struct difference *d)
{
    struct packet sent, netfilter, prey;
    return d->step == STEP_CROSSED && has_had(d->talk, STEP_REPLY, STEP_REPLY_AGAIN) && d->prey_count == 1 &&
           d->netfilter_count == 1 && packet_parse(d->sent, &sent) && packet_parse(d->netfilter, &netfilter) &&
           packet_parse(d->prey, &prey) && is_reset(&netfilter) && is_own(d->world, &netfilter) &&
           !memcmp(netfilter.dst, sent.src, 16) && prey.ttl + 1 == sent.ttl && !memcmp(prey.src, sent.src, 16) &&
           !memcmp(prey.dst, d->talk->src, 16);
}

/* True if netfilter gave the packet, and all its fragments, its destination as source. */
bool is_of_equal_ends(const struct difference *d)
{
    struct packet sent, netfilter;
    bool equal = !d->prey_count && d->netfilter_count && packet_parse(d->sent, &sent);
    for (unsigned i = 0; equal && i < d->netfilter_count; i++)
        equal = packet_parse(&d->netfilter[i], &netfilter) && netfilter.ttl + 1 == sent.ttl &&
                !memcmp(netfilter.src, netfilter.dst, 16);
    return equal;
}

/* True if one side rejects an error about a reply, and the other forwards it: netfilter as one of the connection
 * that an untranslated reply began, or the reverse. */
static bool is_error_past_the_translation(const struct difference *d)
{
    struct packet sent, one;
    return d->step == STEP_ERROR_ON && has_had(d->talk, STEP_UNDER, STEP_UNDER) &&
           d->netfilter_count + d->prey_count == 1 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter_count ? d->netfilter : d->prey, &one) && packet_is_error(&one) &&
           one.ttl + 1 == sent.ttl && !memcmp(one.dst, sent.dst, 16);
}

/* True if an error quotes a packet to that address. */
static bool quotes_to(const struct frame *error, bool v6, const uint8_t addr[16])
{
    const unsigned at = v6 ? ETHER_LEN + 48 + 24 : ETHER_LEN + 28 + 16, len = v6 ? 16 : 4;
    return error->len >= at + len && !memcmp(error->bytes + at, addr, len);
}

/* True if both routers send the same error about the reply, and one quotes it with the outside end: prey, as for
 * each reply of that flow, in prey's own name; or netfilter, in the name of that end. */
static bool is_quoted_outside(const struct difference *d)
{
    struct packet sent, netfilter, prey, left;
    const struct seen_of *of = &d->talk->of[d->side];
    const bool v6 = d->talk->v6;
    if (d->step != STEP_UNDER || !are_answers(d, &sent, &netfilter, &prey) || !packet_is_error(&prey) ||
        prey.type != netfilter.type || prey.code != netfilter.code || d->prey->len != d->netfilter->len || !of->left ||
        !packet_parse(&of->last, &left))
        return false;
    if (quotes_to(d->prey, v6, left.src))
        return !memcmp(prey.src, netfilter.src, 16) && quotes_to(d->netfilter, v6, sent.dst);
    return is_own(d->world, &prey) && quotes_to(d->prey, v6, sent.dst) && !memcmp(netfilter.src, left.src, 16) &&
           quotes_to(d->netfilter, v6, left.src);
}

/* True for an untranslated reply that prey lets through unchanged, while netfilter gives it another port; or that
 * prey rejects, while netfilter begins a connection with it. */
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

/* True for a segment after a SYN that had no hop left: prey followed the SYN, but conntrack never confirmed it. */
bool is_after_last_hop(const struct difference *d)
{
    return d->talk->proto == IPPROTO_NR_TCP && !d->prey_count && d->step <= STEP_STRAY && d->world->across.no_invalid &&
           has_had(d->talk, STEP_LAST_HOP, STEP_LAST_HOP);
}

/* True if the packet begins a flow in prey, whose statement matches, or is an error about such a packet, and passed
 * netfilter's router unchanged. */
static bool is_begun_anew(const struct difference *d)
{
    struct packet sent, netfilter, prey;
    return d->prey_count == 1 && d->netfilter_count == 1 && packet_parse(d->sent, &sent) &&
           packet_parse(d->netfilter, &netfilter) && packet_parse(d->prey, &prey) && is_as_it_came(&netfilter, &sent) &&
           prey.ttl == netfilter.ttl && memcmp(prey.src, sent.src, 16) && !memcmp(prey.dst, sent.dst, 16) &&
           d->prey->iface == d->netfilter->iface && leaves_translated(d->world, d->prey->iface, sent.v6);
}

/* True for a reply to a packet that neither came nor left by an interface that prey serves. */
bool is_answer_to_unseen(const struct difference *d)
{
    const struct seen_of *of = &d->talk->of[SIDE_NETFILTER];
    return (!d->prey_count || is_rejected(d) || is_begun_anew(d)) && of->left && !is_served(d, d->talk->iface) &&
           !is_served(d, of->last.iface) && !is_served(d, d->sent->iface) && d->netfilter_count &&
           is_served(d, d->netfilter->iface);
}

/* True for a packet after a reply that came by an interface that prey doesn't serve and left by none that it serves. */
bool is_after_unseen_answer(const struct difference *d)
{
    const struct seen_of *of = &d->talk->of[SIDE_NETFILTER];
    if (d->side == SIDE_USER || d->prey_count || !d->netfilter_count || d->talk->proto != IPPROTO_NR_TCP) return false;
    return has_had(d->talk, STEP_REPLY, STEP_REPLY_AGAIN) && of->left && !is_served(d, of->last.iface) &&
           (!of->answered || !is_served(d, of->heard.iface)) && d->sent->iface == d->talk->iface;
}
