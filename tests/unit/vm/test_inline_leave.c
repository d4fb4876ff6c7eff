/* Wire connections that leave the inline stack: when they may, and what is held meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm/inline_leave.h"

/* Nothing is outstanding: it leaves at once, both ends are acknowledged, and from then on get each other's data in
 * their own numbers. */
static void leaves(void **state)
{
    struct wire w;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        begin(&w, v6);
        ask(&w, 5, 5, 4, 4);
        assert_int_equal(told(&w).kind, INLINE_LEFT);
        nothing_told(&w);
        assert_int_equal(w.s.tx.count, 2);
        struct tcp_segment s = built(&w, 0, TX_SEND);
        assert_int_equal(s.seq, OUR_SEQ + 5);
        assert_int_equal(s.ack, CLIENT_SEQ + 6);
        s = built(&w, 1, TX_SEND);
        assert_int_equal(s.seq, OWN_SEQ + 6);
        assert_int_equal(s.ack, SERVER_SEQ + 5);
        struct frame f = with(&w.client, ACK | TCP_PSH, CLIENT_SEQ + 6, OUR_SEQ + 5, "more");
        comes(&w, &f, LEFT);
        f = with(&w.client, ACK | TCP_PSH, OWN_SEQ + 6, SERVER_SEQ + 5, "more");
        left_by(&w, &f, RIGHT);
        f = with(&w.server, ACK | TCP_PSH, SERVER_SEQ + 5, OWN_SEQ + 10, "yes");
        comes(&w, &f, RIGHT);
        f = with(&w.server, ACK | TCP_PSH, OUR_SEQ + 5, CLIENT_SEQ + 10, "yes");
        left_by(&w, &f, LEFT);
        assert_int_equal(carried[0].bytes[AT_CLIENT], 4);
        assert_int_equal(carried[0].bytes[AT_SERVER], 3);
        /* The sockets are closed without a packet to anybody */
        f = with(&w.listener, RST | ACK, OUR_SEQ + 5, CLIENT_SEQ + 6, NULL);
        says(&w, &f);
        nothing_left(&w);
        f = with(&w.own, RST | ACK, OWN_SEQ + 6, SERVER_SEQ + 5, NULL);
        says(&w, &f);
        nothing_left(&w);
        nothing_told(&w);
        wire_fini(&w);
    }
}

/* Check that the entry is a bare acknowledgement for the inline stack */
static void acknowledged(struct wire *w, unsigned at, uint32_t seq, uint32_t ack)
{
    const struct tcp_segment s = built(w, at, TX_INLINE_STACK);
    assert_int_equal(s.len, 0);
    assert_int_equal(s.seq, seq);
    assert_int_equal(s.ack, ack);
}

/* Data is in flight to the server: the client's later data is held until the server has acknowledged it. */
static void holds(void **state)
{
    struct wire w;
    begin(&w, false);
    struct frame f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "one");
    comes(&w, &f, LEFT);
    f = with(&w.own, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, "one");
    says(&w, &f);
    ask(&w, 8, 8, 4, 4);
    nothing_left(&w);
    nothing_told(&w);
    f = with(&w.client, ACK, CLIENT_SEQ + 9, OUR_SEQ + 5, "two");
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.tx.count, 1);
    acknowledged(&w, 0, CLIENT_SEQ + 9, OUR_SEQ + 5);
    f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "one"); /* again: it passes */
    comes(&w, &f, LEFT);
    f = made(&f, INLINE_CLIENT, INLINE_NONE, 0, 1024);
    left(&w, 0, TX_INLINE_STACK, &f);
    f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 9, "ok");
    comes(&w, &f, RIGHT);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    assert_int_equal(w.s.tx.count, 5); /* its acknowledgement for the socket, one for each end, and the held data */
    acknowledged(&w, 0, SERVER_SEQ + 5, OWN_SEQ + 9);
    assert_int_equal(built(&w, 1, TX_SEND).ack, CLIENT_SEQ + 9);
    assert_int_equal(built(&w, 2, TX_SEND).ack, SERVER_SEQ + 5);
    f = with(&w.client, ACK, OWN_SEQ + 9, SERVER_SEQ + 5, "two");
    left(&w, 3, TX_SEND, &f);
    f = with(&w.server, ACK, OUR_SEQ + 5, CLIENT_SEQ + 9, "ok");
    left(&w, 4, TX_SEND, &f);
    wire_fini(&w);
}

