/* A connection leaves the inline stack (vm/flow/spliced.h). The vm has seen both legs, so it knows by itself how to
 * splice them; only the loop knows the bytes that it still holds, and reports them. */
#include <string.h>

#include "vm/flow/tcp/tcp_window.h"
#include "vm/forward/inline/conns_priv.h"
#include "vm/forward/inline/inline.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/parse/read.h"

/* Entries that the segments of one held packet may need */
enum { ROOM = SPLICE_SEGMENTS + 1, NS_A_MS = 1000000 };

static bool tx_has_entries(const struct job *j, unsigned entries) { return j->tx->cap - j->tx->count >= entries; }

static struct hold *hold_of(const struct job *j, const struct inline_conn *c)
{
    return hold_at(inlines_holds(j->vm->inlines), c->hold);
}

static void loop_tell(const struct job *j, const struct inline_conn *c, uint32_t number, enum inline_told_kind kind,
                      enum splice_why why)
{
    const struct inline_told told = {.kind = (uint8_t)kind, .why = (uint8_t)why, .port = c->use, .number = number};
    inlines_tell_loop(j->vm->inlines, &told);
}

/* Release held segments, as far as there is room: through the splice, or to the sockets. */
static void held_let_go(const struct job *j, struct inline_conn *c)
{
    struct holds *holds = inlines_holds(j->vm->inlines);
    struct hold *o = hold_of(j, c);
    enum inline_at from;
    const uint32_t number = o->number;
    while (o->count && tx_has_entries(j, ROOM)) {
        struct key key;
        struct pkt *pkt = hold_take(holds, o, &from);
        struct tcp_segment s;
        if (pkt_parse(pkt, j->in->facts, &key)) {
            pool_put(pkt);
            continue;
        }
        tcp_read(pkt, &key, &s);
        inline_renew(&c->side[from], pkt, &s);
        if (c->state == INLINE_SPLICED) {
            inline_pass(j, c, number, from, pkt, &key);
            continue;
        }
        inline_follow(c, from, &s);
        inline_leg_in(&c->side[from], pkt, &s, true);
        /* to the inline stack after all */
        const struct translation to = inline_inwards(j->vm->inlines, c, number, from);
        edit_strip(pkt);
        if (!translate(pkt, &key, &to))
            inline_give(j, pkt);
        else
            pool_put(pkt);
    }
    if (o->count) return;
    hold_end(holds, c->hold);
    c->hold = HOLD_NONE;
}

static void stays(const struct job *j, struct inline_conn *c, uint32_t number, enum splice_why why)
{
    struct hold *o = hold_of(j, c);
    if (!o || o->asked) loop_tell(j, c, number, INLINE_STAYS, why);
    if (!o) return;
    o->asked = false;
    o->until_ns = 0;
    held_let_go(j, c);
}

/* Acknowledge all bytes of an end, with the window that the other end has for it. */
static void acknowledge(const struct job *j, const struct inline_conn *c, enum inline_at to)
{
    const struct inline_leg *l = &c->side[to].leg;
    struct flow_segment s = {
        .seq = c->side[to].ours,
        .ack = c->side[to].next,
        .window = inline_window(c, to),
        .flags = TCP_ACK,
        .options = {.has_stamps = l->has & l->our_has & SPLICE_STAMPS, .stamp = l->our_stamp, .echo = l->stamp}};
    inline_say(j, c, to, &s);
}

/* Join both legs. */
static void legs_join(const struct job *j, struct inline_conn *c, uint32_t number, const struct splice_end ends[2])
{
    splice_join(&c->splice, ends, (uint32_t)(j->vm->now_ns / NS_A_MS));
    for (unsigned at = 0; at < 2; at++) {
        const uint32_t told = (uint32_t)inline_window(c, (enum inline_at)at) << ends[at].scale_out;
        c->splice.edge[at] = seq_most(ends[at].edge, c->side[at].next + told);
    }
    c->state = INLINE_SPLICED;
    inlines_spliced(j->vm->inlines, number, j->vm->now_ns);
    loop_tell(j, c, number, INLINE_LEFT, SPLICE_WHY_NONE);
    for (unsigned at = 0; at < 2; at++) acknowledge(j, c, (enum inline_at)at);
    hold_of(j, c)->asked = false;
    held_let_go(j, c);
}

/* Steps that a connection may take, once its loop has asked */
enum verdict_of { WAITS, READS_ON, JOINS, STAYS };

