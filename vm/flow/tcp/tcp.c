/* TCP as seen between its two sides. The middle sees a side's segments before the other does, so each side has sent at
 * least, and knows at most, what passed here; that limits what its next segment may be. */
#include "vm/flow/tcp/tcp_window.h"
#include "vm/packet/loop.h"

enum { PICK_UP_WINDOW = UINT16_MAX };
/* Functions that the kernel's verifier checks separately (ALONE) bound the direction by which they index: dir &=
 * FLOW_REPLY. */
static_assert(FLOW_ORIGINAL == 0 && FLOW_REPLY == 1, "one bit");

static_assert(TCP_TRACK_ACK_REPLY == TCP_TRACK_ACK_ORIGINAL << FLOW_REPLY, "by direction");
static uint8_t ack_flag(enum flow_dir dir) { return (uint8_t)(TCP_TRACK_ACK_ORIGINAL << dir); }

static void scale_put(struct tcp_track *t, enum flow_dir dir, unsigned scale)
{
    t->scale = (uint8_t)(dir == FLOW_ORIGINAL ? (t->scale & 0xf0) | scale : (t->scale & 15) | scale << 4);
}

/* Shift windows from here on, once both SYNs are known. A SYN's own window is never shifted (RFC 7323, 2.2), so it is
 * rounded up to a multiple of its side's scale. */
static void settle_scale(struct tcp_track *t)
{
    t->flags &= (uint8_t)~TCP_TRACK_SCALED;
    if (scale_of(t, FLOW_ORIGINAL) == SCALE_NONE || scale_of(t, FLOW_REPLY) == SCALE_NONE) return;
    for (unsigned dir = 0; dir < 2; dir++) {
        const unsigned scale = scale_of(t, dir);
        t->window[dir] = (uint16_t)((t->window[dir] + (1u << scale) - 1) >> scale);
    }
    t->flags |= TCP_TRACK_SCALED;
}

/* Undo settle_scale as nearly as possible, before another SYN replaces the first. */
static void unsettle_scale(struct tcp_track *t)
{
    for (unsigned dir = 0; dir < 2; dir++) {
        const uint32_t window = window_of(t, dir);
        t->window[dir] = (uint16_t)(window < UINT16_MAX ? window : UINT16_MAX);
    }
    t->flags &= (uint8_t)~TCP_TRACK_SCALED;
}

/* Begin a side with this SYN, whatever it sent before. */
static void take_syn(struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s)
{
    t->side[dir].end = s->seq + s->len;
    t->side[other(dir)].acked = s->seq + 1;
    t->window[dir] = s->window;
    if (s->first_fragment) t->flags |= TCP_TRACK_LOOSE;
    scale_put(t, dir, s->scale == SCALE_ABSENT ? SCALE_NONE : s->scale);
}

/* Take a repeated SYN: hosts leave out options, and the data of a fast open, when the first got no answer. The greatest
 * values of all repeats count. */
static void retake_syn(struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s)
{
    const unsigned was = scale_of(t, dir);
    t->side[dir].end = seq_most(t->side[dir].end, s->seq + s->len);
    window_put(t, dir, s->window);
    if (s->scale != SCALE_ABSENT && (was == SCALE_NONE || s->scale > was)) scale_put(t, dir, s->scale);
}

/* True if the segment has the number of the side's SYN, not yet acknowledged. */
static bool same_syn(const struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s)
{
    return s->seq + 1 == t->side[other(dir)].acked;
}

/* True if the segment acknowledges the other's SYN, and only data that the other has sent. */
static bool acks_syn(const struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s)
{
    return s->flags & TCP_ACK && seq_between(t->side[dir].acked, s->ack, t->side[other(dir)].end);
}

/* Return the state of a flow whose handshake is complete. For a one-sided flow (DSR) only one FIN is ever seen. */
static enum flow_state state_by_fins(const struct tcp_track *t)
{
    const bool original = t->flags & TCP_TRACK_FIN_ORIGINAL, reply = t->flags & TCP_TRACK_FIN_REPLY;
    if (original && (reply || !(t->flags & TCP_TRACK_HEARD_REPLY))) return FLOW_STATE_CLOSING;
    return original || reply ? FLOW_STATE_HALF_CLOSED : FLOW_STATE_OPEN;
}

