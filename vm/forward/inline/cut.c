/* States of a cut, from both SYNs to both splices; segments that come meanwhile are held and renewed */
#include "vm/forward/inline/cut.h"

#include <stdlib.h>
#include <string.h>

#include "vm/flow/tcp/tcp_window.h"
#include "vm/forward/inline/conns_priv.h"
#include "vm/forward/inline/inline.h"
#include "vm/keyed/archive.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/parse/read.h"

enum { NS_A_MS = 1000000, WINDOW = UINT16_MAX };

/* The socket that an end talks to */
struct socket {
    uint32_t given, first; /* sequence numbers of prey's SYN to it, and of its own SYN */
    uint32_t stamp;        /* its newest TSval */
    uint16_t mss;
    uint8_t scale;
    bool open;
};
struct cut {
    struct cut_ends ends;
    struct socket socket[2]; /* by the end that they talk to */
    struct splice leg[2];    /* end 0: the end on the wire; end 1: its socket */
    bool joined, failed;
    bool renews[2]; /* by end: its next segment may have been held since before its newest acknowledgement */
    uint32_t next;  /* free: the next free one */
};
struct cuts {
    struct cut at[CUTS_MOST];
    uint32_t spare, high; /* the first free place, and the highest that was ever used, from 1 on; 0: none */
};

struct cuts *cuts_new(void) { return calloc(1, sizeof(struct cuts)); }
void cuts_free(struct cuts *all) { free(all); }

void cuts_put(struct cuts *all, uint32_t cut)
{
    if (!cut) return;
    all->at[cut - 1].next = all->spare;
    all->spare = cut;
}

static uint32_t cut_take(struct cuts *all)
{
    const uint32_t cut = all->spare ? all->spare : all->high < CUTS_MOST ? ++all->high : 0;
    if (cut && cut == all->spare) all->spare = all->at[cut - 1].next;
    if (cut) all->at[cut - 1] = (struct cut){.joined = false};
    return cut;
}

bool cuts_archive(struct inlines *all, uint32_t number, struct archive *a)
{
    struct inline_conn *c = &all->at[number];
    if (c->state == INLINE_FREE) {
        if (a->reads) c->cut = 0;
        return true;
    }
    if (!c->cut) return true;
    if (a->reads) c->cut = cut_take(all->cuts);
    if (!archive_sound(a, c->cut != 0 && c->state == INLINE_OPEN)) return false;
    struct cut *x = &all->cuts->at[c->cut - 1];
    ARCHIVE(a, x->leg);
    x->joined = true;
    for (unsigned i = 0; i < 4 && a->reads; i++)
        if (!archive_sound(a, inline_sound_end(&x->leg[i / 2].end[i % 2]))) return false;
    return !a->bad;
}

static struct cut *cut_of(const struct job *j, const struct inline_conn *c)
{
    return c->cut ? &j->vm->inlines->cuts->at[c->cut - 1] : NULL;
}

bool inlines_cut_waits(const struct inlines *all, const struct inline_conn *c)
{
    return c->cut && !all->cuts->at[c->cut - 1].joined;
}

/* Give a socket a segment in the name of its end. */
static void socket_say(const struct job *j, const struct inline_conn *c, uint32_t number, enum inline_at of,
                       struct flow_segment *s)
{
    struct pkt *out = NULL;
    const struct translation to = inline_inwards(j->vm->inlines, c, number, of);
    memcpy(s->src, to.src, sizeof s->src);
    memcpy(s->dst, to.dst, sizeof s->dst);
    s->src_port = to.src_port;
    s->dst_port = to.dst_port;
    s->v6 = c->v6;
    if (j->vm->cfg.pool && !build_flow_segment(s, j->vm->cfg.pool, &out)) inline_give(j, out);
}

/* Return the options of the SYN in the name of an end: those that both ends have agreed on. */
static struct tcp_options options_of(const struct cut *x, enum inline_at of, uint32_t echo)
{
    const struct cut_side *side = &x->ends.side[of];
    return (struct tcp_options){.mss = side->mss,
                                .sack_ok = x->ends.sack,
                                .has_scale = x->ends.scaled,
                                .has_stamps = x->ends.stamps,
                                .scale = side->scale,
                                .stamp = side->stamp,
                                .echo = echo};
}

