/* `server first`: the client gets a reply once the server has replied, and the server's own refusal if it refuses.
 *
 *     client           vm                  inline stack             vm             server
 *     SYN ───────────▶ ──────────────────▶ listener
 *                      keeps ◀── SYN|ACK ─
 *                      ACK ──────────────▶ accepted, connects ────▶ SYN ─────────▶
 *     ◀────── SYN|ACK ─ ◀────────────────────────────────────────── ◀──── SYN|ACK ─
 *
 * So the proxy loop sees an ordinary connection, and only the ends retransmit. */
#include <string.h>

#include "vm/forward/inline/cut.h"
#include "vm/forward/inline/inline.h"
#include "vm/packet/parse/read.h"

void inline_keep_answer(const struct job *j, struct inline_conn *c, uint32_t number, const struct key *key,
                        const struct pkt *pkt)
{
    struct tcp_header tcp;
    struct tcp_syn_options o;
    struct pkt *ack = NULL;
    tcp_header_read(pkt, key, &tcp);
    tcp_syn_options_read(pkt, &o);
    c->seq = tcp.seq;
    c->side[AT_CLIENT].ours = tcp.seq + 1;
    c->window = c->leaves && tcp.window > INLINE_WINDOW_FIRST ? INLINE_WINDOW_FIRST : tcp.window;
    const uint16_t mss = inline_mss(j, c, AT_CLIENT, key);
    c->options = (struct tcp_options){.mss = o.mss < mss ? o.mss : mss,
                                      .sack_ok = o.sack,
                                      .has_scale = o.has_scale,
                                      .has_stamps = o.has_stamps,
                                      .scale = o.scale,
                                      .stamp = o.stamp,
                                      .echo = o.echo};
    c->state = INLINE_WAITS;
    const struct inline_leg *leg = &c->side[AT_CLIENT].leg;
    const unsigned shift = leg->has & LEG_SCALE && o.has_scale ? leg->scale : 0; /* the SYN's window was not shifted */
    struct flow_segment s = {.src_port = c->use,
                             .dst_port = INLINE_LISTENS,
                             .seq = c->client_seq + 1,
                             .ack = tcp.seq + 1,
                             .window = (uint16_t)(c->client_window >> shift),
                             .flags = TCP_ACK,
                             .v6 = c->v6,
                             .options = {.has_stamps = o.has_stamps, .stamp = c->client_stamp, .echo = o.stamp}};
    const struct inline_name n = {INLINE_CLIENT, (uint8_t)inlines_worker(j->vm->inlines), number};
    inline_address(s.src, c->v6, n);
    inline_listener(s.dst, c->v6, n.worker);
    if (j->vm->cfg.pool && !build_flow_segment(&s, j->vm->cfg.pool, &ack)) inline_give(j, ack);
}

void inline_say(const struct job *j, const struct inline_conn *c, enum inline_at to, struct flow_segment *s)
{
    const struct translation as = inline_outwards(c, to);
    struct pkt *out = NULL;
    memcpy(s->src, as.src, sizeof s->src);
    memcpy(s->dst, as.dst, sizeof s->dst);
    s->src_port = as.src_port;
    s->dst_port = as.dst_port;
    s->v6 = c->v6;
    if (j->vm->cfg.pool && !build_flow_segment(s, j->vm->cfg.pool, &out)) inline_send(j, c, to, out, !c->v6);
}

/* Note the numbers of prey's SYN|ACK, which does not come from the inline stack. */
static void note_answer(struct inline_conn *c)
{
    const struct tcp_options *o = &c->options;
    const struct tcp_syn_options said = {.mss = o->mss,
                                         .has_scale = o->has_scale,
                                         .scale = o->scale,
                                         .sack = o->sack_ok,
                                         .has_stamps = o->has_stamps,
                                         .stamp = o->stamp};
    const struct tcp_segment s = {
        .seq = c->seq, .ack = c->client_seq + 1, .window = c->window, .flags = TCP_SYN | TCP_ACK};
    inline_leg_our_syn(&c->side[AT_CLIENT].leg, &said, &s);
}

void inline_answer(const struct job *j, struct inline_conn *c, uint16_t mss)
{
    const uint32_t least = inline_window_least(c, AT_CLIENT);
    if (mss && mss < c->options.mss) c->options.mss = mss;
    if (c->leaves && c->window > least) c->window = (uint16_t)least;
    c->state = INLINE_TOLD;
    struct flow_segment s = {.seq = c->seq,
                             .ack = c->client_seq + 1,
                             .window = c->window,
                             .flags = TCP_SYN | TCP_ACK,
                             .options = c->options};
    note_answer(c);
    inline_say(j, c, AT_CLIENT, &s);
}

void inline_refuse(const struct job *j, struct inline_conn *c)
{
    c->over |= OVER_RESET;
    struct flow_segment s = {.ack = c->client_seq + 1, .flags = TCP_RST | TCP_ACK};
    inline_say(j, c, AT_CLIENT, &s);
}

void inline_reset_socket(const struct job *j, const struct inline_conn *c, uint32_t number)
{
    struct pkt *out = NULL;
    struct flow_segment s = {
        .src_port = c->use, .dst_port = INLINE_LISTENS, .seq = c->side[AT_CLIENT].next, .flags = TCP_RST, .v6 = c->v6};
    const struct inline_name n = {INLINE_CLIENT, (uint8_t)inlines_worker(j->vm->inlines), number};
    inline_address(s.src, c->v6, n);
    inline_listener(s.dst, c->v6, n.worker);
    if (j->vm->cfg.pool && !build_flow_segment(&s, j->vm->cfg.pool, &out)) inline_give(j, out);
}

/* Reset the client: it has not gone on in time, or both ends were silent, or the service is gone. The proxy loop
 * resets the server, once the client's socket is reset. */
static void end_late(void *arg, struct inline_conn *c, uint32_t number)
{
    const struct job *j = arg;
    if (c->state == INLINE_SPLICED) {
        inline_end_spliced(j, c, number, false);
        return;
    }
    inline_let_go(j, c, number);
    inline_reset_socket(j, c, number);
    if (inlines_cut_waits(j->vm->inlines, c)) return; /* the ends still have their own connection */
    /* The client's socket may no longer send that reset. A client without a reply gets nothing, as from its server,
     * unless the service is gone */
    const struct inline_side *client = &c->side[AT_CLIENT];
    struct flow_segment s = {.seq = client->ours, .ack = client->next, .flags = TCP_RST | TCP_ACK};
    if (c->state > INLINE_WAITS || c->state == INLINE_SAID)
        inline_say(j, c, AT_CLIENT, &s);
    else if (c->over & OVER_GONE)
        inline_refuse(j, c);
}

void inline_make_room(const struct job *j)
{
    uint32_t number;
    struct inline_conn *c = inlines_too_many(j->vm->inlines, &number);
    if (!c) return;
    j->vm->counters.wire_gave_way++;
    end_late((void *)j, c, number);
    struct flow_segment s = {.seq = c->side[AT_SERVER].ours, .flags = TCP_RST};
    if (c->own_port) inline_say(j, c, AT_SERVER, &s);
    inlines_end(j->vm->inlines, number);
}

uint64_t inline_tick(const struct job *j)
{
    const uint64_t held_ns = time_sooner(inline_holds_tick(j), inlines_take_some(j->vm->inlines, j->vm->now_ns));
    return time_sooner(held_ns, inlines_tick(j->vm->inlines, j->vm->now_ns, end_late, (void *)j));
}