static enum verdict_of legs_compare(const struct inline_conn *c, const struct hold *o, enum splice_why *why)
{
    bool waits = c->state < INLINE_OPEN, reads_on = false; /* the client has not acknowledged prey's SYN yet */
    *why = SPLICE_WHY_LATE;
    for (unsigned at = 0; at < 2; at++) {
        const struct inline_side *side = &c->side[at];
        if (seq_after(side->ours, o->ours[at])) {
            *why = SPLICE_WHY_NUMBERS;
            return STAYS;
        }
        reads_on |= seq_after(side->next, o->next[at]);
        waits |= side->next != o->next[at] || side->leg.top != side->next;
        waits |= side->ours != o->ours[at] || side->leg.acked != side->ours;
    }
    if (reads_on) *why = SPLICE_WHY_MOVED;
    return reads_on ? READS_ON : waits ? WAITS : JOINS;
}

/* Check a connection's progress, and take the possible steps. False: it must wait. */
static bool leave_go_on(const struct job *j, struct inline_conn *c, uint32_t number, struct hold *o)
{
    enum splice_why why;
    struct splice_end ends[2];
    /* Both legs agree if neither end has closed its half, or if they have both seen the FIN of one half */
    const uint8_t over = c->over & (uint8_t)~OVER_IN_ORDER;
    const bool agree = !over || over == (OVER_CLIENT | OVER_TO_SERVER) || over == (OVER_SERVER | OVER_TO_CLIENT);
    if (!agree || c->service == PBC_NONE) {
        stays(j, c, number, SPLICE_WHY_ENDS);
        return true;
    }
    enum verdict_of v = legs_compare(c, o, &why);
    if (v == JOINS) {
        inline_ends(c, ends);
        why = inline_may_join(c, ends);
        if (why) v = why == SPLICE_WHY_WINDOW ? WAITS : STAYS;
    }
    o->why = (uint8_t)why;
    if (v == STAYS) stays(j, c, number, why);
    if (v == JOINS) legs_join(j, c, number, ends);
    if (v == READS_ON && !o->read_on) {
        o->read_on = true;
        o->asked = false;
        loop_tell(j, c, number, INLINE_READ_ON, SPLICE_WHY_NONE);
    }
    return v == STAYS || v == JOINS;
}

/* Take the loop's counts of bytes read and written. */
static void take_numbers(const struct inline_conn *c, const struct inline_ask *ask, struct hold *o)
{
    bool same = o->read_on;
    for (unsigned at = 0; at < 2; at++) {
        const struct inline_leg *l = &c->side[at].leg;
        const uint8_t heard = at == AT_CLIENT ? OVER_CLIENT : OVER_SERVER;
        const uint8_t said = at == AT_CLIENT ? OVER_TO_CLIENT : OVER_TO_SERVER;
        const uint32_t next = l->first + 1 + (uint32_t)ask->of.moved.read[at] + !!(c->over & heard);
        same &= next == o->next[at];
        o->next[at] = next;
        o->ours[at] = l->our_first + 1 + (uint32_t)ask->of.moved.wrote[at] + !!(c->over & said);
    }
    o->read_on = same; /* after a failed try the loop is not told again to read on, but the connection waits */
    o->asked = true;
}

static void leaving_begin(const struct job *j, struct inline_conn *c, uint32_t number, const struct inline_ask *ask)
{
    struct holds *holds = inlines_holds(j->vm->inlines);
    if (c->state == INLINE_SPLICED) return;
    if (!c->leaves) {
        stays(j, c, number, SPLICE_WHY_NUMBERS);
        return;
    }
    struct hold *o = hold_of(j, c);
    if (!o) o = hold_begin(holds, number, j->vm->now_ns + HOLD_NS, &c->hold);
    if (!o) {
        c->hold = HOLD_NONE;
        stays(j, c, number, SPLICE_WHY_ROOM);
        return;
    }
    if (!o->until_ns) o->until_ns = j->vm->now_ns + HOLD_NS;
    take_numbers(c, ask, o);
    leave_go_on(j, c, number, o);
}

/* Give the inline stack a held segment without its data. */
static void acknowledge_inline(const struct job *j, const struct inline_conn *c, uint32_t number, enum inline_at from,
                               const struct pkt *pkt, const struct tcp_segment *s)
{
    struct tcp_syn_options o;
    const struct translation to = inline_inwards(j->vm->inlines, c, number, from);
    struct pkt *out = NULL;
    tcp_syn_options_read(pkt, &o);
    struct flow_segment ack = {.src_port = to.src_port,
                               .dst_port = to.dst_port,
                               .seq = c->side[from].next,
                               .ack = s->ack,
                               .window = s->window,
                               .flags = TCP_ACK,
                               .v6 = c->v6,
                               .options = {.has_stamps = o.has_stamps, .stamp = o.stamp, .echo = o.echo}};
    memcpy(ack.src, to.src, sizeof ack.src);
    memcpy(ack.dst, to.dst, sizeof ack.dst);
    if (j->vm->cfg.pool && !build_flow_segment(&ack, j->vm->cfg.pool, &out)) inline_give(j, out);
}