uint32_t inline_cut_begin(const struct job *j, const struct packet_ctx *c, uint32_t service,
                          const struct cut_ends *ends)
{
    struct inlines *all = j->vm->inlines;
    uint32_t number;
    const unsigned before = j->tx->count;
    if (!all || !inline_has_link(j, c->pkt) || before == j->tx->cap) return INLINE_NUMBERS;
    const uint32_t cut = cut_take(all->cuts);
    struct inline_conn *conn = cut ? inlines_begin(all, c->key, c->pkt, j->vm->now_ns, &number) : NULL;
    if (!conn) {
        cuts_put(all->cuts, cut);
        return INLINE_NUMBERS;
    }
    struct cut *x = &all->cuts->at[cut - 1];
    x->ends = *ends;
    conn->cut = cut;
    conn->service = service;
    inline_see_link(j, c, conn);
    inline_heard(conn, AT_CLIENT, c->key, c->pkt, true, j->vm->now_ns);
    inlines_original(all, number);
    inlines_opened(all, number);
    x->socket[AT_CLIENT].given = conn->client_seq = ends->side[AT_CLIENT].next - 1;
    conn->side[AT_CLIENT].next = ends->side[AT_CLIENT].next;
    struct flow_segment syn = {
        .seq = conn->client_seq, .window = WINDOW, .flags = TCP_SYN, .options = options_of(x, AT_CLIENT, 0)};
    socket_say(j, conn, number, AT_CLIENT, &syn);
    if (j->tx->count == before) {
        inlines_end(all, number);
        return INLINE_NUMBERS;
    }
    struct tx_entry *e = &j->tx->entries[j->tx->count - 1];
    e->cause = TX_CAUSE_INLINE;
    e->cookie = number;
    return number;
}

enum cut_state inline_cut_state(const struct job *j, uint32_t number)
{
    const struct inline_conn *c = inlines_at(j->vm->inlines, number);
    const struct cut *x = c ? cut_of(j, c) : NULL;
    if (!x || x->failed || c->service == PBC_NONE) return CUT_FAILED;
    return x->socket[AT_CLIENT].open && x->socket[AT_SERVER].open ? CUT_OPENED : CUT_OPENS;
}

/* End the flow that followed the connection while its packets passed, because they no longer reach the flow. */
static void end_flow(const struct job *j, const struct inline_conn *c)
{
    struct track_tuple t = {.src_port = c->client_port, .dst_port = c->server_port};
    memcpy(t.src, c->client, sizeof t.src);
    memcpy(t.dst, c->server, sizeof t.dst);
    if (j->vm->track) track_end_tcp(j->vm->track, &t, c->v6, c->side[AT_CLIENT].stack, FLOW_END_CUT_INTO);
}

void inline_cut_join(const struct job *j, uint32_t number, const struct cut_ends *ends)
{
    struct inline_conn *c = inlines_at(j->vm->inlines, number);
    struct cut *x = cut_of(j, c);
    const uint8_t has = (uint8_t)((ends->stamps ? SPLICE_STAMPS : 0) | (ends->sack ? SPLICE_SACK : 0));
    for (unsigned at = 0; at < 2; at++) {
        const struct cut_side *side = &ends->side[at], *other = &ends->side[!at];
        const struct socket *o = &x->socket[at];
        const struct splice_end pair[2] = {{.in = side->next,
                                            .out = other->next,
                                            .stamp_in = side->stamp,
                                            .stamp_out = other->stamp,
                                            .edge = side->edge,
                                            .mss = side->mss,
                                            .scale_in = ends->scaled ? side->scale : 0,
                                            .scale_out = ends->scaled ? other->scale : 0,
                                            .has = has},
                                           {.in = o->first + 1,
                                            .out = o->given + 1,
                                            .stamp_in = o->stamp,
                                            .stamp_out = x->ends.side[at].stamp,
                                            .mss = o->mss,
                                            .scale_in = ends->scaled ? o->scale : 0,
                                            .scale_out = ends->scaled ? side->scale : 0,
                                            .has = has}};
        splice_join(&x->leg[at], pair, (uint32_t)(j->vm->now_ns / NS_A_MS));
        c->side[at].ttl = side->ttl;
        c->side[at].tos = side->tos;
        c->side[at].next = side->next;
        c->side[at].ours = other->next;
        c->side[at].leg = (struct inline_leg){.acked = other->next,
                                              .edge = other->edge,
                                              .stamp = side->stamp,
                                              .scale = side->scale,
                                              .has = ends->scaled ? LEG_SCALE : 0,
                                              .our_has = ends->scaled ? LEG_SCALE : 0};
        x->renews[at] = true;
    }
    c->seq = ends->side[AT_SERVER].next - 1;
    c->own_seq = ends->side[AT_CLIENT].next - 1;
    c->answered = 1;
    c->seen_ns = j->vm->now_ns;
    x->joined = true;
    inlines_cut_into(j->vm->inlines, number, j->vm->now_ns);
    end_flow(j, c);
}

