/* Both legs of a connection, followed as closely as a splice needs it: numbers, windows, options and timestamps. Only
 * of connections that may leave the stack aside, and only what has a right checksum: sockets vanish on the strength
 * of it. */
#include <string.h>

#include "vm/flow/tcp/window.h"
#include "vm/forward/inline/inline.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

/* Options of a SYN whose meaning hangs on the numbers (RFC 2385, RFC 5925) */
enum { TCP_OPT_MD5 = 19, TCP_OPT_AO = 29 };

bool inline_is_sound(const struct pkt *pkt, const struct key *key)
{
    const bool v6 = key->kind & KIND_IP6;
    if (pkt->flags & PKT_CSUM_PARTIAL || pkt->cap_len != pkt->head_len) return true;
    const uint32_t end = pkt->l3_end, len = end - pkt->l4;
    if (end < pkt->l4 || end > pkt->head_len) return false;
    const uint64_t pseudo = v6 ? csum_pseudo6(key->src, key->dst, IPPROTO_NR_TCP, len)
                               : csum_pseudo4(key->src[0], key->dst[0], IPPROTO_NR_TCP, len);
    return csum_fold(edit_sum(pkt, pseudo, pkt->l4, end)) == 0;
}

/* True if a SYN's options are such that a splice would break them. */
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

void inline_leg_syn(struct inline_leg *l, const struct pkt *pkt, const struct tcp_segment *s)
{
    struct tcp_syn_options o;
    tcp_syn_options_read(pkt, &o);
    l->first = s->seq;
    l->top = s->seq + 1; /* data of a SYN comes again */
    l->mss = o.mss;
    l->scale = shift_of(&o);
    l->has = offered(&o, s->flags);
    l->odd = is_odd(pkt);
    l->stamp = o.stamp;
    if (!(s->flags & TCP_ACK)) return;
    l->acked = s->ack;
    l->edge = s->ack + s->window;
    l->our_edge += l->top;
}

void inline_leg_our_syn(struct inline_leg *l, const struct tcp_syn_options *o, const struct tcp_segment *s)
{
    l->our_first = s->seq;
    l->our_scale = shift_of(o);
    l->our_has = offered(o, s->flags);
    l->our_stamp = o->stamp;
    l->our_edge = s->flags & TCP_ACK ? s->ack + s->window : s->window;
    if (s->flags & TCP_ACK) l->acked = s->seq;
}

void inline_leg_in(struct inline_side *side, const struct pkt *pkt, const struct tcp_segment *s, bool given)
{
    struct inline_leg *l = &side->leg;
    struct tcp_syn_options o;
    if (s->flags & (TCP_SYN | TCP_RST)) return;
    tcp_syn_options_read(pkt, &o);
    if (given && o.has_stamps && seq_after(o.stamp, l->stamp)) l->stamp = o.stamp;
    if (given) l->top = seq_most(l->top, s->seq + s->len);
    if (!(s->flags & TCP_ACK) || seq_after(s->ack, side->ours) || seq_after(l->acked, s->ack)) return;
    l->acked = s->ack;
    l->edge = s->ack + ((uint32_t)s->window << (is_scaled(l) ? l->scale : 0));
}

void inline_leg_out(struct inline_side *side, const struct pkt *pkt, const struct tcp_segment *s)
{
    struct inline_leg *l = &side->leg;
    struct tcp_syn_options o;
    tcp_syn_options_read(pkt, &o);
    if (s->flags & TCP_SYN) {
        inline_leg_our_syn(l, &o, s);
        return;
    }
    if (s->flags & TCP_RST) return;
    if (o.has_stamps && seq_after(o.stamp, l->our_stamp)) l->our_stamp = o.stamp;
    if (!(s->flags & TCP_ACK)) return;
    const uint32_t edge = s->ack + ((uint32_t)s->window << (is_scaled(l) ? l->our_scale : 0));
    l->our_edge = seq_most(l->our_edge, edge);
}

