/* One half of a connection: its bytes put in order, and the other side's acknowledgements.
 *
 * A packet's payload is reported in place, if it is in order; a copy stays in the window until the other side has
 * acknowledged it, so that a segment which brings other bytes for the same place is noticed. */
#include "vm/flow/tcp/tcp_window.h"
#include "vm/observe/observers_priv.h"

enum {
    HISTORY = 64 << 10, /* most reported bytes that are kept while they are not acknowledged */
    REACH =
        WINDOW_BYTES, /* bytes beyond the other side's window that may come: packets of both sides may be reordered */
    FAR_REACH = 1 << 30, /* the same, if the other side's window is unknown */
    GRACE_US = 10000,    /* time that bytes may come later than their acknowledgement */
};

static void saturate(uint16_t *count)
{
    if (*count < UINT16_MAX) ++*count;
}

static int32_t seq_from(uint32_t from, uint32_t seq) { return (int32_t)(seq - from); }

static bool is_kept_whole(const struct conn *c, const struct half *h)
{
    return c->does == PBC_DOES || !(h->flags & HALF_READ);
}

static void tell_bytes(struct observers *o, const struct conn *c, enum observe_half side, uint64_t at,
                       const uint8_t *bytes, uint32_t n)
{
    if (c->does != PBC_STREAM) return;
    struct observe_event e = {.kind = OBSERVE_BYTES, .half = (uint8_t)side, .offset = at, .len = n, .bytes = bytes};
    session_event(o, c, &e);
}

static void tell_differs(struct observers *o, struct conn *c, enum observe_half side, const struct differs *d)
{
    if (d->from == d->to) return;
    saturate(&c->half[side].differs);
    COUNT(o, c, differs, 1);
    struct observe_event e = {
        .kind = OBSERVE_DIFFERS, .half = (uint8_t)side, .offset = d->from, .len = d->to - d->from};
    session_event(o, c, &e);
}

/* Move `next` over n bytes. */
static void half_go_on(struct observers *o, struct conn *c, enum observe_half side, uint64_t n)
{
    struct half *h = &c->half[side];
    h->next += n;
    h->next_seq += (uint32_t)n;
    h->back += (uint32_t)n;
    h->ahead = h->ahead > n ? h->ahead - (uint32_t)n : 0;
    COUNT(o, c, bytes, n);
}

/* Report the contiguous kept bytes from `next` on. */
static void drain(struct observers *o, struct conn *c, enum observe_half side)
{
    struct half *h = &c->half[side];
    while (h->ahead) {
        const struct window w = half_window(h);
        uint32_t n;
        const uint8_t *bytes = window_run(&w, &o->chunks, h->next, &n);
        if (!n) break;
        tell_bytes(o, c, side, h->next, bytes, n);
        half_go_on(o, c, side, n);
    }
}

void half_clear(struct observers *o, struct conn *c, enum observe_half side)
{
    struct half *h = &c->half[side];
    struct window w = half_window(h);
    window_clear(&w, &o->chunks, h->next);
    half_keep_window(h, &w);
}

void half_trim(struct observers *o, struct conn *c, enum observe_half side)
{
    struct half *h = &c->half[side];
    if (is_kept_whole(c, h)) return;
    const int32_t missing = h->flags & HALF_ACKED ? seq_from(h->acked, h->next_seq) : HISTORY;
    if (missing <= 0 && !h->ahead) {
        if (h->dir != CHUNK_NONE || h->back >= CHUNK_BYTES) half_clear(o, c, side);
        return;
    }
    const uint64_t back = missing < 0 ? 0 : missing < HISTORY ? (uint64_t)missing : HISTORY;
    if (h->back < back + CHUNK_BYTES || h->next < back) return;
    struct window w = half_window(h);
    window_drop(&w, &o->chunks, h->next - back);
    half_keep_window(h, &w);
}

