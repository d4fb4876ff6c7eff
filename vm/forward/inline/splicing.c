/* Spliced connections: their segments are rewritten for the other end, and leave in the name of their sender. prey
 * follows the effect of a FIN or a reset on the connection, but drops nothing for it. */
#include <string.h>

#include "vm/flow/tcp/tcp_window.h"
#include "vm/forward/edges.h"
#include "vm/forward/forward_priv.h"
#include "vm/forward/inline/conns_priv.h"
#include "vm/forward/inline/inline.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

enum { NS_A_MS = 1000000, GROWS = 64 /* bytes that link and options may need in front */ };

static void tell_over(const struct job *j, struct inline_conn *c, uint32_t number, enum splice_why why)
{
    const struct inline_told told = {.kind = INLINE_OVER, .why = (uint8_t)why, .port = c->use, .number = number};
    if (!c->told_over) inlines_tell_loop(j->vm->inlines, &told);
    c->told_over = true;
}

/* Translate a repeated SYN, or one of an end that has lost its state: the other end, which has the connection,
 * answers it (RFC 5961, 4). */
static enum splice_fate pass_syn(const struct inline_conn *c, enum inline_at from, struct pkt *pkt,
                                 const struct key *key)
{
    const struct splice_end *a = &c->splice.end[from], *b = &c->splice.end[!from];
    const struct translation to = {.what = TRANSLATE_SEQ, .seq = b->out - a->in};
    if (key->marks & TCP_ACK) return SPLICE_NOT_SEGMENT;
    return translate(pkt, key, &to) ? SPLICE_NOT_SEGMENT : SPLICE_SENT;
}

static enum pkt_reason reason_of(enum splice_fate fate, const struct key *key)
{
    static const uint8_t reasons[] = {[SPLICE_NOT_SEGMENT] = REASON_UNTRANSLATABLE,
                                      [SPLICE_NO_ROOM] = REASON_NO_BUFFER,
                                      [SPLICE_SNAPPED] = REASON_UNTRANSLATABLE,
                                      [SPLICE_BAD_SUM] = REASON_UNTRANSLATABLE,
                                      [SPLICE_CONGESTED] = REASON_UNTRANSLATABLE};
    const bool grows = fate == SPLICE_NO_ROOM && key->kind & KIND_FRAG_FIRST;
    return grows ? REASON_UNTRANSLATABLE : (enum pkt_reason)reasons[fate];
}

/* Return by how many bytes a segment's options may grow. */
static uint32_t grows(const struct inline_conn *c, enum inline_at from)
{
    const bool generated = c->splice.end[!from].has & ~c->splice.end[from].has & SPLICE_STAMPS;
    return generated ? TCP_OPT_STAMPS_LEN + 2 : 0;
}

/* Rewrite a segment that may be written, and send it. The segment is taken over. near: its numbers change the
 * splice. Return why it does not leave. */
static enum pkt_reason pass(const struct job *j, struct inline_conn *c, enum inline_at from, struct pkt *pkt,
                            const struct key *key, enum tunnel_fit fit, uint32_t mtu, bool near)
{
    struct splice as_it_was = c->splice;
    const enum inline_at to = from == AT_CLIENT ? AT_SERVER : AT_CLIENT;
    const struct translation as = inline_outwards(c, to);
    struct splice_out out = {.count = 1, .pkts = {pkt}};
    const uint32_t now_ms = (uint32_t)(j->vm->now_ns / NS_A_MS);
    const enum splice_fate fate = key->marks & TCP_SYN ? pass_syn(c, from, pkt, key)
                                                       : splice_pass(near ? &c->splice : &as_it_was, from, pkt, key,
                                                                     now_ms, j->vm->cfg.pool, &out);
    if (fate != SPLICE_SENT) {
        pool_put(pkt);
        return reason_of(fate, key);
    }
    for (unsigned i = 0; i < out.count; i++) {
        edit_strip(out.pkts[i]);
        if (translate(out.pkts[i], key, &as))
            pool_put(out.pkts[i]);
        else
            inline_send_in(j, c, to, out.pkts[i], !c->v6, fit, mtu);
    }
    return REASON_NONE;
}

/* Note what a segment states of the connection's end. False: the segment is not followed, because its numbers are
 * far from those possible now, or because it is damaged and would end the connection. */