void inline_cut_drop(const struct job *j, uint32_t number)
{
    struct inline_conn *c = inlines_at(j->vm->inlines, number);
    struct cut *x = c ? cut_of(j, c) : NULL;
    if (!x || x->joined) return;
    struct flow_segment rst = {.seq = x->socket[AT_SERVER].given + 1, .flags = TCP_RST};
    const bool is_accepted = x->socket[AT_CLIENT].open;
    inline_reset_socket(j, c, number);
    if (x->socket[AT_SERVER].given) socket_say(j, c, number, AT_SERVER, &rst);
    if (is_accepted) /* the loop may open a socket to the server before it is notified of the reset */
        inlines_retire(j->vm->inlines, number, j->vm->now_ns);
    else
        inlines_end(j->vm->inlines, number);
}

/* Note a socket's SYN, and answer it in the name of its end. */
static void socket_answer(const struct job *j, const struct inline_conn *c, uint32_t number, enum inline_at of,
                          struct cut *x, const struct tcp_segment *s, const struct tcp_syn_options *o)
{
    struct socket *socket = &x->socket[of];
    socket->first = s->seq;
    socket->stamp = o->stamp;
    socket->mss = o->mss;
    socket->scale = o->scale < SCALE_MOST ? o->scale : (uint8_t)SCALE_MOST;
    if (of == AT_SERVER) socket->given = x->ends.side[AT_SERVER].next - 1;
    struct flow_segment back = {.seq = socket->given + (of == AT_CLIENT ? 1 : 0),
                                .ack = s->seq + 1,
                                .window = WINDOW,
                                .flags = of == AT_CLIENT ? TCP_ACK : TCP_SYN | TCP_ACK,
                                .options = options_of(x, of, o->stamp)};
    if (of == AT_CLIENT)
        back.options =
            (struct tcp_options){.has_stamps = x->ends.stamps, .stamp = x->ends.side[of].stamp, .echo = o->stamp};
    socket_say(j, c, number, of, &back);
    if (of == AT_CLIENT) socket->open = true;
}

/* Handle a socket's packet while both are being opened. */
static void opens(const struct job *j, const struct inline_conn *c, uint32_t number, enum inline_at of, struct cut *x,
                  const struct pkt *pkt, const struct tcp_segment *s)
{
    struct tcp_syn_options o = {.has_scale = false};
    tcp_syn_options_read(pkt, &o);
    struct socket *socket = &x->socket[of];
    if (s->flags & (TCP_RST | TCP_FIN))
        x->failed = true;
    else if (s->flags & TCP_SYN)
        socket_answer(j, c, number, of, x, s, &o);
    else if (of == AT_SERVER && socket->given && s->ack == socket->given + 1)
        socket->open = true;
    if (o.has_stamps && socket->open) socket->stamp = o.stamp;
}

