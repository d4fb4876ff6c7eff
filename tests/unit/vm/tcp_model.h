/* A model of two TCP endpoints, after RFC 9293, and the path between them: packets that a middlebox must let pass.
 * They open, also both at the same time, send streams both ways and close; they retransmit, probe and keep alive at
 * any time. It uses nothing of vm/flow except the shape of a segment. */
#ifndef TESTS_UNIT_VM_TCP_MODEL_H
#define TESTS_UNIT_VM_TCP_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "tests/lib/rng.h"
#include "vm/flow/flow.h"

enum { STREAM_MOST = 20000, QUEUE_MOST = 40 };

struct peer {
    enum { LISTENING, SYN_SENT, SYN_RECEIVED, SYNCED } at;
    uint32_t iss, una, nxt; /* its data; its FIN is the octet after its stream */
    uint32_t probed;        /* nxt, or the end of a probe's octet, which doesn't move nxt */
    uint32_t stream;        /* octets */
    uint32_t edge;          /* end of what the other end allows */
    uint32_t most_allowed;  /* the largest window that the other end announced */
    uint32_t irs, rcv_nxt;
    bool got[STREAM_MOST + 2]; /* received octets of the other end's stream and FIN */
    uint32_t other_stream;     /* its length, where its FIN is */
    uint32_t buffer, unread, most_announced;
    uint32_t mss;
    uint8_t scale, other_scale; /* SCALE_ABSENT: not offered */
};

struct path {
    struct tcp_segment queue[2][2][QUEUE_MOST]; /* by sender, then before and after the middlebox */
    unsigned skipped[2][2][QUEUE_MOST];
    unsigned count[2][2];
};

static inline bool seq_less(uint32_t a, uint32_t b) { return (int32_t)(a - b) < 0; }
static inline uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }
static inline uint32_t fin_at(const struct peer *p) { return p->iss + 1 + p->stream; }
static inline bool shifts(const struct peer *p) { return p->scale != SCALE_ABSENT && p->other_scale != SCALE_ABSENT; }

static inline void send_segment(struct path *path, unsigned who, unsigned hop, const struct tcp_segment *s)
{
    unsigned *n = &path->count[who][hop];
    if (*n == QUEUE_MOST) return; /* lost */
    path->skipped[who][hop][*n] = 0;
    path->queue[who][hop][(*n)++] = *s;
}

static inline uint16_t announce(struct peer *p, bool syn)
{
    uint32_t room = p->buffer - least(p->buffer, p->unread);
    const unsigned shift = !syn && shifts(p) ? p->scale : 0;
    room = least(room >> shift, 65535);
    if (room << shift > p->most_announced) p->most_announced = room << shift;
    return (uint16_t)room;
}

/* Send octets [seq, seq+n) of the sequence space; SYN and FIN come by their numbers. */
static inline void emit(struct path *path, struct peer *p, unsigned who, uint32_t seq, uint32_t n)
{
    struct tcp_segment s = {.seq = seq, .len = n, .scale = SCALE_ABSENT};
    const bool syn = seq == p->iss && n > 0;
    if (syn) s.flags |= TCP_SYN;
    if (syn && (p->at == SYN_SENT || p->other_scale != SCALE_ABSENT)) s.scale = p->scale;
    if (n > 0 && seq + n == fin_at(p) + 1) s.flags |= TCP_FIN;
    if (p->at != SYN_SENT) {
        s.flags |= TCP_ACK;
        s.ack = p->rcv_nxt;
    }
    s.window = announce(p, syn);
    if (seq_less(p->nxt, seq + n)) p->nxt = seq + n;
    if (seq_less(p->probed, seq + n)) p->probed = seq + n;
    send_segment(path, who, 0, &s);
}