static void set_window(struct pkt *pkt, uint16_t window)
{
    const uint32_t sum_at = pkt->l4 + (uint32_t)TCP_SUM;
    const uint64_t delta = edit_swap16(pkt, pkt->l4 + (uint32_t)TCP_WINDOW, window);
    if (!(pkt->flags & PKT_CSUM_PARTIAL)) edit_put16(pkt, sum_at, csum_apply(edit_get16(pkt, sum_at), delta));
}

void inline_renew_window(const struct inline_leg *l, struct pkt *pkt, const struct tcp_segment *s)
{
    const uint32_t room = (l->edge - s->ack) >> (is_scaled(l) ? l->scale : 0);
    if ((int32_t)(l->edge - s->ack) <= 0 || room <= s->window) return;
    set_window(pkt, room < UINT16_MAX ? (uint16_t)room : UINT16_MAX);
}

void inline_clamp(const struct inline_conn *c, enum inline_at to, struct pkt *pkt, struct tcp_segment *s)
{
    const struct inline_side *end = &c->side[to], *other = &c->side[!to];
    uint32_t most = INLINE_WINDOW_FIRST;
    if (s->flags & TCP_RST) return;
    const bool known = to == AT_SERVER ? c->state == INLINE_OPEN : c->answered;
    const int32_t room = (int32_t)(other->leg.edge - other->ours), told = (int32_t)(end->leg.our_edge - s->ack);
    if (known && room > (int32_t)most) most = (uint32_t)room;
    const unsigned shift = s->flags & TCP_SYN || !is_scaled(&end->leg) ? 0 : end->leg.our_scale;
    if (!(s->flags & TCP_SYN) && s->flags & TCP_ACK && told > (int32_t)most) most = (uint32_t)told;
    most = (most + (1u << shift) - 1) >> shift;
    if (s->window <= most) return;
    s->window = (uint16_t)most;
    set_window(pkt, s->window);
}

static struct splice_end end_of(const struct inline_side *side)
{
    const struct inline_leg *l = &side->leg;
    const bool scaled = is_scaled(l);
    return (struct splice_end){.in = side->next,
                               .out = side->ours,
                               .stamp_in = l->stamp,
                               .stamp_out = l->our_stamp,
                               .edge = l->our_edge,
                               .mss = l->mss,
                               .scale_in = scaled ? l->scale : 0,
                               .scale_out = scaled ? l->our_scale : 0,
                               .keeps_edge = true,
                               .has = l->has & l->our_has & (SPLICE_STAMPS | SPLICE_SACK | SPLICE_ECN)};
}

uint16_t inline_window(const struct inline_conn *c, enum inline_at to)
{
    const struct inline_leg *l = &c->side[to].leg;
    const uint32_t room = c->side[!to].leg.edge - c->side[!to].ours, told = l->our_edge - c->side[to].next;
    const unsigned shift = is_scaled(l) ? l->our_scale : 0;
    uint32_t v = room >> shift;
    if ((v << shift) < told) v++;
    return (uint16_t)(v < UINT16_MAX ? v : UINT16_MAX);
}

void inline_ends(const struct inline_conn *c, struct splice_end ends[2])
{
    for (unsigned at = 0; at < 2; at++) ends[at] = end_of(&c->side[at]);
}

enum splice_why inline_may_join(const struct inline_conn *c, const struct splice_end ends[2])
{
    for (unsigned at = 0; at < 2; at++) {
        const struct inline_leg *l = &c->side[at].leg;
        const int32_t told = (int32_t)(l->our_edge - c->side[at].next);
        const int32_t room = (int32_t)(c->side[!at].leg.edge - c->side[!at].ours);
        if (l->odd) return SPLICE_WHY_OPTIONS;
        if (room < 0 || told > room) return SPLICE_WHY_WINDOW;
        /* Rounded to what the end can be told, a window may not lose more than a quarter */
        const uint32_t unit = 1u << ends[at].scale_out;
        const uint32_t tells = (uint32_t)room / unit < UINT16_MAX ? (uint32_t)room / unit * unit : (uint32_t)room;
        if ((uint32_t)room - tells > (uint32_t)room / 4) return SPLICE_WHY_SCALE;
    }
    return SPLICE_WHY_NONE;
}