/* Send a segment to the end that its socket talks to. False: it could not leave, and stays the caller's. */
static bool held_leave(const struct job *j, struct inline_conn *c, enum inline_at to, struct splice *leg,
                       struct pkt *pkt, const struct key *key)
{
    const struct translation as = inline_outwards(c, to);
    struct tcp_segment s;
    uint32_t mtu;
    tcp_read(pkt, key, &s);
    inline_keep_edge(&leg->edge[0], leg->end[0].scale_out, pkt, &s);
    inline_says(c, to, &s);
    const enum tunnel_fit fit = inline_fit(j, c, to, pkt, key, &mtu);
    if (fit == TUNNEL_TOO_BIG || translate(pkt, key, &as)) return false;
    inline_send_in(j, c, to, pkt, !c->v6, fit, mtu);
    return true;
}

void inline_cut_said(const struct job *j, struct inline_conn *c, uint32_t number, enum inline_at to, struct pkt *pkt,
                     const struct key *key)
{
    struct cut *x = cut_of(j, c);
    struct tcp_segment s;
    tcp_read(pkt, key, &s);
    if (!x->joined) {
        opens(j, c, number, to, x, pkt, &s);
        return;
    }
    struct splice_out out = {.count = 1, .pkts = {pkt}};
    const uint32_t now_ms = (uint32_t)(j->vm->now_ns / NS_A_MS);
    c->seen_ns = j->vm->now_ns;
    if (splice_pass(&x->leg[to], 1, pkt, key, now_ms, j->vm->cfg.pool, &out) != SPLICE_SENT) return;
    for (unsigned i = 0; i < out.count; i++)
        if (!held_leave(j, c, to, &x->leg[to], out.pkts[i], key) && out.pkts[i] != pkt) pool_put(out.pkts[i]);
}

void inline_cut_quoted(const struct job *j, const struct inline_conn *c, enum inline_at to, struct translation *inner)
{
    const struct cut *x = cut_of(j, c);
    if (!x) return;
    inner->what |= TRANSLATE_SEQ;
    inner->seq = x->leg[to].end[1].in - x->leg[to].end[0].out;
}

/* Let a held segment acknowledge everything that its end has got by now, with the end's newest TSval. Its socket has
 * sent none of the bytes that passed, and Linux rejects segments that acknowledge unsent bytes, however old. It also
 * rejects a TSval before that of the SYN (RFC 7323, 5.3), which the end sent later. */
static void held_renew(const struct inline_conn *c, enum inline_at from, struct cut *x, struct pkt *pkt,
                       struct tcp_segment s)
{
    const struct inline_side *side = &c->side[from];
    const int32_t more = (int32_t)(s.ack - side->leg.acked);
    struct tcp_syn_options o;
    tcp_syn_options_read(pkt, &o);
    const bool older = o.has_stamps && seq_after(side->leg.stamp, o.stamp);
    if (more < 0 || (more == 0 && older)) inline_renew(side, pkt, &s);
    x->renews[from] = more <= 0;
}

void inline_cut_wire(const struct job *j, const struct packet_ctx *ctx, struct inline_conn *c, uint32_t number,
                     enum inline_at from, const struct tcp_segment *s)
{
    struct cut *x = cut_of(j, c);
    struct pkt *pkt = j->vm->cfg.pool ? pool_copy(j->vm->cfg.pool, ctx->pkt) : NULL;
    struct key key;
    const struct translation to = inline_inwards(j->vm->inlines, c, number, from);
    inline_follow(c, from, s);
    if (!pkt) return;
    struct splice_out out = {.count = 1, .pkts = {pkt}};
    const uint32_t now_ms = (uint32_t)(j->vm->now_ns / NS_A_MS);
    const bool sound = !pkt_parse(pkt, j->in->facts, &key);
    if (sound && x->renews[from]) held_renew(c, from, x, pkt, *s);
    if (!sound || splice_pass(&x->leg[from], 0, pkt, &key, now_ms, j->vm->cfg.pool, &out) != SPLICE_SENT) {
        pool_put(pkt);
        return;
    }
    for (unsigned i = 0; i < out.count; i++) {
        edit_strip(out.pkts[i]);
        if (translate(out.pkts[i], &key, &to))
            pool_put(out.pkts[i]);
        else
            inline_give(j, out.pkts[i]);
    }
}