/* True if a segment is acceptable by RFC 9293, 3.10.7, and for acknowledgements by RFC 5961, 5.2. */
static inline bool acceptable(const struct peer *p, const struct tcp_segment *s)
{
    const bool acks = s->flags & TCP_ACK && !seq_less(p->probed, s->ack);
    if (p->at == LISTENING) return (s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
    if (p->at == SYN_SENT) return s->flags & TCP_SYN && (!(s->flags & TCP_ACK) || (acks && seq_less(p->iss, s->ack)));
    const uint32_t room = p->buffer - least(p->buffer, p->unread), last = s->seq + (s->len ? s->len - 1 : 0);
    const bool first_in = s->seq - p->rcv_nxt < room, last_in = last - p->rcv_nxt < room;
    const bool over = !seq_less(p->rcv_nxt, s->seq) && seq_less(p->rcv_nxt, s->seq + s->len);
    const bool in = s->len ? room > 0 && (first_in || last_in || over) : s->seq == p->rcv_nxt || first_in;
    const bool both_opened = s->flags & TCP_SYN && s->seq == p->irs; /* RFC 9293, figure 8 */
    if (p->at == SYN_RECEIVED) return (in || both_opened) && acks && seq_less(p->iss, s->ack);
    return in && acks && !seq_less(s->ack, p->una - p->most_allowed);
}

static inline void note_ack(struct peer *p, const struct tcp_segment *s)
{
    if (!(s->flags & TCP_ACK) || seq_less(p->probed, s->ack)) return;
    if (seq_less(p->una, s->ack)) p->una = s->ack;
    if (seq_less(p->nxt, p->una)) p->nxt = p->una;
    const unsigned shift = !(s->flags & TCP_SYN) && shifts(p) ? p->other_scale : 0;
    const uint32_t window = (uint32_t)s->window << shift;
    if (window > p->most_allowed) p->most_allowed = window;
    if (seq_less(p->edge, s->ack + window)) p->edge = s->ack + window;
}

static inline void note_data(struct peer *p, const struct tcp_segment *s)
{
    uint32_t seq = s->seq, len = s->len;
    if (s->flags & TCP_SYN) seq++, len--;
    const uint32_t room = p->buffer - least(p->buffer, p->unread), from = p->rcv_nxt;
    for (uint32_t i = 0; i < len; i++) {
        const uint32_t at = seq + i - (p->irs + 1);
        if (at <= p->other_stream && seq + i - from < room) p->got[at] = true;
    }
    while (p->rcv_nxt - (p->irs + 1) <= p->other_stream && p->got[p->rcv_nxt - (p->irs + 1)]) p->rcv_nxt++, p->unread++;
}

static inline void begin_receive(struct peer *p, const struct tcp_segment *s)
{
    p->irs = s->seq;
    p->rcv_nxt = s->seq + 1;
    p->other_scale = s->scale;
    if (s->flags & TCP_ACK) return;
    p->edge = p->iss + 1 + s->window;
    p->most_allowed = s->window;
}

/* Receive a segment; a required reply leaves at once. */
static inline void receive(struct path *path, struct peer *p, unsigned who, const struct tcp_segment *s, bool lazy)
{
    if (!acceptable(p, s)) {
        /* As BSD does, because two sides whose probes were taken would otherwise wait for each other forever. */
        if (p->at == SYNCED && seq_less(s->seq, p->rcv_nxt)) note_ack(p, s);
        if (p->at == SYNCED) emit(path, p, who, p->nxt, 0);
        if (p->at == SYN_RECEIVED) emit(path, p, who, p->iss, 1);
        return;
    }
    if (p->at == LISTENING || p->at == SYN_SENT) {
        const bool answered = s->flags & TCP_ACK;
        begin_receive(p, s);
        p->at = answered ? SYNCED : SYN_RECEIVED;
        note_ack(p, s);
        if (answered)
            emit(path, p, who, p->nxt, 0);
        else
            emit(path, p, who, p->iss, 1);
        return;
    }
    p->at = SYNCED;
    note_ack(p, s);
    note_data(p, s);
    if (s->len > 0 && !lazy) emit(path, p, who, p->nxt, 0);
}

static inline void send_new(struct path *path, struct peer *p, unsigned who, struct rng *r)
{
    const uint32_t left = fin_at(p) + 1 - p->nxt, allowed = seq_less(p->nxt, p->edge) ? p->edge - p->nxt : 0;
    const uint32_t n = least(least(left, allowed), 1 + rng_below(r, p->mss));
    if (n > 0) emit(path, p, who, p->nxt, n);
}

static inline void send_again(struct path *path, struct peer *p, unsigned who, struct rng *r)
{
    const uint32_t out = p->nxt - p->una;
    if (out == 0) return;
    const uint32_t from = p->una + (rng_one_in(r, 2) ? 0 : rng_below(r, out));
    emit(path, p, who, from, least(p->nxt - from, 1 + rng_below(r, p->mss)));
}

/* Send a keep-alive with or without an octet, a probe with an old number, or a probe of one octet beyond a closed
 * window. */
static inline void probe(struct path *path, struct peer *p, unsigned who, struct rng *r)
{
    switch (rng_below(r, 4)) {
    case 0: emit(path, p, who, p->nxt - 1, 0); break;
    case 1:
        if (p->nxt - 1 != p->iss) emit(path, p, who, p->nxt - 1, 1);
        break;
    case 2: emit(path, p, who, p->una - 1, 0); break;
    default:
        if (p->edge != p->nxt || p->nxt == fin_at(p) + 1) break;
        emit(path, p, who, p->nxt, 1);
        p->nxt--;
        break;
    }
}

/* Do something that this side may do now. */
static inline void act(struct path *path, struct peer *p, unsigned who, struct rng *r)
{
    if (p->at == LISTENING) return;
    if (p->at != SYNCED) {
        if (rng_one_in(r, 4)) emit(path, p, who, p->iss, 1);
        return;
    }
    switch (rng_below(r, 8)) {
    case 0:
    case 1:
    case 2: send_new(path, p, who, r); break;
    case 3: send_again(path, p, who, r); break;
    case 4: probe(path, p, who, r); break;
    case 5: emit(path, p, who, p->nxt, 0); break;
    default: p->unread -= rng_below(r, p->unread + 1); break;
    }
}

/* Take the next segment of a queue. displaced: how many may overtake an earlier one; 0: in order. */
static inline bool take_segment(struct path *path, unsigned who, unsigned hop, unsigned displaced, struct rng *r,
                                struct tcp_segment *out)
{
    unsigned *n = &path->count[who][hop], at = 0;
    struct tcp_segment *q = path->queue[who][hop];
    unsigned *skipped = path->skipped[who][hop];
    if (*n == 0) return false;
    if (displaced && skipped[0] < displaced) at = rng_below(r, least(*n, displaced + 1));
    for (unsigned i = 0; i < at; i++) skipped[i]++;
    *out = q[at];
    memmove(q + at, q + at + 1, (*n - at - 1) * sizeof *q);
    memmove(skipped + at, skipped + at + 1, (*n - at - 1) * sizeof *skipped);
    --*n;
    return true;
}

static inline bool all_done(const struct peer p[2])
{
    return p[0].at == SYNCED && p[1].at == SYNCED && p[0].una == fin_at(&p[0]) + 1 && p[1].una == fin_at(&p[1]) + 1;
}

#endif