static bool spliced_follow(const struct job *j, struct inline_conn *c, uint32_t number, enum inline_at from,
                           const struct pkt *pkt, const struct key *key, const struct tcp_segment *s)
{
    struct inline_side *side = &c->side[from], *other = &c->side[!from];
    if (s->flags & TCP_SYN) return true;
    if (s->flags & TCP_RST) {
        /* A valid reset has the next number, or the one that the other end has acknowledged (RFC 5961, 3.2) */
        const uint32_t acked = other->leg.acked - c->splice.end[!from].out + c->splice.end[from].in;
        if ((s->seq != side->next && s->seq != acked) || !tcp_sum_is_right(pkt, key)) return false;
        c->over |= OVER_WIRE | OVER_RESET; /* segments that are still on their way change nothing */
        tell_over(j, c, number, from == AT_CLIENT ? SPLICE_WHY_CLIENT_RESET : SPLICE_WHY_SERVER_RESET);
        return true;
    }
    if (!inline_is_near(side, c->splice.edge[from], s)) return false;
    /* Timestamps that are made up for an end depend on those of the other */
    const bool makes_up = (c->splice.end[0].has ^ c->splice.end[1].has) & SPLICE_STAMPS;
    if (makes_up && !tcp_sum_is_right(pkt, key)) return false;
    const uint8_t ends = from == AT_CLIENT ? OVER_CLIENT | OVER_TO_SERVER : OVER_SERVER | OVER_TO_CLIENT;
    if (s->flags & TCP_FIN && (c->over & ends) != ends) {
        /* A FIN before bytes that have come is not that end's. In the kernel, acknowledgements may overtake a FIN. */
        const uint32_t least = s->seq + s->len - (inlines_in_kernel(j->vm->inlines, number, from) ? 0 : 1);
        if (seq_after(side->next, least) || !tcp_sum_is_right(pkt, key)) return false;
        c->over |= ends;
        if (from == AT_CLIENT && s->seq == side->next) c->over |= OVER_IN_ORDER;
        const struct inline_told half = {.kind = INLINE_HALF, .port = c->use, .number = number};
        if ((c->over & OVER_FINS) != OVER_FINS) inlines_tell_loop(j->vm->inlines, &half);
    }
    if ((c->over & OVER_FINS) == OVER_FINS) tell_over(j, c, number, SPLICE_WHY_DONE);
    if (seq_after(s->seq + s->len, side->next)) side->next = s->seq + s->len;
    if (s->flags & TCP_ACK && !seq_after(side->leg.acked, s->ack)) {
        side->leg.acked = s->ack;
        side->leg.edge = s->ack + ((uint32_t)s->window << c->splice.end[from].scale_in);
    }
    other->ours = side->next - c->splice.end[from].in + c->splice.end[!from].out;
    return true;
}

/* Count a segment, by its payload. */
static void segment_count(const struct job *j, uint32_t number, enum inline_at from, const struct tcp_segment *s)
{
    const uint32_t numbers = (s->flags & TCP_SYN ? 1 : 0) + (s->flags & TCP_FIN ? 1 : 0);
    inlines_count(j->vm->inlines, number, from, s->len - numbers, j->vm->now_ns);
}

void inline_pass(const struct job *j, struct inline_conn *c, uint32_t number, enum inline_at from, struct pkt *pkt,
                 const struct key *key)
{
    const enum inline_at to = from == AT_CLIENT ? AT_SERVER : AT_CLIENT;
    struct tcp_segment s;
    uint32_t told;
    tcp_read(pkt, key, &s);
    const bool near = spliced_follow(j, c, number, from, pkt, key, &s);
    segment_count(j, number, from, &s);
    const uint32_t mtu = inline_mtu(j, c, to, key);
    const enum tunnel_fit fit = edge_fit(pkt, key, mtu - grows(c, from), &told);
    if (fit == TUNNEL_TOO_BIG)
        pool_put(pkt);
    else
        pass(j, c, from, pkt, key, fit, mtu, near);
}

struct pkt *inline_own_or_copy(const struct job *j, const struct packet_ctx *c)
{
    struct pool *pool = j->vm->cfg.pool;
    const bool own = c->pkt->flags & PKT_WRITABLE && !c->pkt->pool && !c->pkt->seg_count;
    if (own && c->pkt->headroom >= GROWS) return c->pkt;
    return pool ? pool_copy(pool, c->pkt) : NULL;
}

void inline_spliced(const struct job *j, struct packet_ctx *c, struct inline_conn *conn, uint32_t number,
                    enum inline_at from, const struct tcp_segment *s)
{
    const enum inline_at to = from == AT_CLIENT ? AT_SERVER : AT_CLIENT;
    const uint32_t mtu = inline_mtu(j, conn, to, c->key), grown = grows(conn, from);
    uint32_t told;
    const enum tunnel_fit fit = edge_fit(c->pkt, c->key, mtu - grown, &told);
    if (fit == TUNNEL_TOO_BIG) {
        edge_too_big(j, c, told, NULL);
        forward_refuse(c, REASON_TOO_BIG);
        return;
    }
    struct tcp_segment now = *s;
    const bool late =
        inlines_in_kernel(j->vm->inlines, number, from) && inline_overtaken(&conn->side[from], c->pkt, &now);
    const bool near = spliced_follow(j, conn, number, from, c->pkt, c->key, &now);
    segment_count(j, number, from, s);
    struct pkt *pkt = j->tx->cap - j->tx->count > SPLICE_SEGMENTS ? inline_own_or_copy(j, c) : NULL;
    if (pkt && late) inline_set_window(pkt, now.window);
    const bool own = pkt == c->pkt;
    const unsigned before = j->tx->count;
    const enum pkt_reason reason = pkt ? pass(j, conn, from, pkt, c->key, fit, mtu, near) : REASON_NO_BUFFER;
    c->gone = own && !reason;
    if (reason)
        forward_refuse(c, reason);
    else if (c->key->kind & KIND_FRAG_FIRST)
        inline_first_fragment(c, conn, number, to, s);
    if (j->tx->count > before) inline_keep_slot(j, conn, number, c, from, &j->tx->entries[j->tx->count - 1]);
}

