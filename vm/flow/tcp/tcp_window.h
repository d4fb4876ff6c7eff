/* The window test, and the update after a segment: the part of TCP's tracking that every segment takes, inline. Private
 * to tcp.c, joined.c and the kernel's express way. */
#pragma once

#include "vm/flow/flow.h"

/* Smallest tolerance for old acknowledgements: van Rooij's MAXACKWINDOW */
enum { ACK_WINDOW_LEAST = 66000 };

/* seq_between: lo <= x <= hi modulo 2^32, if hi is not before lo */
static inline bool seq_between(uint32_t lo, uint32_t x, uint32_t hi) { return x - lo <= hi - lo; }
static inline bool seq_after(uint32_t a, uint32_t b) { return (int32_t)(a - b) > 0; }
static inline uint32_t seq_most(uint32_t a, uint32_t b) { return seq_after(a, b) ? a : b; }

static inline enum flow_dir other(enum flow_dir dir) { return (enum flow_dir)(dir ^ 1u); }
static_assert(TCP_TRACK_FIN_REPLY == TCP_TRACK_FIN_ORIGINAL << FLOW_REPLY, "by direction");
static inline uint8_t fin_flag(enum flow_dir dir) { return (uint8_t)(TCP_TRACK_FIN_ORIGINAL << dir); }

enum { SCALE_NONE = 15 /* in tcp_track.scale: the SYN had no option */ };
static inline unsigned scale_of(const struct tcp_track *t, enum flow_dir dir) { return t->scale >> 4 * dir & 15; }

/* Return the largest window of a side, in bytes: below 2^30. */
static inline uint32_t window_of(const struct tcp_track *t, enum flow_dir dir)
{
    return t->flags & TCP_TRACK_SCALED ? (uint32_t)t->window[dir] << (scale_of(t, dir) & 15) : t->window[dir];
}

static inline void window_put(struct tcp_track *t, enum flow_dir dir, uint16_t window)
{
    if (window > t->window[dir]) t->window[dir] = window;
}

/* clang-format off */
/* Van Rooij's four bounds, on a segment of `dir` with ACK
 *  I    The segment's end is not past what the other side has ever allowed. One octet more for probes of a closed window
 *       (RFC 9293, 3.8.6.1); data that was sent once may be sent again.
 *  II   The segment's end is at most one window of the other side back: all before was acknowledged long ago. One octet
 *       less for keep-alives (RFC 9293, 3.8.4). A segment that begins before the window and ends in it has new data.
 *  III  The segment acknowledges only sent data: if the other side may have sent more than passed here, data that
 *       it could have sent.
 *  IV   The acknowledgement is no older than the other side would accept: at most two windows of `dir` behind. One may
 *       be unacknowledged, and the other side tolerates another (RFC 5961, 5.2). */
/* clang-format on */
static inline bool in_window(const struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s)
{
    if (t->flags & TCP_TRACK_NO_WINDOW) return true;
    const struct tcp_side *me = &t->side[dir], *peer = &t->side[other(dir)];
    const uint32_t mine = window_of(t, dir), theirs = window_of(t, other(dir)), end = s->seq + s->len;
    const uint32_t allowed = seq_most(me->end, peer->acked + theirs + 1);
    if (!seq_between(me->end - theirs - 1, end, allowed)) return false;
    const uint32_t forgiven = 2 * mine > ACK_WINDOW_LEAST ? 2 * mine : ACK_WINDOW_LEAST;
    const uint32_t sent = t->flags & TCP_TRACK_LOOSE ? seq_most(peer->end, me->acked + mine + 1) : peer->end;
    return seq_between(peer->end - forgiven, s->ack, sent);
}

/* Update the track by an accepted segment. */
static inline void window_take(struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s)
{
    struct tcp_side *me = &t->side[dir], *peer = &t->side[other(dir)];
    me->end = seq_most(me->end, s->seq + s->len);
    me->acked = seq_most(me->acked, s->ack);
    if (t->flags & TCP_TRACK_LOOSE) peer->end = seq_most(peer->end, s->ack);
    window_put(t, dir, s->window);
    if (s->flags & TCP_FIN) t->flags |= fin_flag(dir);
    if (s->first_fragment) t->flags |= TCP_TRACK_LOOSE;
}