/* A capture has cut the client's data, which counts as complete. */
static void cut_by_capture(void **state)
{
    struct wire w;
    begin(&w, false);
    struct frame f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "one");
    comes_cut(&w, &f, LEFT, 2);
    f = with(&w.own, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, "one");
    says(&w, &f);
    f = with(&w.listener, ACK, OUR_SEQ + 5, CLIENT_SEQ + 9, NULL);
    says(&w, &f);
    f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 9, NULL);
    comes(&w, &f, RIGHT);
    ask(&w, 8, 8, 4, 4);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    wire_fini(&w);
}

/* The loop hasn't read everything: it is told to, once, and asks again. */
static void reads_on(void **state)
{
    struct wire w;
    begin(&w, false);
    ask(&w, 4, 4, 4, 4);
    assert_int_equal(told(&w).kind, INLINE_STAYS); /* more was sent than it reports as written */
    ask(&w, 4, 5, 4, 4);
    assert_int_equal(told(&w).kind, INLINE_READ_ON);
    ask(&w, 4, 5, 4, 4);
    nothing_told(&w);
    ask(&w, 5, 5, 4, 4);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    wire_fini(&w);
}

/* Nothing is acknowledged within 200 ms, or too much is held: all of it goes to the socket, in order, and nothing
 * has changed. */
static void stays(void **state)
{
    struct wire w;
    for (unsigned late = 0; late < 2; late++) {
        begin(&w, false);
        struct frame f = with(&w.own, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, "one");
        says(&w, &f);
        ask(&w, 5, 8, 4, 4);
        const unsigned most = late ? 3 : 64;
        for (unsigned i = 0; i < most; i++) {
            f = with(&w.client, ACK, CLIENT_SEQ + 6 + 3 * i, OUR_SEQ + 5, "two");
            comes(&w, &f, LEFT);
            assert_int_equal(w.s.tx.count, 1);
        }
        nothing_told(&w);
        sender_clear(&w.s);
        if (late) {
            w.s.in.mono_ns += 199 * MS;
            assert_in_range(vm_tick(w.s.vm, &w.s.in, &w.s.tx), w.s.in.mono_ns, w.s.in.mono_ns + MS);
            nothing_told(&w);
            w.s.in.mono_ns += MS;
            vm_tick(w.s.vm, &w.s.in, &w.s.tx);
        } else {
            f = with(&w.client, ACK, CLIENT_SEQ + 6 + 3 * most, OUR_SEQ + 5, "two");
            comes(&w, &f, LEFT);
        }
        const struct inline_told t = told(&w);
        assert_int_equal(t.kind, INLINE_STAYS);
        assert_int_equal(t.why, late ? SPLICE_WHY_LATE : SPLICE_WHY_HELD);
        assert_int_equal(w.s.tx.count, most + !late);
        for (unsigned i = 0; i < most; i++) {
            const struct tcp_segment s = built(&w, i, TX_INLINE_STACK);
            assert_int_equal(s.seq, CLIENT_SEQ + 6 + 3 * i);
            assert_int_equal(s.len, 3);
        }
        wire_fini(&w);
    }
}

/* Hold two of the client's segments while the server hasn't acknowledged the data sent to it. */
static void hold_two(struct wire *w)
{
    begin(w, false);
    struct frame f = with(&w->own, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, "one");
    says(w, &f);
    ask(w, 5, 8, 4, 4);
    nothing_told(w);
    for (unsigned i = 0; i < 2; i++) {
        f = with(&w->client, ACK, CLIENT_SEQ + 6 + 3 * i, OUR_SEQ + 5, "two");
        comes(w, &f, LEFT);
        assert_int_equal(w->s.tx.count, 1);
    }
}

/* The client resets it after held data, which the socket gets first. A reset that anybody may send ends nothing. */
static void reset_at_the_change(void **state)
{
    struct wire w;
    hold_two(&w);
    struct frame f = with(&w.client, RST, CLIENT_SEQ + 600, 0, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.tx.count, 1);
    nothing_told(&w);
    f = with(&w.client, RST, CLIENT_SEQ + 12, 0, NULL);
    comes(&w, &f, LEFT);
    told_stays(&w, SPLICE_WHY_ENDS);
    assert_int_equal(w.s.tx.count, 3);
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).seq, CLIENT_SEQ + 6);
    assert_int_equal(built(&w, 1, TX_INLINE_STACK).seq, CLIENT_SEQ + 9);
    assert_int_equal(built(&w, 2, TX_INLINE_STACK).flags, RST);
    wire_fini(&w);
}

