/* Numbers of segments, as far as the worker has to know them: who knows the tuple alone can end no connection, and has
 * none of its timeouts shortened. What a segment may do besides is the stack aside's to say. */
#include "vm/forward/inline/inline.h"

/* Bytes that we may have sent to a client before it acknowledges anything */
enum { FIRST_FLIGHT = 1 << 20 };

bool inline_answers(const struct inline_conn *c, enum inline_at from, const struct tcp_segment *s)
{
    if (!(s->flags & TCP_ACK)) return false;
    return from == AT_CLIENT ? s->ack - (c->seq + 1) < FIRST_FLIGHT : s->ack == c->own_seq + 1;
}

/* A reset counts at the number that is next, or, from a server that has not answered, if it answers (RFC 5961, 3.2). */
static bool is_reset(const struct inline_conn *c, enum inline_at from, const struct tcp_segment *s)
{
    if (from == AT_SERVER && !c->answered) return inline_answers(c, from, s);
    return s->seq == c->side[from].next;
}

void inline_follow(struct inline_conn *c, enum inline_at from, const struct tcp_segment *s)
{
    struct inline_side *side = &c->side[from];
    if (s->flags & TCP_RST) {
        if (is_reset(c, from, s)) c->over |= OVER_WIRE;
        return;
    }
    c->over &= (uint8_t)~OVER_WIRE;
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

static bool is_behind(uint32_t number, uint32_t of) { return (int32_t)(number - of) > 0; }

void inline_says(struct inline_conn *c, enum inline_at to, const struct tcp_segment *s)
{
    struct inline_side *side = &c->side[to];
    if (s->flags & TCP_RST) return;
    if (s->flags & TCP_SYN || is_behind(s->seq + s->len, side->ours)) side->ours = s->seq + s->len;
    if (!(s->flags & TCP_ACK)) return;
    if ((to == AT_SERVER && !c->answered) || is_behind(s->ack, side->next)) side->next = s->ack;
    if (to == AT_SERVER) c->answered = 1;
}