/* Reset an end at the number that it has acknowledged, and at the end of the bytes sent to it: one of these is the
 * next that it expects. */
static void end_reset(const struct job *j, const struct inline_conn *c, enum inline_at to)
{
    const struct inline_side *side = &c->side[to];
    struct flow_segment s = {.seq = side->leg.acked, .flags = TCP_RST};
    inline_say(j, c, to, &s);
    s.seq = side->ours;
    if (s.seq != side->leg.acked) inline_say(j, c, to, &s);
}

void inline_end_spliced(const struct job *j, struct inline_conn *c, uint32_t number, bool asked)
{
    if (c->state != INLINE_SPLICED) return;
    inlines_drop_slots(j->vm->inlines, number);
    for (unsigned at = 0; at < 2; at++) end_reset(j, c, (enum inline_at)at);
    if (asked)
        c->told_over = true; /* the loop has asked for this */
    else
        tell_over(j, c, number, SPLICE_WHY_IDLE);
    c->over |= OVER_RESET;
    c->seen_ns = j->vm->now_ns;
    inlines_over(j->vm->inlines, number);
}

/* Lower the MTU in an error about a packet that was too long by `less`, the bytes by which its sender's segments
 * grow. */
static void lower_mtu(struct pkt *pkt, const struct key *key, uint32_t less)
{
    enum { TOO_BIG4 = 3 << 8 | 4, TOO_BIG6 = 2 << 8, SUM_AT = 2, MTU_AT = 6, MTU_LEAST = 576 };
    const uint16_t kind = edit_get16(pkt, pkt->l4), mtu = edit_get16(pkt, pkt->l4 + (uint32_t)MTU_AT);
    if (kind != (key->kind & KIND_IP6 ? TOO_BIG6 : TOO_BIG4) || mtu < MTU_LEAST + less) return;
    const uint64_t delta = edit_swap16(pkt, pkt->l4 + (uint32_t)MTU_AT, (uint16_t)(mtu - less));
    const uint32_t sum_at = pkt->l4 + (uint32_t)SUM_AT;
    edit_put16(pkt, sum_at, csum_apply(edit_get16(pkt, sum_at), delta));
}

bool inline_spliced_error(const struct job *j, struct packet_ctx *c, const struct inline_conn *conn,
                          enum inline_at sent_by)
{
    /* The quoted packet left in the name of `sent_by`, which has sent it with its own numbers and addresses */
    const struct splice_end *from = &conn->splice.end[sent_by], *to = &conn->splice.end[!sent_by];
    const struct inline_side *side = &conn->side[sent_by];
    const struct translation as = inline_outwards(conn, sent_by); /* reversed below: as from that end */
    struct translation inner = {
        .what = as.what | TRANSLATE_SEQ, .src_port = as.dst_port, .dst_port = as.src_port, .seq = from->in - to->out};
    struct translation outer = {.what = TRANSLATE_DST};
    memcpy(inner.src, as.dst, sizeof inner.src);
    memcpy(inner.dst, as.src, sizeof inner.dst);
    memcpy(outer.dst, as.dst, sizeof outer.dst);
    struct pkt *copy = j->vm->cfg.pool && tx_has_room(j) ? pool_copy(j->vm->cfg.pool, c->pkt) : NULL;
    if (!copy) return false;
    if ((!side->bridged && !ttl_decrement(copy, c->key)) || quoted_translate(copy, c->key, &outer, &inner)) {
        pool_put(copy);
        return false;
    }
    if (grows(conn, sent_by)) lower_mtu(copy, c->key, grows(conn, sent_by));
    edit_strip(copy);
    if (!inline_link(j, conn, sent_by, copy, !conn->v6)) {
        pool_put(copy);
        return false;
    }
    struct tx_entry *e = tx_add(j, c, copy, TX_SEND, TX_CAUSE_INLINE);
    const struct way_back way = inline_way(j, conn, sent_by);
    e->out_if = way.iface;
    e->family = way.mac ? 0 : conn->v6 ? 6 : 4;
    memcpy(e->next_hop, as.dst, sizeof e->next_hop);
    return true;
}