/* A FIN is held like data, and reaches the server through the splice. */
static void fin_at_the_change(void **state)
{
    struct wire w;
    hold_two(&w);
    struct frame f = with(&w.client, ACK | FIN, CLIENT_SEQ + 12, OUR_SEQ + 5, NULL);
    comes(&w, &f, LEFT);
    acknowledged(&w, 0, CLIENT_SEQ + 6, OUR_SEQ + 5);
    f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 9, NULL);
    comes(&w, &f, RIGHT);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    assert_int_equal(told(&w).kind, INLINE_HALF);
    nothing_told(&w);
    assert_int_equal(w.s.tx.count, 6);
    for (unsigned i = 0; i < 2; i++) assert_int_equal(built(&w, 3 + i, TX_SEND).seq, OWN_SEQ + 9 + 3 * i);
    const struct tcp_segment s = built(&w, 5, TX_SEND);
    assert_int_equal(s.flags, ACK | FIN);
    assert_int_equal(s.seq, OWN_SEQ + 15);
    f = with(&w.server, ACK | FIN, SERVER_SEQ + 5, OWN_SEQ + 16, NULL);
    comes(&w, &f, RIGHT);
    const struct inline_told t = told(&w);
    assert_int_equal(t.kind, INLINE_OVER);
    assert_int_equal(t.why, SPLICE_WHY_DONE);
    wire_fini(&w);
}

/* The client's SYN comes again: the socket replies to it, and everything continues. */
static void syn_at_the_change(void **state)
{
    struct wire w;
    hold_two(&w);
    struct frame f = with(&w.client, SYN, CLIENT_SEQ, 0, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.tx.count, 1);
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).flags, SYN);
    f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 9, NULL);
    comes(&w, &f, RIGHT);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    wire_fini(&w);
}

/* Do the same as comes, with a byte changed after the checksum */
static void comes_damaged(struct wire *w, const struct frame *f, unsigned port, unsigned from_the_end)
{
    uint8_t bytes[FRAME_MOST];
    const uint32_t len = frame_bytes(f, bytes);
    sender_clear(&w->s);
    bytes[len - from_the_end] ^= 0x40;
    packet_view(&packet, bytes, len, len, LINK_ETHER);
    packet.pkt.iface = (uint16_t)port;
    struct pkt *const pkts[] = {&packet.pkt};
    vm_run(w->s.vm, &w->s.in, pkts, 1, &w->s.v, &w->s.tx);
}

/* Damaged segments, acknowledgements of unsent data, and segments from far outside are ignored. */
static void not_believed(void **state)
{
    struct wire w;
    hold_two(&w);
    struct frame f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 9, "ok");
    comes_damaged(&w, &f, RIGHT, 1);
    nothing_told(&w);
    assert_int_equal(w.s.tx.count, 1); /* for the socket, which drops it */
    f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 10, NULL);
    comes(&w, &f, RIGHT);
    nothing_told(&w);
    f = with(&w.server, ACK, SERVER_SEQ + 5 + (1u << 21), OWN_SEQ + 9, NULL);
    comes(&w, &f, RIGHT);
    nothing_told(&w);
    f = with(&w.server, ACK, SERVER_SEQ + 5 - (1u << 21), OWN_SEQ + 9, NULL);
    comes(&w, &f, RIGHT);
    nothing_told(&w);
    f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 9, NULL);
    comes(&w, &f, RIGHT);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    wire_fini(&w);
}

/* The server has less room than the client was offered: it waits, and stays; with a window of zero, too. */
static void window(void **state)
{
    struct wire w;
    for (unsigned opens = 0; opens < 3; opens++) {
        const struct syns o = {.client_window = 600, .server_window = opens == 1 ? 400 : 0, .server_mss = 1200};
        begin_with(&w, opens, 0, &o);
        ask(&w, 5, 5, 4, 4);
        nothing_told(&w);
        w.server.window = 600;
        struct frame f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 6, NULL);
        if (opens == 2) comes(&w, &f, RIGHT);
        if (opens == 2) {
            assert_int_equal(told(&w).kind, INLINE_LEFT);
        } else {
            ticks(&w, 200 * MS);
            told_stays(&w, SPLICE_WHY_WINDOW);
        }
        wire_fini(&w);
    }
}

