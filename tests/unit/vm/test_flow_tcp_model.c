/* Random conversations of two modelled TCP endpoints over a path that loses, doubles and reorders, seen from the
 * middlebox:
 *  - on a path that reorders mildly, no honest segment is invalid;
 *  - on one that delays without limit, the receiver of an invalid segment would reject it, too;
 *  - segments outside every window are invalid and change nothing;
 *  - regardless of dropped segments, both sides finish, and the flow is then closing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/vm/tcp_model.h"

struct middle {
    struct tcp_step flow;
    bool live, pickup;
    unsigned opener; /* the peer that is FLOW_ORIGINAL */
    uint64_t followed, invalid;
};

struct world {
    struct peer peer[2];
    struct path path;
    struct middle m;
    unsigned displaced, seed;
    bool mild;
    unsigned blind; /* steps before the middlebox begins, in mid-stream; 0: it sees everything */
};

static enum flow_mark follow(struct middle *m, unsigned who, const struct tcp_segment *s, struct tcp_step *next)
{
    if (!m->live) return tcp_begin(s, m->pickup, next);
    const enum flow_dir dir = who == m->opener ? FLOW_ORIGINAL : FLOW_REPLY;
    return tcp_follow((enum flow_state)m->flow.state, &m->flow.track, dir, s, next);
}

static void tell(const struct world *w, unsigned who, const struct tcp_segment *s, const char *what)
{
    const struct tcp_track *t = &w->m.flow.track;
    const unsigned dir = who == w->m.opener ? FLOW_ORIGINAL : FLOW_REPLY;
    fail_msg("seed %u: %s: state %u, dir %u flags %02x seq %u (end%+d) len %u ack %u (end%+d acked%+d) windows %u %u "
             "scale %02x flags %02x",
             w->seed, what, w->m.flow.state, dir, s->flags, s->seq, (int32_t)(s->seq - t->side[dir].end), s->len,
             s->ack, (int32_t)(s->ack - t->side[!dir].end), (int32_t)(s->ack - t->side[dir].acked), t->window[dir],
             t->window[!dir], t->scale, t->flags);
}

/* Pass an honest segment of `who`. */
static bool pass(struct world *w, unsigned who, const struct tcp_segment *s)
{
    struct tcp_step next;
    if (w->blind) return true;
    if (w->m.pickup && !w->m.live && s->flags & TCP_SYN) return false; /* a late copy: let a rule drop it */
    const enum flow_mark mark = follow(&w->m, who, s, &next);
    w->m.followed++;
    if (mark == MARK_INVALID) {
        w->m.invalid++;
        /* A copy of the handshake has nothing to send to a host that didn't see it. */
        if (w->mild && !(w->m.pickup && s->flags & TCP_SYN)) tell(w, who, s, "an honest segment is invalid");
        if (acceptable(&w->peer[!who], s)) tell(w, who, s, "invalid, but its receiver would take it");
        return false;
    }
    if (next.by_other) tell(w, who, s, "an answer to a copy of the first SYN opens another flow");
    if (next.reopen) return false; /* a copy of the first SYN, equally late: let a rule drop it */
    if (!w->m.live) w->m.opener = who;
    w->m.live = true;
    w->m.flow = next;
    return true;
}

/* Make a segment that no side would send and no receiver would take, as far as the endpoints know. */
static bool forge(const struct world *w, unsigned who, struct rng *r, struct tcp_segment *s)
{
    const struct peer *me = &w->peer[who], *to = &w->peer[!who];
    if (me->at != SYNCED || to->at != SYNCED) return false;
    const uint32_t round = 1u << 14, theirs = to->most_announced + round, mine = me->most_announced + round;
    const uint32_t far = 70000 + 2 * mine, any = rng_below(r, 1u << 30);
    *s = (struct tcp_segment){.seq = me->nxt, .ack = me->rcv_nxt, .flags = TCP_ACK, .window = 65535, .scale = 14};
    switch (rng_below(r, 6)) {
    case 0: s->seq = to->rcv_nxt + theirs + 2 + any; break;
    case 1: s->seq = to->rcv_nxt - theirs - 2 - any; break;
    case 2: s->ack = to->probed + 1 + any; break;
    case 3: s->ack = me->rcv_nxt - far - any; break;
    case 4:
        s->flags = TCP_RST;
        s->seq = to->rcv_nxt + 1 + theirs + any;
        break;
    default:
        s->flags = TCP_SYN | TCP_ACK;
        s->len = 1;
        s->ack = to->probed + 1 + any;
        break;
    }
    return true;
}

static void attack(struct world *w, struct rng *r)
{
    const unsigned who = rng_below(r, 2);
    struct tcp_segment s;
    struct tcp_step next;
    if (w->m.pickup || !forge(w, who, r, &s)) return;
    if (follow(&w->m, who, &s, &next) != MARK_INVALID) tell(w, who, &s, "a forged segment passes");
    assert_memory_equal(&next.track, &w->m.flow.track, offsetof(struct tcp_track, flags) + 1);
    /* A SYN passes, so that the host can challenge it, and changes nothing. */
    s.flags = TCP_SYN;
    assert_int_equal(follow(&w->m, who, &s, &next), w->m.flow.state == FLOW_STATE_RESET ? MARK_INVALID : MARK_NEW);
    if (w->m.flow.state >= FLOW_STATE_OPEN && !next.reopen)
        assert_memory_equal(&next.track, &w->m.flow.track, offsetof(struct tcp_track, flags) + 1);
}