static void tell_hole(struct observers *o, struct conn *c, enum observe_half side, uint64_t n, enum observe_hole cause)
{
    struct half *h = &c->half[side];
    h->holes++;
    h->hole_bytes += n;
    COUNT(o, c, holes, 1);
    COUNT(o, c, hole_bytes, n);
    if (c->does == PBC_DOES || !(h->flags & HALF_READ)) opening_end(o, c);
    struct observe_event e = {
        .kind = OBSERVE_HOLE, .half = (uint8_t)side, .cause = (uint8_t)cause, .offset = h->next, .len = n};
    session_event(o, c, &e);
}

void half_skip(struct observers *o, struct conn *c, enum observe_half side, uint64_t to, enum observe_hole cause)
{
    struct half *h = &c->half[side];
    drain(o, c, side);
    while (h->next < to) {
        const struct window w = half_window(h);
        const uint64_t first = h->ahead ? window_first(&w, &o->chunks, h->next) : UINT64_MAX;
        const uint64_t end = first < to ? first : to;
        const uint64_t n = end - h->next;
        tell_hole(o, c, side, n, cause);
        half_go_on(o, c, side, n);
        COUNT(o, c, bytes, -n);
        drain(o, c, side);
    }
    half_trim(o, c, side);
    /* The window may be far behind now */
    if (h->back > WINDOW_BYTES / 2 && !h->ahead) half_clear(o, c, side);
}

/* Return the bytes of the half that the other side has acknowledged, and that have not come, without the FIN. */
static int32_t acked_unseen(const struct half *h)
{
    if (!(h->flags & HALF_ACKED)) return 0;
    const bool fin = h->flags & HALF_FIN && h->acked == h->fin_seq + 1;
    return seq_from(h->next_seq + fin, h->acked);
}

void half_end(struct observers *o, struct conn *c, enum observe_half side, const uint32_t *reset_seq)
{
    struct half *h = &c->half[side];
    const int32_t acked = acked_unseen(h);
    if (acked > 0) half_skip(o, c, side, h->next + (uint32_t)acked, OBSERVE_HOLE_UNSEEN);
    const uint32_t end = h->flags & HALF_FIN ? h->fin_seq : reset_seq ? *reset_seq : h->next_seq;
    const int32_t left = seq_from(h->next_seq, end);
    const uint32_t last = left > 0 && (uint32_t)left > h->ahead ? (uint32_t)left : h->ahead;
    if (last) half_skip(o, c, side, h->next + last, OBSERVE_HOLE_END);
    half_clear(o, c, side);
}

void half_tell_kept(struct observers *o, struct conn *c, enum observe_half side)
{
    const struct half *h = &c->half[side];
    const struct window w = half_window(h);
    for (uint64_t at = w.low; at < h->next;) {
        uint32_t n;
        const uint8_t *bytes = window_run(&w, &o->chunks, at, &n);
        if (!n) break;
        if (n > h->next - at) n = (uint32_t)(h->next - at);
        tell_bytes(o, c, side, at, bytes, n);
        at += n;
    }
}

/* Keep bytes of a segment, and compare them. Return how many were kept or compared. */
static uint32_t half_keep(struct observers *o, struct conn *c, enum observe_half side, uint64_t at,
                          const uint8_t *bytes, uint32_t n)
{
    struct half *h = &c->half[side];
    struct window w = half_window(h);
    struct differs d = {0, 0};
    const uint32_t before = at < w.low ? (w.low - at < n ? (uint32_t)(w.low - at) : n) : 0;
    if (before == n) return n;
    const enum pbc_overlaps overlaps = (enum pbc_overlaps)o->p->observes[c->observe].overlaps;
    const uint32_t done = window_add(&w, &o->chunks, at + before, bytes + before, n - before, overlaps, h->next, &d);
    half_keep_window(h, &w);
    tell_differs(o, c, side, &d);
    return before + done;
}