static enum flow_state state_by_acks(const struct tcp_track *t)
{
    const uint8_t both = TCP_TRACK_ACK_ORIGINAL | TCP_TRACK_ACK_REPLY;
    return (t->flags & both) == both ? state_by_fins(t) : FLOW_STATE_SYN_RECEIVED;
}

/* True if the segment is within the window. A separate function, for the code that distinguishes states. */
ALONE bool tcp_fits(const struct tcp_track *t THERE, enum flow_dir dir, const struct tcp_segment *s THERE)
{
    dir &= FLOW_REPLY;
    return in_window(t, dir, s);
}

bool tcp_within(const struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s)
{
    return in_window(t, dir, s);
}

void tcp_take(struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s)
{
    window_take(t, dir, s);
    t->ignored = 0;
}

void tcp_loosen(struct tcp_track *t)
{
    t->window[0] = t->window[1] = PICK_UP_WINDOW;
    t->scale = SCALE_MOST << 4 | SCALE_MOST;
    t->flags |= TCP_TRACK_SCALED | TCP_TRACK_LOOSE;
}

static enum flow_mark tcp_goes_on(struct tcp_step *next, enum flow_state state, enum flow_mark mark)
{
    next->track.ignored = 0;
    next->state = (uint8_t)state;
    next->refresh = true;
    return mark;
}

static void begin_syn(const struct tcp_segment *s, struct tcp_step *next)
{
    *next = (struct tcp_step){.state = FLOW_STATE_SYN_SENT, .refresh = true};
    next->track.scale = SCALE_NONE << 4;
    take_syn(&next->track, FLOW_ORIGINAL, s);
}