/* Return the window that the client is offered in the reply to its SYN; a SYN to the server goes before. */
static uint16_t opens_small(struct wire *w, bool server_first, const struct syns *o, uint16_t to_server)
{
    uint16_t told_first = 0;
    may_leave(w, server_first ? SERVER_FIRST : BYTES_FIRST, false, 0);
    w->client.window = o->client_window;
    w->server.window = o->server_window;
    struct frame f = with(&w->client, SYN, CLIENT_SEQ, 0, NULL);
    comes(w, &f, LEFT);
    w->listener = made(&w->client, INLINE_NONE, INLINE_CLIENT, 0, 1024);
    w->own = made(&w->client, INLINE_OWN, INLINE_SERVER, 0, w->own_port);
    w->listener.window = w->own.window = 64240;
    f = with(&w->listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    says(w, &f);
    if (!server_first) told_first = built(w, 0, TX_SEND).window;
    if (!server_first) {
        f = with(&w->client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, NULL);
        comes(w, &f, LEFT);
    }
    f = with(&w->own, SYN, OWN_SEQ, 0, NULL);
    says(w, &f);
    assert_int_equal(built(w, 0, TX_SEND).window, to_server);
    f = with(&w->server, SYN | ACK, SERVER_SEQ, OWN_SEQ + 1, NULL);
    comes(w, &f, RIGHT);
    if (server_first) told_first = built(w, 0, TX_SEND).window;
    f = with(&w->own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, NULL);
    says(w, &f);
    f = with(&w->client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, NULL);
    comes(w, &f, LEFT);
    return told_first;
}

/* A connection of an end with a small window also leaves: at once if both windows are known before either is
 * announced; else once the end has sent so much that the rest of its first window fits into the other's. */
static void small_windows(void **state)
{
    struct wire w;
    const struct syns o = {.client_window = 5000, .server_window = 6000};
    assert_int_equal(opens_small(&w, true, &o, 5000), 6000);
    talks_and_rests(&w, &o);
    ask(&w, 5, 5, 4, 4);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    wire_fini(&w);

    assert_int_equal(opens_small(&w, false, &o, 5000), 14600);
    talks_and_rests(&w, &o);
    ask(&w, 5, 5, 4, 4);
    ticks(&w, 200 * MS);
    told_stays(&w, SPLICE_WHY_WINDOW);
    enum { EACH = 100, TIMES = 90 };
    char words[EACH + 1];
    memset(words, 'w', EACH);
    words[EACH] = '\0';
    for (unsigned i = 0; i < TIMES; i++) {
        struct frame f = with(&w.client, ACK, CLIENT_SEQ + 6 + EACH * i, OUR_SEQ + 5, words);
        comes(&w, &f, LEFT);
        f = with(&w.own, ACK, OWN_SEQ + 6 + EACH * i, SERVER_SEQ + 5, words);
        says(&w, &f);
        f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 6 + EACH * (i + 1), NULL);
        comes(&w, &f, RIGHT);
        f = with(&w.listener, ACK, OUR_SEQ + 5, CLIENT_SEQ + 6 + EACH * (i + 1), NULL);
        says(&w, &f);
        const uint32_t left_of_first = 14600 - 5 - EACH * (i + 1);
        assert_int_equal(built(&w, 0, TX_SEND).window, left_of_first > 6000 ? left_of_first : 6000);
    }
    /* Data that our socket has acknowledged and the server hasn't got yet will fill its window */
    struct frame f = with(&w.client, ACK, CLIENT_SEQ + 6 + EACH * TIMES, OUR_SEQ + 5, words);
    comes(&w, &f, LEFT);
    f = with(&w.listener, ACK, OUR_SEQ + 5, CLIENT_SEQ + 6 + EACH * (TIMES + 1), NULL);
    says(&w, &f);
    assert_int_equal(built(&w, 0, TX_SEND).window, 6000 - EACH);
    w.server.window = 6000 - EACH;
    f = with(&w.own, ACK, OWN_SEQ + 6 + EACH * TIMES, SERVER_SEQ + 5, words);
    says(&w, &f);
    f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 6 + EACH * (TIMES + 1), NULL);
    comes(&w, &f, RIGHT);
    ask(&w, 5 + EACH * (TIMES + 1), 5 + EACH * (TIMES + 1), 4, 4);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    wire_fini(&w);
}

/* The client counts its windows in units of 2^14 from us, and the server has a third of one more than a unit. */
static void scale(void **state)
{
    static const char scale0[] = "\1\3\3\0", scale14[] = "\1\3\3\16";
    struct wire w;
    for (unsigned fits = 0; fits < 2; fits++) {
        const struct syns o = {.client = scale0,
                               .listener = scale14,
                               .own = scale0,
                               .server = scale0,
                               .len = 4,
                               .client_window = 32768,
                               .server_window = fits ? 65535 : 30000,
                               .server_mss = 1200};
        may_leave(&w, SERVER_FIRST, false, 0);
        w.client.window = w.server.window = 500;
        open_with(&w, &o);
        w.listener.window = 1;
        w.own.window = 500;
        talks_and_rests(&w, &o);
        ask(&w, 5, 5, 4, 4);
        if (fits) {
            assert_int_equal(told(&w).kind, INLINE_LEFT);
            assert_int_equal(built(&w, 0, TX_SEND).window, 3);
            assert_int_equal(built(&w, 1, TX_SEND).window, 32768);
            /* The edge of three units stays while the server reads nothing */
            struct frame f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "hallo");
            comes(&w, &f, LEFT);
            w.server.window = 49147;
            f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 11, NULL);
            comes(&w, &f, RIGHT);
            assert_int_equal(built(&w, 0, TX_SEND).window, 3);
        } else {
            told_stays(&w, SPLICE_WHY_SCALE);
        }
        wire_fini(&w);
    }
}