/* Take bytes that reach `next` and end behind it. */
static void take_in_order(struct observers *o, struct conn *c, enum observe_half side, uint64_t at,
                          const uint8_t *bytes, uint32_t n)
{
    struct half *h = &c->half[side];
    const bool ahead = h->ahead;
    if (at + n - (h->next - h->back) > WINDOW_BYTES) half_trim(o, c, side);
    const bool fits = at + n - (h->next - h->back) <= WINDOW_BYTES;
    const uint32_t done = fits ? half_keep(o, c, side, at, bytes, n) : 0;
    if (done == n && ahead) {
        if (h->ahead < at + n - h->next) h->ahead = (uint32_t)(at + n - h->next);
        drain(o, c, side);
        return;
    }
    if (done < n && is_kept_whole(c, h)) {
        COUNT(o, c, first_short, 1);
        opening_end(o, c);
    }
    const uint32_t old = (uint32_t)(h->next - at);
    tell_bytes(o, c, side, h->next, bytes + old, n - old);
    half_go_on(o, c, side, n - old);
    if (done < n) half_clear(o, c, side);
}

/* Make room in the window for [at, at + n): give up earlier bytes. */
static void make_reach(struct observers *o, struct conn *c, enum observe_half side, uint64_t end)
{
    struct half *h = &c->half[side];
    if (end - (h->next - h->back) <= WINDOW_BYTES) return;
    if (is_kept_whole(c, h)) opening_end(o, c);
    struct window w = half_window(h);
    window_drop(&w, &o->chunks, h->next);
    half_keep_window(h, &w);
    if (end - w.low <= WINDOW_BYTES) return;
    COUNT(o, c, far, 1);
    half_skip(o, c, side, end - WINDOW_BYTES + CHUNK_BYTES, OBSERVE_HOLE_FAR);
    w = half_window(h);
    window_drop(&w, &o->chunks, h->next);
    half_keep_window(h, &w);
}

/* Keep bytes that are behind a hole. */
static void take_ahead(struct observers *o, struct conn *c, enum observe_half side, uint64_t at, const uint8_t *bytes,
                       uint32_t n)
{
    struct half *h = &c->half[side];
    make_reach(o, c, side, at + n);
    if (at > h->next) {
        const uint32_t done = half_keep(o, c, side, at, bytes, n);
        if (done && h->ahead < at + done - h->next) h->ahead = (uint32_t)(at + done - h->next);
        if (done == n) return;
        COUNT(o, c, memory, 1);
        if (is_kept_whole(c, h)) opening_end(o, c);
        half_skip(o, c, side, at + done, OBSERVE_HOLE_MEMORY);
        bytes += done;
        at += done;
        n -= done;
    }
    if (h->next < at + n) take_in_order(o, c, side, at, bytes, n);
}

/* Take contiguous bytes, the first at that offset. */
static void take_bytes(struct observers *o, struct conn *c, enum observe_half side, uint64_t at, const uint8_t *bytes,
                       uint32_t n)
{
    struct half *h = &c->half[side];
    if (at + n <= h->next)
        half_keep(o, c, side, at, bytes, n);
    else if (c->does == PBC_IGNORE)
        half_go_on(o, c, side, at + n - h->next);
    else if (at <= h->next)
        take_in_order(o, c, side, at, bytes, n);
    else
        take_ahead(o, c, side, at, bytes, n);
}

/* Take all captured bytes of the payload; those before the start are left out. from: distance of the first from
 * `next`. */
static void take_payload(struct observers *o, struct conn *c, enum observe_half side, const struct observe_packet *s,
                         int64_t from)
{
    struct half *h = &c->half[side];
    int64_t at = (int64_t)h->next + from;
    const int64_t end = at + s->len;
    uint32_t skip = s->skip;
    for (unsigned i = 0; i <= s->seg_count && at < end; i++) {
        const uint8_t *bytes = i ? s->segs[i - 1].data : s->bytes;
        uint32_t n = i ? s->segs[i - 1].len : s->have;
        if (i) {
            const uint32_t less = skip < n ? skip : n;
            bytes += less;
            n -= less;
            skip -= less;
        }
        if (n > end - at) n = (uint32_t)(end - at);
        const uint32_t before = at < 0 ? (-at < n ? (uint32_t)-at : n) : 0;
        if (n > before) take_bytes(o, c, side, (uint64_t)(at + before), bytes + before, n - before);
        at += n;
    }
    if (at >= end || end <= (int64_t)h->next) return;
    COUNT(o, c, cut, 1);
    if (at <= (int64_t)h->next)
        half_skip(o, c, side, (uint64_t)end, OBSERVE_HOLE_CUT);
    else if (h->ahead < end - (int64_t)h->next && end - (int64_t)(h->next - h->back) <= WINDOW_BYTES)
        h->ahead = (uint32_t)(end - (int64_t)h->next);
}

