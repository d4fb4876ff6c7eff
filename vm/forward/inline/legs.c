/* Both legs of a connection, as far as the worker must follow them. Numbers are followed for all connections, so
 * that a stranger who knows only the tuple can't end a connection or shorten its timeouts; everything else in a
 * segment is for the inline stack to check. Windows, options and timestamps are also followed for connections that
 * may leave the inline stack, but only in segments with a right checksum, because sockets are closed on the strength
 * of these. */
#include <string.h>

#include "vm/flow/tcp/tcp_window.h"
#include "vm/forward/inline/inline.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

/* Bytes that prey may have sent to a client before it acknowledges anything */
enum { FIRST_FLIGHT = 1 << 20 };

bool inline_answers(const struct inline_conn *c, enum inline_at from, const struct tcp_segment *s)
{
    if (!(s->flags & TCP_ACK)) return false;
    return from == AT_CLIENT ? s->ack - (c->seq + 1) < FIRST_FLIGHT : s->ack == c->own_seq + 1;
}

bool inline_is_own(const struct inline_conn *c, enum inline_at from, const struct tcp_segment *s)
{
    enum { AROUND = 1 << 20, UNACKED = 1 << 24 };
    const struct inline_side *side = &c->side[from];
    if (from == AT_SERVER && !c->answered) return inline_answers(c, from, s);
    if (s->flags & TCP_SYN) return from == AT_CLIENT && c->state < INLINE_OPEN;
    return s->flags & TCP_ACK && s->seq - (side->next - AROUND) < 2 * AROUND && side->ours - s->ack < UNACKED;
}

void inline_follow(struct inline_conn *c, enum inline_at from, const struct tcp_segment *s)
{
    struct inline_side *side = &c->side[from];
    if (s->flags & TCP_RST) {
        /* A reset counts at the next number; from a server that has not replied, it counts if it answers prey's SYN
         * (RFC 5961, 3.2) */
        const bool first = from == AT_SERVER && !c->answered;
        if (first ? inline_answers(c, from, s) : s->seq == side->next)
            c->over |= from == AT_CLIENT ? OVER_WIRE : OVER_OF_SERVER;
        return;
    }
    if (from == AT_CLIENT) c->over &= (uint8_t)~OVER_WIRE;
    if (s->flags & TCP_SYN) {
        if (from == AT_CLIENT || c->answered || !inline_answers(c, from, s)) return;
        side->next = s->seq;
        c->answered = 1;
    }
    if (s->flags & TCP_FIN) c->over |= from == AT_CLIENT ? OVER_CLIENT : OVER_SERVER;
    if (s->seq != side->next) return;
    side->next += s->len;
    if (s->flags & TCP_FIN && from == AT_CLIENT && !s->first_fragment) c->over |= OVER_IN_ORDER;
}

void inline_says(struct inline_conn *c, enum inline_at to, const struct tcp_segment *s)
{
    struct inline_side *side = &c->side[to];
    if (s->flags & TCP_FIN) c->over |= to == AT_CLIENT ? OVER_TO_CLIENT : OVER_TO_SERVER;
    if (s->flags & TCP_RST) {
        c->over |= to == AT_CLIENT ? OVER_RESET : OVER_OF_SERVER;
        return;
    }
    if (s->flags & TCP_SYN || seq_after(s->seq + s->len, side->ours)) side->ours = s->seq + s->len;
    if (!(s->flags & TCP_ACK)) return;
    if ((to == AT_SERVER && !c->answered) || seq_after(s->ack, side->next)) side->next = s->ack;
    if (to == AT_SERVER) c->answered = 1;
}

/* Options of a SYN whose meaning depends on the numbers (RFC 2385, RFC 5925) */
enum { TCP_OPT_MD5 = 19, TCP_OPT_AO = 29 };
/* Smallest segments that are cut to size */
enum { MSS_SPLICED = 64 };

/* True if a SYN has options that a splice would break. */
static bool is_odd(const struct pkt *pkt)
{
    const uint32_t end = pkt->payload;
    for (uint32_t at = (uint32_t)pkt->l4 + TCP_LEN; at + 2 <= end;) {
        const uint8_t kind = edit_get8(pkt, at), len = edit_get8(pkt, at + 1);
        if (kind == TCP_OPT_END) break;
        if (kind == TCP_OPT_MD5 || kind == TCP_OPT_AO) return true;
        if (kind != TCP_OPT_NOP && len < 2) break;
        at += kind == TCP_OPT_NOP ? 1 : len;
    }
    return false;
}