/* A client with MD5 signatures, or with AO, stays: we couldn't make those. */
static void options(void **state)
{
    static const char md5[] = "\1\1\23\22abcdefghijklmnop", ao[] = "\35\24\1\1abcdefghijklmnop";
    struct wire w;
    for (unsigned which = 0; which < 2; which++) {
        struct syns o = plain_syns;
        o.client = which ? ao : md5;
        o.len = 20;
        begin_with(&w, false, 0, &o);
        ask(&w, 5, 5, 4, 4);
        told_stays(&w, SPLICE_WHY_OPTIONS);
        wire_fini(&w);
    }
}

/* A damaged SYN isn't used for a splice. */
static void damaged_syn(void **state)
{
    struct wire w;
    may_leave(&w, BYTES_FIRST, false, 0);
    struct frame f = with(&w.client, SYN, CLIENT_SEQ, 0, NULL);
    f.mss = 1300;
    comes_damaged(&w, &f, LEFT, 1);
    w.listener = made(&w.client, INLINE_NONE, INLINE_CLIENT, 0, 1024);
    w.own = made(&w.client, INLINE_OWN, INLINE_SERVER, 0, w.own_port);
    open_with(&w, &plain_syns);
    talks_and_rests(&w, &plain_syns);
    ask(&w, 5, 5, 4, 4);
    assert_int_equal(told(&w).kind, INLINE_LEFT); /* a retransmission */
    wire_fini(&w);
}

/* Asks about unknown connections */
static void unknown(void **state)
{
    struct wire w;
    struct inline_told t;
    begin(&w, false);
    struct inline_ask a = {.kind = INLINE_LEAVE, .number = 5, .port = 1024};
    for (unsigned i = 0; i < 3; i++) {
        a.number = i == 0 ? 5 : i == 1 ? UINT32_MAX : 0;
        a.port = i == 2 ? 1025 : 1024;
        a.kind = INLINE_END;
        vm_inline_ask(w.s.vm, &w.s.in, &a, &w.s.tx);
        nothing_told(&w);
        a.kind = INLINE_LEAVE;
        vm_inline_ask(w.s.vm, &w.s.in, &a, &w.s.tx);
        assert_true(vm_inline_told(w.s.vm, &t));
        assert_int_equal(t.kind, INLINE_OVER);
        assert_int_equal(t.why, SPLICE_WHY_GONE);
        assert_int_equal(t.number, a.number);
        assert_int_equal(t.port, a.port);
    }
    spliced(&w);
    wire_fini(&w);
}

/* The socket has data behind a gap, and may have told the client: it is waited for. */
static void gap(void **state)
{
    struct wire w;
    begin(&w, false);
    struct frame f = with(&w.client, ACK, CLIENT_SEQ + 9, OUR_SEQ + 5, "two");
    comes(&w, &f, LEFT);
    ask(&w, 5, 5, 4, 4);
    nothing_told(&w);
    f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "one");
    comes(&w, &f, LEFT);
    assert_int_equal(told(&w).kind, INLINE_READ_ON);
    f = with(&w.own, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, "onetwo");
    says(&w, &f);
    f = with(&w.listener, ACK, OUR_SEQ + 5, CLIENT_SEQ + 12, NULL);
    says(&w, &f);
    ask(&w, 11, 11, 4, 4);
    f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 12, NULL);
    comes(&w, &f, RIGHT);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    wire_fini(&w);
}