void half_lies_ahead(struct half *h, uint32_t end)
{
    const int32_t beyond = seq_from(h->next_seq, end);
    if (beyond > (int64_t)h->ahead && (uint64_t)h->back + (uint32_t)beyond <= WINDOW_BYTES) h->ahead = (uint32_t)beyond;
}

/* True if a segment at that distance from `next` may be one that its receiver takes. */
static bool in_reach(const struct half *h, uint32_t seq, int32_t from)
{
    if (from < 0) return from > -FAR_REACH;
    if (!(h->flags & HALF_EDGE)) return from < FAR_REACH;
    const int32_t edge = seq_from(h->edge, seq);
    return edge < REACH || from < REACH;
}

void half_time(const struct observers *o, struct half *h, uint32_t seq)
{
    if (h->flags & (HALF_TIMED | HALF_AHEAD)) return;
    h->flags |= HALF_TIMED;
    h->timed_seq = seq;
    h->timed_us = micros(o->now_ns);
}

/* Count the kind of a segment with bytes: new, repeated, or late; and time the new ones (Karn, Partridge, "Improving
 * Round-Trip Time Estimates in Reliable Transport Protocols", 1987: bytes sent twice are not timed). */
static void classify(struct observers *o, struct conn *c, enum observe_half side, uint32_t seq, int32_t from,
                     uint32_t n)
{
    struct half *h = &c->half[side];
    const bool again = from < 0, late = !again && h->ahead && from < (int64_t)h->ahead;
    if (again) h->retransmissions++;
    if (again) COUNT(o, c, retransmissions, 1);
    if (late) saturate(&h->reordered);
    if (late) COUNT(o, c, reordered, 1);
    if (!again && !late)
        half_time(o, h, seq + n);
    else if (h->flags & HALF_TIMED && seq_from(seq, h->timed_seq) > 0)
        h->flags &= (uint8_t)~HALF_TIMED;
}

static bool is_keepalive(const struct observe_packet *s, int32_t from)
{
    return from == -1 && s->len <= 1 && !(s->flags & (TCP_SYN | TCP_FIN | TCP_RST));
}

/* Give up a hole that the other side has acknowledged, if its bytes had time to come. */
static void hole_give_up(struct observers *o, struct conn *c, enum observe_half side)
{
    struct half *h = &c->half[side];
    if (!(h->flags & HALF_AHEAD)) return;
    const int32_t missing = acked_unseen(h);
    if (missing <= 0) {
        h->flags &= (uint8_t)~HALF_AHEAD;
    } else if (micros(o->now_ns) - h->timed_us >= GRACE_US) {
        h->flags &= (uint8_t)~HALF_AHEAD;
        half_skip(o, c, side, h->next + (uint32_t)missing, OBSERVE_HOLE_UNSEEN);
    }
}

void half_take(struct observers *o, struct conn *c, enum observe_half side, const struct observe_packet *s)
{
    struct half *h = &c->half[side];
    const uint32_t seq = s->seq + !!(s->flags & TCP_SYN);
    const int32_t from = seq_from(h->next_seq, seq);
    const uint64_t next = h->next;
    if (s->flags & TCP_URG) {
        saturate(&h->urgents);
        COUNT(o, c, urgents, 1);
    }
    if (is_keepalive(s, from)) saturate(&h->keepalives);
    if (!s->len && !(s->flags & TCP_FIN)) return;
    if (!in_reach(h, seq, from)) {
        COUNT(o, c, outside, 1);
        return;
    }
    if (s->len && !is_keepalive(s, from)) classify(o, c, side, seq, from, s->len);
    if (s->len) take_payload(o, c, side, s, from);
    if (s->flags & TCP_FIN && !(s->key.kind & KIND_FRAGMENT) && !(h->flags & HALF_FIN)) {
        h->flags |= HALF_FIN;
        h->fin_seq = seq + s->len;
        if (!s->len) half_time(o, h, h->fin_seq + 1);
    }
    hole_give_up(o, c, side);
    /* A FIN without bytes also decides, if something may be held for it */
    const bool ends = holding_watches(o, c) && h->flags & HALF_FIN && h->next_seq == h->fin_seq;
    if ((h->next != next || ends) && !(c->flags & CONN_OVER)) opening_read(o, c, side);
    half_trim(o, c, side);
}