/* Move one segment by one hop; lossy: it may be lost or doubled. */
static void move(struct world *w, unsigned who, unsigned hop, bool lossy, struct rng *r)
{
    struct tcp_segment s;
    if (!take_segment(&w->path, who, hop, w->displaced, r, &s)) return;
    if (lossy && rng_one_in(r, 12)) return;
    const unsigned copies = lossy && rng_one_in(r, 12) ? 2 : 1;
    for (unsigned i = 0; i < copies; i++) {
        if (hop == 1)
            receive(&w->path, &w->peer[!who], !who, &s, lossy && rng_one_in(r, 3));
        else if (pass(w, who, &s))
            send_segment(&w->path, who, 1, &s);
    }
}

static void step(struct world *w, bool lossy, struct rng *r)
{
    const unsigned who = rng_below(r, 2);
    if (w->blind > 0 && w->peer[0].at == SYNCED && w->peer[1].at == SYNCED) w->blind--;
    if (rng_one_in(r, 3))
        act(&w->path, &w->peer[who], who, r);
    else
        move(w, who, rng_below(r, 2), lossy, r);
}

static void peer_begin(struct peer *p, bool mild, uint32_t iss, struct rng *r)
{
    static const uint8_t scales[] = {0, 1, 2, 7, 14};
    p->iss = p->una = p->nxt = p->probed = p->edge = iss;
    p->stream = rng_below(r, rng_one_in(r, 4) ? STREAM_MOST : 2000);
    p->scale = rng_one_in(r, 2) ? SCALE_ABSENT : scales[rng_below(r, 5)];
    p->mss = 1 + rng_below(r, 1500);
    p->buffer = mild               ? 16 * 1500 + rng_below(r, 60000)
                : rng_one_in(r, 3) ? 1 + rng_below(r, 3000)
                                   : rng_below(r, 90000);
    if (p->scale != SCALE_ABSENT && p->buffer < 2u << p->scale) p->buffer = 2u << p->scale;
}

/* Draw any sequence number, or one that wraps within the stream. */
static uint32_t any_iss(struct rng *r) { return rng_one_in(r, 2) ? (uint32_t)rng_next(r) : 0u - rng_below(r, 2100); }

static void converse(struct world *w, unsigned seed, bool mild, bool pickup)
{
    struct rng r = {seed};
    memset(w, 0, sizeof *w);
    w->seed = seed;
    w->mild = mild;
    w->m.pickup = pickup;
    w->blind = pickup ? 1 + rng_below(&r, 1500) : 0;
    w->displaced = mild ? rng_below(&r, 4) : 1 + rng_below(&r, QUEUE_MOST);
    for (unsigned i = 0; i < 2; i++) peer_begin(&w->peer[i], mild, any_iss(&r), &r);
    for (unsigned i = 0; i < 2; i++) w->peer[i].other_stream = w->peer[!i].stream;
    w->peer[0].at = SYN_SENT;
    w->peer[1].at = rng_one_in(&r, 8) ? SYN_SENT : LISTENING;
    for (unsigned i = 0; i < 2; i++)
        if (w->peer[i].at == SYN_SENT) emit(&w->path, &w->peer[i], i, w->peer[i].iss, 1);
    const unsigned rough = rng_below(&r, 4000);
    for (unsigned i = 0; i < rough; i++) {
        step(w, true, &r);
        if (rng_one_in(&r, 10)) attack(w, &r);
    }
    unsigned calm = 0;
    while (!all_done(w->peer) && calm++ < 1000000) step(w, false, &r);
    if (!all_done(w->peer))
        fail_msg("seed %u: never ends: at %u %u, left %u %u, state %u", seed, w->peer[0].at, w->peer[1].at,
                 fin_at(&w->peer[0]) + 1 - w->peer[0].una, fin_at(&w->peer[1]) + 1 - w->peer[1].una, w->m.flow.state);
    if (!pickup) assert_int_equal(w->m.flow.state, FLOW_STATE_CLOSING);
}

static void many(bool mild, bool pickup, unsigned first, uint64_t *followed, uint64_t *invalid)
{
    static struct world w;
    const char *longer = getenv("LONG");
    const unsigned runs = longer && *longer ? 20000 : 600;
    for (unsigned i = 0; i < runs; i++) {
        converse(&w, first + i, mild, pickup);
        *followed += w.m.followed;
        *invalid += w.m.invalid;
    }
}

static void test_mild(void **state)
{
    (void)state;
    uint64_t followed = 0, invalid = 0;
    many(true, false, 1, &followed, &invalid);
    print_message("# %llu segments, none invalid\n", (unsigned long long)followed);
    assert_int_equal(invalid, 0);
}

static void test_wild(void **state)
{
    (void)state;
    uint64_t followed = 0, invalid = 0;
    many(false, false, 1000000, &followed, &invalid);
    print_message("# %llu segments, %llu invalid, and none that its receiver would take\n",
                  (unsigned long long)followed, (unsigned long long)invalid);
    assert_true(invalid > 0);
}

/* Flows are picked up anywhere in mid-stream, on either kind of path. */
static void test_picked_up(void **state)
{
    (void)state;
    uint64_t followed = 0, invalid = 0;
    many(true, true, 2000000, &followed, &invalid);
    many(false, true, 3000000, &followed, &invalid);
    print_message("# %llu segments, %llu invalid, and none that its receiver would take\n",
                  (unsigned long long)followed, (unsigned long long)invalid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mild), cmocka_unit_test(test_wild),
                                       cmocka_unit_test(test_picked_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