/* Little room is left for leaving packets: held data leaves in portions, in order, with later data behind it. */
static void portions(void **state)
{
    enum { HELD = 40, ROOM = 12 };
    struct wire w;
    uint32_t next[2] = {0};
    for (unsigned leaves = 0; leaves < 2; leaves++) {
        begin(&w, false);
        struct frame f = with(&w.own, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, "one");
        says(&w, &f);
        ask(&w, 5, 8, 4, 4);
        for (unsigned i = 0; i < HELD; i++) {
            f = with(&w.client, ACK, CLIENT_SEQ + 6 + 3 * i, OUR_SEQ + 5, "two");
            comes(&w, &f, LEFT);
        }
        next[leaves] = 0;
        w.s.tx.cap = ROOM + 9;
        f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 9, NULL);
        if (leaves)
            comes(&w, &f, RIGHT);
        else
            ticks(&w, 200 * MS);
        assert_int_equal(told(&w).kind, leaves ? INLINE_LEFT : INLINE_STAYS);
        for (unsigned times = 0; times < 10; times++) {
            for (unsigned i = 0; i < w.s.tx.count; i++) {
                const struct tcp_segment s = built(&w, i, leaves && times + i >= 1 ? TX_SEND : TX_INLINE_STACK);
                if (!s.len) continue;
                assert_int_equal(s.seq, (leaves ? OWN_SEQ + 9 : CLIENT_SEQ + 6) + 3 * next[leaves]++);
            }
            if (leaves && times == 0) {
                f = with(&w.client, ACK, CLIENT_SEQ + 6 + 3 * HELD, OUR_SEQ + 5, "two");
                comes(&w, &f, LEFT);
            } else {
                ticks(&w, 0);
            }
        }
        assert_int_equal(next[leaves], HELD + leaves);
        nothing_told(&w);
        w.s.tx.cap = SENDER_ENTRIES;
        wire_fini(&w);
    }
}

/* The service goes in a reload, while the loop waits for a reply and the client's next SYN comes at once. */
static void service_gone(void **state)
{
    static const char left_over[] = "firewall f default accept {}\nservice t on any tcp/81 { mode proxy inline }\n";
    struct wire w;
    hold_two(&w);
    for (unsigned i = 0; i < 2; i++) reload(&w, left_over);
    struct frame f = with(&w.client, SYN, CLIENT_SEQ + 5000, 0, NULL);
    comes(&w, &f, LEFT);
    told_stays(&w, SPLICE_WHY_ENDS);
    sender_clear(&w.s);
    wire_fini(&w);
}