/* Take the time from a segment to its acknowledgement (RFC 6298, 2: smoothed by an eighth). */
static void take_time(const struct observers *o, struct conn *c, enum observe_half side)
{
    struct half *h = &c->half[side];
    const uint32_t took = micros(o->now_ns) - h->timed_us, us = took ? took : 1;
    h->flags &= (uint8_t)~HALF_TIMED;
    const bool shook = h->flags & HALF_SYN && !h->rtt_count && h->next == 0;
    if (shook && !c->handshake_us[!side]) c->handshake_us[!side] = us;
    if (!h->rtt_count || us < h->rtt_min) h->rtt_min = us;
    if (us > h->rtt_max) h->rtt_max = us;
    const int64_t wide = us, smooth = h->rtt_avg;
    h->rtt_avg = h->rtt_count ? (uint32_t)(smooth + wide - smooth / 8) : us < UINT32_MAX / 8 ? us * 8 : UINT32_MAX;
    if (h->rtt_count < UINT32_MAX) h->rtt_count++;
}

/* True if an acknowledgement of missing bytes is credible: it is within the window that its sender gave, or another
 * acknowledgement has confirmed it. A forged one would make holes. */
static bool is_believed(struct half *h, uint32_t ack, int32_t beyond)
{
    if (beyond <= 0) return true;
    if (beyond >= FAR_REACH) return false;
    if (h->flags & HALF_EDGE && seq_from(h->edge, ack) <= 0) return true;
    const bool asked = h->far && !(h->has & HALF_HAS_FAR_SYN);
    const bool confirmed = asked && seq_from(h->far, ack) >= 0 && seq_from(h->far, ack) < FAR_REACH;
    h->far = ack ? ack : 1;
    h->has &= (uint8_t)~HALF_HAS_FAR_SYN;
    return confirmed;
}

void half_acked(struct observers *o, struct conn *c, enum observe_half side, const struct observe_packet *s)
{
    struct half *h = &c->half[side];
    const struct half *by = &c->half[!side];
    if (!(s->flags & TCP_ACK) || !(h->flags & HALF_SEEN)) return;
    const bool fin = h->flags & HALF_FIN && s->ack == h->fin_seq + 1;
    const int32_t beyond = seq_from(h->next_seq + fin, s->ack);
    if (beyond <= -FAR_REACH || !is_believed(h, s->ack, beyond - (int32_t)h->ahead)) {
        COUNT(o, c, outside, 1);
        return;
    }
    if (h->flags & HALF_TIMED && seq_from(h->timed_seq, s->ack) >= 0) take_time(o, c, side);
    if (!(h->flags & HALF_ACKED) || seq_from(h->acked, s->ack) > 0) h->acked = s->ack;
    const unsigned scale = s->flags & TCP_SYN ? 0 : by->scale == SCALE_UNKNOWN ? SCALE_MOST : by->scale;
    const uint32_t edge = s->ack + ((uint32_t)s->window << scale);
    if (!(h->flags & HALF_EDGE) || seq_from(h->edge, edge) > 0) h->edge = edge;
    h->flags |= HALF_ACKED | HALF_EDGE;
    if (beyond > 0 && !(h->flags & HALF_AHEAD)) {
        h->flags = (uint8_t)((h->flags & ~HALF_TIMED) | HALF_AHEAD);
        h->timed_us = micros(o->now_ns);
    }
    hole_give_up(o, c, side);
    half_trim(o, c, side);
}