/* True for a segment with new data and a right checksum. */
static bool is_to_hold(const struct inline_side *side, const struct packet_ctx *c, const struct tcp_segment *s)
{
    const bool is_new =
        (s->flags & (TCP_RST | TCP_ACK)) == TCP_ACK && s->len && seq_after(s->seq + s->len, side->leg.top);
    return is_new && inline_is_near(side, side->leg.our_edge, s) && tcp_sum_is_right(c->pkt, c->key);
}

bool inline_hold(const struct job *j, struct inline_conn *c, uint32_t number, const struct packet_ctx *ctx,
                 enum inline_at from, const struct tcp_segment *s)
{
    struct hold *o = c->hold == HOLD_NONE ? NULL : hold_of(j, c);
    if (o && (c->state == INLINE_SPLICED || !o->until_ns)) held_let_go(j, c);
    if (c->hold == HOLD_NONE) return false;
    if (c->state != INLINE_SPLICED && s->flags & TCP_RST && o->of[from] && s->seq == o->top[from])
        stays(j, c, number, SPLICE_WHY_ENDS); /* the held data comes first */
    if (s->flags & TCP_SYN || (c->state != INLINE_SPLICED && !is_to_hold(&c->side[from], ctx, s))) return false;
    struct pkt *copy = j->vm->cfg.pool ? pool_copy(j->vm->cfg.pool, ctx->pkt) : NULL;
    const uint32_t end = s->seq + s->len;
    o->top[from] = o->of[from] ? seq_most(o->top[from], end) : end;
    if (copy && hold_put(inlines_holds(j->vm->inlines), o, copy, from)) {
        if (c->state != INLINE_SPLICED) {
            inline_opens(j, c, number, from, s);
            inline_leg_in(&c->side[from], ctx->pkt, s, false);
            acknowledge_inline(j, c, number, from, ctx->pkt, s);
        }
        return true;
    }
    if (copy) pool_put(copy);
    if (c->state == INLINE_SPLICED) return true; /* TCP sends it again */
    stays(j, c, number, SPLICE_WHY_HELD);
    return false;
}

void inline_look(const struct job *j, struct inline_conn *c)
{
    struct hold *o = c->hold == HOLD_NONE ? NULL : hold_of(j, c);
    if (o && o->asked && tx_has_entries(j, 2 * ROOM)) leave_go_on(j, c, o->number, o);
}

void inline_let_go(const struct job *j, struct inline_conn *c, uint32_t number)
{
    if (c->hold == HOLD_NONE) return;
    if (c->state == INLINE_SPLICED || !hold_of(j, c)->asked)
        held_let_go(j, c);
    else
        stays(j, c, number, SPLICE_WHY_ENDS);
}

uint64_t inline_holds_tick(const struct job *j)
{
    struct holds *holds = inlines_holds(j->vm->inlines);
    uint64_t next = UINT64_MAX;
    for (unsigned i = holds_count(holds); i-- > 0;) {
        struct hold *o = holds_each(holds, i);
        struct inline_conn *c = inlines_at(j->vm->inlines, o->number);
        const bool waits = c->state != INLINE_SPLICED && o->until_ns > j->vm->now_ns;
        if (waits && !(o->asked && tx_has_entries(j, 2 * ROOM) && leave_go_on(j, c, o->number, o)))
            next = time_sooner(next, o->until_ns);
        else if (!waits && c->state != INLINE_SPLICED && o->asked)
            stays(j, c, o->number, (enum splice_why)o->why);
        else if (!waits)
            held_let_go(j, c);
        if (c->hold != HOLD_NONE && (c->state == INLINE_SPLICED || o->until_ns <= j->vm->now_ns)) next = j->vm->now_ns;
    }
    return next;
}

void inline_asked(const struct job *j, const struct inline_ask *ask)
{
    struct inlines *all = j->vm->inlines;
    struct inline_conn *c = inlines_at(all, ask->number);
    if (!c || c->use != ask->port || (ask->former && !c->former)) {
        const struct inline_told gone = {
            .kind = INLINE_OVER, .why = SPLICE_WHY_GONE, .port = ask->port, .number = ask->number};
        if (ask->kind == INLINE_LEAVE) inlines_tell_loop(all, &gone);
        return;
    }
    switch ((enum inline_ask_kind)ask->kind) {
    case INLINE_LEAVE: leaving_begin(j, c, ask->number, ask); break;
    case INLINE_END:
        inline_let_go(j, c, ask->number); /* asked to leave: its sockets are being closed, so it must not leave now */
        if (!(c->over & OVER_RESET)) inline_end_spliced(j, c, ask->number, true);
        c->over |= OVER_RESET;
        c->seen_ns = j->vm->now_ns; /* the last segments of its sockets are still on their way */
        inlines_over(all, ask->number);
        break;
    case INLINE_TARGET:
        memcpy(c->target, ask->of.target.addr, sizeof c->target);
        c->target_port = ask->of.target.port;
        c->target_keeps = ask->of.target.keeps == 1;
        break;
    }
}