static bool is_syn(const struct tcp_segment *s) { return (s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN; }

enum flow_mark tcp_begin(const struct tcp_segment *s, bool pickup, struct tcp_step *next)
{
    *next = (struct tcp_step){0};
    if (is_syn(s)) {
        begin_syn(s, next);
        return MARK_NEW;
    }
    /* All segments after the SYN have an ACK (RFC 9293, 3.10.7.4) */
    if (!pickup || (s->flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK) return MARK_INVALID;
    /* In mid-stream windows and shifts are unknown, so they are assumed to be the largest possible */
    *next = (struct tcp_step){.state = FLOW_STATE_PICKED_UP, .refresh = true};
    next->track = (struct tcp_track){
        .side = {{.end = s->seq + s->len, .acked = s->ack}, {.end = s->ack, .acked = s->seq}},
        .window = {PICK_UP_WINDOW, PICK_UP_WINDOW},
        .scale = SCALE_MOST << 4 | SCALE_MOST,
        .flags =
            TCP_TRACK_NO_WINDOW | TCP_TRACK_SCALED | TCP_TRACK_LOOSE | TCP_TRACK_ACK_ORIGINAL | TCP_TRACK_ACK_REPLY,
    };
    if (s->flags & TCP_FIN) next->track.flags |= TCP_TRACK_FIN_ORIGINAL;
    return MARK_NEW;
}

/* Follow the second SYN if both sides open at once (RFC 9293, 3.5): both have spoken. */
ALONE enum flow_mark tcp_simultaneous(enum flow_dir dir, const struct tcp_segment *s THERE, struct tcp_step *next THERE)
{
    dir &= FLOW_REPLY;
    take_syn(&next->track, dir, s);
    if (dir == FLOW_REPLY) next->track.flags |= TCP_TRACK_HEARD_REPLY;
    settle_scale(&next->track);
    return tcp_goes_on(next, FLOW_STATE_SYN_BOTH, MARK_ESTABLISHED);
}

/* Return a note of a SYN that changes nothing, never 0: eleven bits of its number plus one, its shift, its side. */
static uint16_t note_of_syn(enum flow_dir dir, uint32_t ack, unsigned scale)
{
    const uint32_t number = (ack ^ ack >> 11 ^ ack >> 22) & 0x7ff;
    const uint16_t note = (uint16_t)(number << 5 | scale << 1 | dir);
    return note ? note : 1 << 5;
}

ALONE enum flow_mark tcp_follow_syn(enum flow_state state, enum flow_dir dir, const struct tcp_segment *s THERE,
                                    struct tcp_step *next THERE)
{
    dir &= FLOW_REPLY;
    struct tcp_track *t = &next->track;
    const uint8_t keep = t->flags & TCP_TRACK_NO_WINDOW;
    switch (state) {
    case FLOW_STATE_SYN_SENT:
        if (dir == FLOW_REPLY) return tcp_simultaneous(dir, s, next);
        if (same_syn(t, dir, s)) {
            retake_syn(t, dir, s);
            return tcp_goes_on(next, state, MARK_NEW);
        }
        begin_syn(s, next);
        next->track.flags |= keep;
        return MARK_NEW;
    case FLOW_STATE_SYN_BOTH:
        if (same_syn(t, dir, s)) return tcp_goes_on(next, state, MARK_ESTABLISHED);
        unsettle_scale(t);
        return tcp_simultaneous(dir, s, next);
    case FLOW_STATE_CLOSING:
    case FLOW_STATE_RESET:
        begin_syn(s, next);
        next->reopen = true;
        return MARK_NEW;
    default: /* open, or picked up: the host challenges the SYN (RFC 5961, 4.2) */
        t->ignored = note_of_syn(dir, s->seq + 1, s->scale == SCALE_ABSENT ? SCALE_NONE : s->scale);
        return MARK_NEW;
    }
}

/* Follow a SYN|ACK during the handshake. A SYN|ACK with another number but the right acknowledgement comes from a
 * server without memory (SYN cookies), or after a SYN from another host: it replaces the earlier one. */
ALONE enum flow_mark tcp_answer_syn(enum flow_dir dir, const struct tcp_segment *s THERE, struct tcp_step *next THERE)
{
    dir &= FLOW_REPLY;
    struct tcp_track *t = &next->track;
    const bool fresh = dir == FLOW_REPLY && !(t->flags & TCP_TRACK_HEARD_REPLY);
    if (!acks_syn(t, dir, s)) return MARK_INVALID;
    if (fresh || !same_syn(t, dir, s)) {
        unsettle_scale(t);
        take_syn(t, dir, s);
        if (dir == FLOW_REPLY) t->flags |= TCP_TRACK_HEARD_REPLY;
        settle_scale(t);
    }
    FORGET();
    t->side[dir].acked = seq_most(t->side[dir].acked, s->ack);
    t->flags |= ack_flag(dir);
    return tcp_goes_on(next, state_by_acks(t), MARK_ESTABLISHED);
}

/* True if the segment acknowledges exactly the SYN that the flow ignored. */
static bool answers_ignored(const struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s)
{
    return t->ignored && t->ignored == note_of_syn(other(dir), s->ack, t->ignored >> 1 & 15);
}

/* Begin the flow of an ignored SYN: both hosts have forgotten the old one, or they would not answer like this. The
 * window of that SYN is no longer known. */
static enum flow_mark begin_answered(const struct tcp_segment *s, struct tcp_step *next)
{
    const unsigned scale = next->track.ignored >> 1 & 15;
    const struct tcp_segment syn = {.seq = s->ack - 1,
                                    .len = 1,
                                    .window = UINT16_MAX,
                                    .flags = TCP_SYN,
                                    .scale = scale == SCALE_NONE ? SCALE_ABSENT : (uint8_t)scale};
    begin_syn(&syn, next);
    next->reopen = next->by_other = true;
    return tcp_answer_syn(FLOW_REPLY, s, next);
}

static enum flow_mark go_on_syn_ack(enum flow_state state, enum flow_dir dir, const struct tcp_segment *s,
                                    struct tcp_step *next)
{
    struct tcp_track *t = &next->track;
    switch (state) {
    case FLOW_STATE_SYN_SENT: return dir == FLOW_REPLY ? tcp_answer_syn(dir, s, next) : MARK_INVALID;
    case FLOW_STATE_SYN_BOTH: return tcp_answer_syn(dir, s, next);
    case FLOW_STATE_SYN_RECEIVED:
        if (!(t->flags & ack_flag(other(dir)))) return tcp_answer_syn(dir, s, next);
        break;
    case FLOW_STATE_PICKED_UP:
    case FLOW_STATE_RESET: return MARK_INVALID;
    default: break;
    }
    /* The side's own SYN was acknowledged: a repeat adds nothing, except its ACK after both sides opened at once. */
    if (!tcp_fits(t, dir, s) || (!(t->flags & ack_flag(dir)) && !acks_syn(t, dir, s))) return MARK_INVALID;
    if (state == FLOW_STATE_SYN_RECEIVED) {
        t->flags |= ack_flag(dir);
        state = state_by_acks(t);
    }
    return tcp_goes_on(next, state, MARK_ESTABLISHED);
}

ALONE enum flow_mark tcp_follow_syn_ack(enum flow_state state, enum flow_dir dir, const struct tcp_segment *s THERE,
                                        struct tcp_step *next THERE)
{
    dir &= FLOW_REPLY;
    const bool lasts = state == FLOW_STATE_SYN_RECEIVED || state == FLOW_STATE_OPEN || state == FLOW_STATE_HALF_CLOSED;
    const enum flow_mark mark = go_on_syn_ack(state, dir, s, next);
    return mark == MARK_INVALID && lasts && answers_ignored(&next->track, dir, s) ? begin_answered(s, next) : mark;
}

/* Follow the handshake's last ACK, or earlier segments from the side that has answered already. */
static enum flow_mark end_handshake(enum flow_dir dir, const struct tcp_segment *s, struct tcp_step *next)
{
    struct tcp_track *t = &next->track;
    if (!(t->flags & ack_flag(dir)) && !acks_syn(t, dir, s)) return MARK_INVALID;
    if (!tcp_fits(t, dir, s)) return MARK_INVALID;
    t->flags |= ack_flag(dir);
    window_take(t, dir, s);
    return tcp_goes_on(next, state_by_acks(t), MARK_ESTABLISHED);
}

/* Follow a flow picked up in mid-stream: the first segment of the other side, or more from the same side. */
static enum flow_mark follow_picked_up(enum flow_dir dir, const struct tcp_segment *s, struct tcp_step *next)
{
    struct tcp_track *t = &next->track;
    window_take(t, dir, s);
    if (dir == FLOW_ORIGINAL) return tcp_goes_on(next, FLOW_STATE_PICKED_UP, MARK_NEW);
    t->flags |= TCP_TRACK_HEARD_REPLY;
    t->flags &= (uint8_t)~TCP_TRACK_NO_WINDOW;
    return tcp_goes_on(next, state_by_fins(t), MARK_ESTABLISHED);
}

/* Follow the client of a flow whose server replies elsewhere (DSR). */
static enum flow_mark follow_one_side(enum flow_dir dir, const struct tcp_segment *s, struct tcp_step *next)
{
    struct tcp_track *t = &next->track;
    if (!(t->flags & TCP_TRACK_NO_WINDOW)) return MARK_INVALID;
    window_take(t, dir, s);
    if (dir == FLOW_REPLY) t->flags |= TCP_TRACK_HEARD_REPLY;
    t->flags |= TCP_TRACK_ACK_ORIGINAL | TCP_TRACK_ACK_REPLY;
    return tcp_goes_on(next, state_by_fins(t), MARK_ESTABLISHED);
}

ALONE enum flow_mark tcp_follow_ack(enum flow_state state, enum flow_dir dir, const struct tcp_segment *s THERE,
                                    struct tcp_step *next THERE)
{
    dir &= FLOW_REPLY;
    struct tcp_track *t = &next->track;
    switch (state) {
    case FLOW_STATE_SYN_SENT: return follow_one_side(dir, s, next);
    case FLOW_STATE_SYN_BOTH:
    case FLOW_STATE_SYN_RECEIVED: return end_handshake(dir, s, next);
    case FLOW_STATE_PICKED_UP: return follow_picked_up(dir, s, next);
    case FLOW_STATE_RESET: return MARK_INVALID;
    default: break;
    }
    if (!tcp_fits(t, dir, s)) return MARK_INVALID;
    window_take(t, dir, s);
    return tcp_goes_on(next, state_by_fins(t), MARK_ESTABLISHED);
}

/* True if the RST has a number that its receiver surely expects (RFC 5961, 3.2). Against an unacknowledged SYN the
 * acknowledgement counts (RFC 9293, 3.10.7.3). */
static bool rst_expected(enum flow_state state, const struct tcp_track *t, enum flow_dir dir,
                         const struct tcp_segment *s)
{
    const bool exact = s->seq == t->side[other(dir)].acked || s->seq == t->side[dir].end;
    switch (state) {
    case FLOW_STATE_SYN_SENT: return dir == FLOW_REPLY ? acks_syn(t, dir, s) : t->flags & TCP_TRACK_NO_WINDOW && exact;
    case FLOW_STATE_SYN_BOTH: return acks_syn(t, dir, s);
    case FLOW_STATE_SYN_RECEIVED: return exact || (!(t->flags & ack_flag(other(dir))) && acks_syn(t, dir, s));
    case FLOW_STATE_RESET: return false;
    default: return exact;
    }
}

static enum flow_mark follow_rst(enum flow_state state, enum flow_dir dir, const struct tcp_segment *s,
                                 struct tcp_step *next)
{
    if (rst_expected(state, &next->track, dir, s)) return tcp_goes_on(next, FLOW_STATE_RESET, MARK_ESTABLISHED);
    /* If one side is not seen, the number that it expects is unknown here, and that side decides itself. */
    const bool open = state == FLOW_STATE_OPEN || state == FLOW_STATE_HALF_CLOSED || state == FLOW_STATE_CLOSING;
    return open && next->track.flags & TCP_TRACK_NO_WINDOW ? MARK_ESTABLISHED : MARK_INVALID;
}

enum flow_mark tcp_follow(enum flow_state state, const struct tcp_track *now, enum flow_dir dir,
                          const struct tcp_segment *s, struct tcp_step *next)
{
    *next = (struct tcp_step){.track = *now, .state = (uint8_t)state};
    if (state > FLOW_STATE_PICKED_UP) return MARK_INVALID; /* the flow is not in a TCP state */
    /* No host sends SYN and RST in one segment, and hosts read it differently: it neither opens nor resets */
    if (!(~s->flags & (TCP_SYN | TCP_RST))) return MARK_INVALID;
    if (s->flags & TCP_RST) return follow_rst(state, dir, s, next);
    if (is_syn(s)) return tcp_follow_syn(state, dir, s, next);
    if (!(s->flags & TCP_ACK)) return MARK_INVALID;
    if (s->flags & TCP_SYN) return tcp_follow_syn_ack(state, dir, s, next);
    return tcp_follow_ack(state, dir, s, next);
}

bool tcp_quoted(const struct tcp_track *t, enum flow_dir dir, uint32_t seq)
{
    if (t->flags & TCP_TRACK_NO_WINDOW) return true;
    if (dir == FLOW_REPLY && !(t->flags & TCP_TRACK_HEARD_REPLY)) return false;
    const struct tcp_side *me = &t->side[dir], *peer = &t->side[other(dir)];
    const uint32_t theirs = window_of(t, other(dir));
    const uint32_t first = seq_after(me->end - theirs, peer->acked) ? peer->acked : me->end - theirs;
    const uint32_t sent = t->flags & TCP_TRACK_LOOSE ? seq_most(me->end, peer->acked + theirs + 1) : me->end;
    return seq_between(first - 1, seq, sent);
}