/* Open one of many connections; the server hasn't acknowledged the first octets. */
static void open_one(struct wire *w, uint32_t number)
{
    w->client.sport = w->server.dport = (uint16_t)(20000 + number);
    struct frame f = with(&w->client, SYN, CLIENT_SEQ, 0, NULL);
    comes(w, &f, LEFT);
    const struct frame listener = made(&w->client, INLINE_NONE, INLINE_CLIENT, number, 1024);
    const struct frame own = made(&w->client, INLINE_OWN, INLINE_SERVER, number, 5555);
    f = with(&listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    says(w, &f);
    f = with(&w->client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, NULL);
    comes(w, &f, LEFT);
    f = with(&own, SYN, OWN_SEQ, 0, NULL);
    says(w, &f);
    f = with(&w->server, SYN | ACK, SERVER_SEQ, OWN_SEQ + 1, NULL);
    comes(w, &f, RIGHT);
    f = with(&own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, "one");
    says(w, &f);
}

/* 300 connections leave at once, and each end continues: 256 may hold, those without room or a buffer stay, all get
 * one reply, and no buffer is lost. */
static void many(void **state)
{
    enum { MANY = 300, MOST = 256 };
    struct wire w;
    struct inline_told t;
    unsigned stays[16] = {0}, left = 0;
    may_leave(&w, BYTES_FIRST, false, 0);
    for (uint32_t n = 0; n < MANY; n++) open_one(&w, n);
    for (uint32_t n = 0; n < MANY; n++) {
        const struct inline_ask a = {.kind = INLINE_LEAVE, .number = n, .port = 1024, .of.moved = {{0, 0}, {0, 3}}};
        vm_inline_ask(w.s.vm, &w.s.in, &a, &w.s.tx);
    }
    for (; vm_inline_told(w.s.vm, &t); stays[t.why]++) assert_in_range(t.number, MOST, MANY - 1);
    assert_int_equal(stays[SPLICE_WHY_ROOM], MANY - MOST);
    for (uint32_t n = 0; n < MANY; n++) {
        w.client.sport = (uint16_t)(20000 + n);
        const struct frame f = with(&w.client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, "held");
        comes(&w, &f, LEFT);
    }
    for (uint32_t n = 0; n < MOST; n += 2) {
        w.server.dport = (uint16_t)(20000 + n);
        const struct frame f = with(&w.server, ACK, SERVER_SEQ + 1, OWN_SEQ + 4, NULL);
        comes(&w, &f, RIGHT);
    }
    for (unsigned i = 0; i < 20; i++) ticks(&w, 20 * MS);
    while (vm_inline_told(w.s.vm, &t)) {
        left += t.kind == INLINE_LEFT;
        stays[t.why] += t.kind == INLINE_STAYS;
    }
    assert_true(left > 50 && stays[SPLICE_WHY_HELD] > 50 && stays[SPLICE_WHY_LATE] > 50);
    assert_int_equal(left + stays[SPLICE_WHY_HELD] + stays[SPLICE_WHY_LATE] + stays[SPLICE_WHY_ROOM], MANY);
    assert_true(vm_rests(w.s.vm));
    wire_fini(&w);
}

/* Ask for all of `count` that haven't left. Return how many are held now, with their numbers in `asked`. */
static uint32_t ask_for_all(struct wire *w, uint8_t *has_left, uint32_t count, uint32_t *asked)
{
    struct inline_told t;
    uint32_t held = 0;
    for (uint32_t n = 0; n < count; n++) {
        const struct inline_ask a = {.kind = INLINE_LEAVE, .number = n, .port = 1024, .of.moved = {{0, 0}, {0, 3}}};
        if (has_left[n]) continue;
        sender_clear(&w->s);
        vm_inline_ask(w->s.vm, &w->s.in, &a, &w->s.tx);
        if (!vm_inline_told(w->s.vm, &t)) {
            asked[held++] = n;
            continue;
        }
        assert_int_equal(t.number, n);
        assert_int_equal(t.kind, INLINE_STAYS);
        assert_int_equal(t.why, SPLICE_WHY_ROOM);
    }
    return held;
}

/* All connections of a full table leave, although they ask at once: 256 at a time, and none is forgotten. */
static void ten_thousand(void **state)
{
    enum { ALL = 10000, AT_ONCE = 256 };
    static uint8_t has_left[ALL];
    uint32_t asked[ALL], left = 0;
    struct wire w;
    struct inline_told t;
    struct inline_open o;
    may_leave(&w, "limits { proxy_sessions 10_000 }\n" BYTES_FIRST, false, 0);
    for (uint32_t n = 0; n < ALL; n++) open_one(&w, n);
    w.client.sport = 60000;
    const struct frame syn = with(&w.client, SYN, CLIENT_SEQ, 0, NULL);
    comes(&w, &syn, LEFT);
    assert_false(vm_inline_open(w.s.vm, ALL, &o));
    while (left < ALL) {
        const uint32_t held = ask_for_all(&w, has_left, ALL, asked);
        assert_int_equal(held, ALL - left < AT_ONCE ? ALL - left : AT_ONCE);
        for (uint32_t i = 0; i < held; i++) {
            w.server.dport = (uint16_t)(20000 + asked[i]);
            const struct frame f = with(&w.server, ACK, SERVER_SEQ + 1, OWN_SEQ + 4, NULL);
            comes(&w, &f, RIGHT);
            assert_true(vm_inline_told(w.s.vm, &t));
            assert_int_equal(t.kind, INLINE_LEFT);
            assert_int_equal(t.number, asked[i]);
            has_left[asked[i]] = 1;
        }
        left += held;
    }
    assert_false(vm_inline_told(w.s.vm, &t));
    assert_true(vm_rests(w.s.vm));
    wire_fini(&w);
}

/* The loop ends the session while the connection waits to leave: it doesn't leave, although everything is
 * acknowledged before its sockets are gone. */
static void ended_while_asked(void **state)
{
    struct wire w;
    begin(&w, false);
    struct frame f = with(&w.own, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, "one");
    says(&w, &f);
    ask(&w, 5, 8, 4, 4);
    f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "two");
    comes(&w, &f, LEFT);
    const struct inline_ask end = {.kind = INLINE_END, .number = 0, .port = 1024};
    sender_clear(&w.s);
    vm_inline_ask(w.s.vm, &w.s.in, &end, &w.s.tx);
    assert_int_equal(w.s.tx.count, 1);
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).len, 3); /* held data goes to the socket */
    told_stays(&w, SPLICE_WHY_ENDS);
    f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 9, NULL);
    comes(&w, &f, RIGHT);
    nothing_told(&w);
    f = with(&w.listener, RST | ACK, OUR_SEQ + 5, CLIENT_SEQ + 6, NULL);
    says(&w, &f);
    assert_int_equal(w.s.tx.count, 1); /* it reaches the client */
    assert_int_equal(built(&w, 0, TX_SEND).flags, RST | ACK);
    wire_fini(&w);
}