static uint8_t offered(const struct tcp_syn_options *o, uint8_t flags)
{
    const bool asks = (flags & (TCP_ACK | TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR);
    const bool agrees = (flags & (TCP_ACK | TCP_ECE | TCP_CWR)) == (TCP_ACK | TCP_ECE);
    return (uint8_t)((o->has_stamps ? SPLICE_STAMPS : 0) | (o->sack ? SPLICE_SACK : 0) |
                     (o->has_scale ? LEG_SCALE : 0) | (asks || agrees ? SPLICE_ECN : 0));
}

static uint8_t shift_of(const struct tcp_syn_options *o)
{
    return o->scale < SCALE_MOST ? o->scale : (uint8_t)SCALE_MOST;
}

static bool is_scaled(const struct inline_leg *l) { return l->has & l->our_has & LEG_SCALE; }

bool inline_is_near(const struct inline_side *side, uint32_t edge, const struct tcp_segment *s)
{
    enum { BEHIND = 1 << 20, BEYOND = 1 << 16 /* bytes that reordering, probes and rounding account for */ };
    const bool behind = seq_after(side->next - BEHIND, s->seq), beyond = seq_after(s->seq + s->len, edge + BEYOND);
    const bool old = seq_after(side->leg.acked - BEHIND, s->ack), unsent = seq_after(s->ack, side->ours);
    /* Ends drop a segment without ACK on an open connection (RFC 9293, 3.10.7.4) */
    return s->flags & TCP_ACK && !behind && !beyond && !old && !unsent;
}

void inline_leg_syn(struct inline_leg *l, const struct pkt *pkt, const struct tcp_segment *s)
{
    struct tcp_syn_options o;
    tcp_syn_options_read(pkt, &o);
    l->first = s->seq;
    l->top = s->seq + 1; /* data of a SYN is sent again */
    l->mss = o.mss;
    l->scale = shift_of(&o);
    l->has = offered(&o, s->flags);
    l->odd = is_odd(pkt);
    l->heard = 1;
    l->stamp = o.stamp;
    if (!(s->flags & TCP_ACK)) return;
    l->acked = s->ack;
    l->edge = s->ack + s->window;
    l->our_edge += l->top;
}

void inline_leg_our_syn(struct inline_leg *l, const struct tcp_syn_options *o, const struct tcp_segment *s)
{
    const bool again = l->our_edge && l->our_first == s->seq;
    const uint32_t edge = s->flags & TCP_ACK ? s->ack + s->window : s->window;
    l->our_first = s->seq;
    l->our_mss = o->mss;
    l->our_scale = shift_of(o);
    l->our_has = offered(o, s->flags);
    if (!again || seq_after(o->stamp, l->our_stamp)) l->our_stamp = o->stamp;
    l->our_edge = again ? seq_most(l->our_edge, edge) : edge;
    if (s->flags & TCP_ACK && !again) l->acked = s->seq;
}

void inline_leg_in(struct inline_side *side, const struct pkt *pkt, const struct tcp_segment *s, bool given)
{
    struct inline_leg *l = &side->leg;
    struct tcp_syn_options o;
    if (s->flags & (TCP_SYN | TCP_RST) || !inline_is_near(side, l->our_edge, s)) return;
    tcp_syn_options_read(pkt, &o);
    if (o.has_stamps && seq_after(o.stamp, l->stamp)) l->stamp = o.stamp;
    if (given) l->top = seq_most(l->top, s->seq + s->len);
    if (!(s->flags & TCP_ACK) || seq_after(l->acked, s->ack)) return;
    l->acked = s->ack;
    l->edge = s->ack + ((uint32_t)s->window << (is_scaled(l) ? l->scale : 0));
}

void inline_leg_out(struct inline_side *side, const struct pkt *pkt, const struct tcp_segment *s)
{
    struct inline_leg *l = &side->leg;
    struct tcp_syn_options o;
    tcp_syn_options_read(pkt, &o);
    if (s->flags & TCP_SYN) {
        /* A SYN that is repeated after its reply changes nothing */
        if (s->flags & TCP_ACK || !l->heard) inline_leg_our_syn(l, &o, s);
        return;
    }
    if (s->flags & TCP_RST) return;
    if (o.has_stamps && seq_after(o.stamp, l->our_stamp)) l->our_stamp = o.stamp;
    if (!(s->flags & TCP_ACK)) return;
    const uint32_t edge = s->ack + ((uint32_t)s->window << (is_scaled(l) ? l->our_scale : 0));
    l->our_edge = seq_most(l->our_edge, edge);
}

static void set_sum(struct pkt *pkt, uint64_t delta)
{
    const uint32_t sum_at = pkt->l4 + (uint32_t)TCP_SUM;
    if (!(pkt->flags & PKT_CSUM_PARTIAL)) edit_put16(pkt, sum_at, csum_apply(edit_get16(pkt, sum_at), delta));
}

void inline_set_window(struct pkt *pkt, uint16_t window)
{
    set_sum(pkt, edit_swap16(pkt, pkt->l4 + (uint32_t)TCP_WINDOW, window));
}

/* Return the place of an option in a segment other than a SYN; 0: none. */
static uint32_t option_at(const struct pkt *pkt, uint8_t kind, uint32_t *len)
{
    for (uint32_t at = (uint32_t)pkt->l4 + TCP_LEN; at + 2 <= pkt->payload; at += *len) {
        const uint8_t there = edit_get8(pkt, at);
        *len = there == TCP_OPT_NOP ? 1 : edit_get8(pkt, at + 1);
        if (there == TCP_OPT_END || !*len || at + *len > pkt->payload) break;
        if (there == kind) return at;
    }
    return 0;
}

static uint32_t units_up(uint32_t bytes, unsigned shift) { return (bytes + (1u << shift) - 1) >> shift; }
static uint32_t larger32(uint32_t a, uint32_t b) { return a > b ? a : b; }

uint32_t inline_window_least(const struct inline_conn *c, enum inline_at to)
{
    const struct inline_leg *other = &c->side[!to].leg;
    uint32_t window = INLINE_WINDOW_FIRST;
    if (to == AT_SERVER)
        window = c->state == INLINE_OPEN ? other->edge - other->acked : c->client_window;
    else if (c->answered && other->heard)
        window = other->edge - other->acked;
    if (window > INLINE_WINDOW_FIRST) return INLINE_WINDOW_FIRST;
    return larger32(window, INLINE_WINDOW_LEAST);
}

void inline_clamp(const struct inline_conn *c, enum inline_at to, struct pkt *pkt, struct tcp_segment *s)
{
    const struct inline_side *end = &c->side[to], *other = &c->side[!to];
    if (s->flags & TCP_RST) return;
    const bool known = to == AT_SERVER ? c->state == INLINE_OPEN : c->answered;
    /* The room in the other end's window behind the bytes that this segment acknowledges. The sockets may still have
     * bytes that will fill it */
    const uint32_t edge = other->leg.edge - other->leg.our_first;
    const int32_t sent = (int32_t)(other->leg.edge - other->ours), all = (int32_t)(edge - (s->ack - end->leg.first));
    const int32_t room = s->flags & TCP_ACK && all < sent ? all : sent;
    const int32_t told = (int32_t)(end->leg.our_edge - s->ack);
    const unsigned shift = s->flags & TCP_SYN || !is_scaled(&end->leg) ? 0 : end->leg.our_scale;
    uint32_t most = units_up(known ? (uint32_t)INLINE_WINDOW_LEAST : inline_window_least(c, to), shift);
    if (known && room > 0) most = larger32(most, (uint32_t)room >> shift);
    if (!(s->flags & TCP_SYN) && s->flags & TCP_ACK && told > 0) most = larger32(most, units_up((uint32_t)told, shift));
    if (s->window <= most) return;
    s->window = (uint16_t)most;
    inline_set_window(pkt, s->window);
}

void inline_keep_edge(uint32_t *edge, unsigned shift, struct pkt *pkt, struct tcp_segment *s)
{
    if (s->flags & TCP_RST || !(s->flags & TCP_ACK)) return;
    const int32_t told = (int32_t)(*edge - s->ack);
    const uint32_t least = told > 0 ? units_up((uint32_t)told, shift) : 0;
    if (s->window < least) {
        s->window = (uint16_t)(least < UINT16_MAX ? least : UINT16_MAX);
        inline_set_window(pkt, s->window);
    }
    *edge = seq_most(*edge, s->ack + ((uint32_t)s->window << shift));
}

/* Change the header of a held segment, except its checksum. */
static void header_renew(const struct inline_leg *l, struct pkt *pkt, struct tcp_segment *s)
{
    const unsigned shift = is_scaled(l) ? l->scale : 0;
    const uint32_t edge = s->ack + ((uint32_t)s->window << shift);
    uint32_t len, at = option_at(pkt, TCP_OPT_STAMPS, &len);
    if (at && len == TCP_OPT_STAMPS_LEN && seq_after(l->stamp, edit_get32(pkt, at + 2)))
        edit_put32(pkt, at + 2, l->stamp);
    if (!(s->flags & TCP_ACK) || seq_after(s->ack, l->acked) || seq_after(l->acked, l->edge)) return;
    if (s->ack == l->acked && !seq_after(l->edge, edge)) return;
    /* Blocks of an older acknowledgement would look like repetitions that were seen (RFC 2883) */
    at = s->ack == l->acked ? 0 : option_at(pkt, TCP_OPT_SACK, &len);
    for (uint32_t i = 0; at && i < len; i++) edit_put8(pkt, at + i, TCP_OPT_NOP);
    s->ack = l->acked;
    s->window = (uint16_t)((l->edge - l->acked) >> shift);
    edit_put32(pkt, pkt->l4 + (uint32_t)TCP_ACKNO, s->ack);
    edit_put16(pkt, pkt->l4 + (uint32_t)TCP_WINDOW, s->window);
}

void inline_renew(const struct inline_side *side, struct pkt *pkt, struct tcp_segment *s)
{
    enum { WORDS = (TCP_LEN + TCP_OPTIONS_MOST) / 2 };
    uint16_t old[WORDS];
    uint64_t delta = 0;
    const uint32_t words = ((uint32_t)pkt->payload - pkt->l4) / 2;
    if (s->flags & TCP_RST || words > WORDS) return;
    for (uint32_t i = 0; i < words; i++) old[i] = edit_get16(pkt, pkt->l4 + 2 * i);
    header_renew(&side->leg, pkt, s);
    for (uint32_t i = 0; i < words; i++) delta += csum_delta16(old[i], edit_get16(pkt, pkt->l4 + 2 * i));
    set_sum(pkt, delta);
}

bool inline_overtaken(const struct inline_side *side, const struct pkt *pkt, struct tcp_segment *s)
{
    const struct inline_leg *l = &side->leg;
    const unsigned shift = is_scaled(l) ? l->scale : 0;
    struct tcp_syn_options o;
    if ((s->flags & (TCP_ACK | TCP_SYN | TCP_RST)) != TCP_ACK || s->ack != l->acked) return false;
    if (!seq_after(l->edge, s->ack + ((uint32_t)s->window << shift))) return false;
    tcp_syn_options_read(pkt, &o);
    if (o.has_stamps && seq_after(o.stamp, l->stamp)) return false; /* newer: its end itself has shrunk the window */
    const uint32_t units = units_up(l->edge - s->ack, shift);
    s->window = (uint16_t)(units < UINT16_MAX ? units : UINT16_MAX);
    return true;
}

uint16_t inline_window(const struct inline_conn *c, enum inline_at to)
{
    const struct inline_leg *l = &c->side[to].leg;
    const uint32_t room = c->side[!to].leg.edge - c->side[!to].ours;
    const int32_t told = (int32_t)(l->our_edge - c->side[to].next); /* below 0: the end has exceeded its window */
    const unsigned shift = is_scaled(l) ? l->our_scale : 0;
    uint32_t v = room >> shift;
    if (told > 0 && (v << shift) < (uint32_t)told) v++;
    return (uint16_t)(v < UINT16_MAX ? v : UINT16_MAX);
}

void inline_ends(const struct inline_conn *c, struct splice_end ends[2])
{
    for (unsigned at = 0; at < 2; at++) {
        const struct inline_leg *l = &c->side[at].leg;
        const bool scaled = is_scaled(l);
        ends[at] = (struct splice_end){.in = c->side[at].next,
                                       .out = c->side[at].ours,
                                       .stamp_in = l->stamp,
                                       .stamp_out = l->our_stamp,
                                       .edge = l->our_edge,
                                       .mss = l->mss,
                                       .scale_in = scaled ? l->scale : 0,
                                       .scale_out = scaled ? l->our_scale : 0,
                                       .keeps_edge = true,
                                       .has = l->has & l->our_has & (SPLICE_STAMPS | SPLICE_SACK | SPLICE_ECN)};
    }
}

/* True if a segment of one end may become more segments for the other than a splice cuts, so that it would never
 * arrive. */
static bool is_too_small(const struct inline_conn *c, unsigned from)
{
    const uint16_t takes = c->side[!from].leg.mss ? c->side[!from].leg.mss : mss_default(c->v6);
    const uint32_t most = (takes > MSS_SPLICED ? takes : (uint32_t)MSS_SPLICED) - (uint32_t)TCP_OPTIONS_MOST;
    return c->side[from].leg.our_mss > most * SPLICE_SEGMENTS;
}

enum splice_why inline_may_join(const struct inline_conn *c, const struct splice_end ends[2])
{
    for (unsigned at = 0; at < 2; at++) {
        const struct inline_leg *l = &c->side[at].leg;
        const int32_t told = (int32_t)(l->our_edge - c->side[at].next);
        const int32_t room = (int32_t)(c->side[!at].leg.edge - c->side[!at].ours);
        if (!l->heard) return SPLICE_WHY_NUMBERS;
        if (l->odd || is_too_small(c, at)) return SPLICE_WHY_OPTIONS;
        if (room < 0 || told > room) return SPLICE_WHY_WINDOW;
        /* Rounding for the window field may not cost more than a quarter */
        const uint32_t unit = 1u << ends[at].scale_out;
        const uint32_t tells = (uint32_t)room / unit < UINT16_MAX ? (uint32_t)room / unit * unit : (uint32_t)room;
        if ((uint32_t)room - tells > (uint32_t)room / 4) return SPLICE_WHY_SCALE;
    }
    return SPLICE_WHY_NONE;
}