/* Nobody takes reports meanwhile: of 10,000 connections that leave and are reset, each gets both reports. */
static void all_are_told(void **state)
{
    enum { MANY = 10000 };
    struct wire w;
    struct inline_told t;
    unsigned left = 0, over = 0;
    may_leave(&w, BYTES_FIRST, false, 0);
    for (uint32_t n = 0; n < MANY; n++) {
        open_one(&w, n);
        struct frame f = with(&w.server, ACK, SERVER_SEQ + 1, OWN_SEQ + 4, NULL);
        comes(&w, &f, RIGHT);
        const struct inline_ask a = {.kind = INLINE_LEAVE, .number = n, .port = 1024, .of.moved = {{0, 0}, {0, 3}}};
        sender_clear(&w.s);
        vm_inline_ask(w.s.vm, &w.s.in, &a, &w.s.tx);
        f = with(&w.server, RST, SERVER_SEQ + 1, 0, NULL);
        comes(&w, &f, RIGHT);
    }
    while (vm_inline_told(w.s.vm, &t)) {
        left += t.kind == INLINE_LEFT;
        over += t.kind == INLINE_OVER;
    }
    assert_int_equal(left, MANY);
    assert_int_equal(over, MANY);
    wire_fini(&w);
}

/* A client that has sent beyond its window is offered the server's room, and no more. */
static void past_its_window(void **state)
{
    enum { MORE = 100, TOLD = 50 };
    char more[MORE + 1] = {0};
    struct wire w;
    memset(more, 'm', MORE);
    may_leave(&w, SERVER_FIRST, false, 0);
    w.client.window = TOLD; /* and its socket's here */
    open_with(&w, &plain_syns);
    talks_and_rests(&w, &plain_syns);
    struct frame f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, more);
    comes(&w, &f, LEFT);
    f = with(&w.own, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, more);
    says(&w, &f);
    f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 6 + MORE, NULL);
    comes(&w, &f, RIGHT);
    ask(&w, 5 + MORE, 5 + MORE, 4, 4);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    const struct tcp_segment s = built(&w, 0, TX_SEND);
    assert_int_equal(s.ack, CLIENT_SEQ + 6 + MORE);
    assert_int_equal(s.window, w.server.window);
    wire_fini(&w);
}

/* Without room for leaving packets, a segment of a connection with sockets and an error are dropped. */
static void no_room(void **state)
{
    struct wire w;
    begin(&w, false);
    w.s.tx.cap = 0;
    struct frame f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "more");
    comes(&w, &f, LEFT);
    nothing_left(&w);
    assert_int_equal(w.s.v.action, ACTION_DROP);
    assert_int_equal(w.s.v.reason, REASON_NO_BUFFER);
    w.s.tx.cap = SENDER_ENTRIES;
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.tx.count, 1);
    wire_fini(&w);
}

/* One half has ended on both legs: the other leaves, and ends later. */
static void half(void **state)
{
    struct wire w;
    begin(&w, false);
    struct frame f = with(&w.client, ACK | FIN, CLIENT_SEQ + 6, OUR_SEQ + 5, NULL);
    comes(&w, &f, LEFT);
    ask(&w, 5, 5, 4, 4);
    assert_int_equal(told(&w).why, SPLICE_WHY_ENDS); /* the server hasn't got it */
    f = with(&w.own, ACK | FIN, OWN_SEQ + 6, SERVER_SEQ + 5, NULL);
    says(&w, &f);
    f = with(&w.listener, ACK, OUR_SEQ + 5, CLIENT_SEQ + 7, NULL);
    says(&w, &f);
    ask(&w, 5, 5, 4, 4);
    nothing_told(&w);
    f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 7, NULL);
    comes(&w, &f, RIGHT);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    f = with(&w.server, ACK | FIN, SERVER_SEQ + 5, OWN_SEQ + 7, "yes");
    comes(&w, &f, RIGHT);
    f = with(&w.server, ACK | FIN, OUR_SEQ + 5, CLIENT_SEQ + 7, "yes");
    left_by(&w, &f, LEFT);
    assert_int_equal(told(&w).why, SPLICE_WHY_DONE);
    wire_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves),
        cmocka_unit_test(holds),
        cmocka_unit_test(reads_on),
        cmocka_unit_test(cut_by_capture),
        cmocka_unit_test(stays),
        cmocka_unit_test(half),
        cmocka_unit_test(reset_at_the_change),
        cmocka_unit_test(fin_at_the_change),
        cmocka_unit_test(syn_at_the_change),
        cmocka_unit_test(not_believed),
        cmocka_unit_test(window),
        cmocka_unit_test(small_windows),
        cmocka_unit_test(scale),
        cmocka_unit_test(options),
        cmocka_unit_test(damaged_syn),
        cmocka_unit_test(gap),
        cmocka_unit_test(unknown),
        cmocka_unit_test(portions),
        cmocka_unit_test(service_gone),
        cmocka_unit_test(many),
        cmocka_unit_test(ten_thousand),
        cmocka_unit_test(ended_while_asked),
        cmocka_unit_test(all_are_told),
        cmocka_unit_test(past_its_window),
        cmocka_unit_test(no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
