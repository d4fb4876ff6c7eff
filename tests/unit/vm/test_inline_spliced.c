/* Wire connections that have left the inline stack: what both ends see, what ends them, and what can't. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm/inline_leave.h"

static void told_over(struct wire *w, enum splice_why why)
{
    const struct inline_told t = told(w);
    assert_int_equal(t.kind, INLINE_OVER);
    assert_int_equal(t.why, why);
    nothing_told(w);
}

static void told_half(struct wire *w)
{
    assert_int_equal(told(w).kind, INLINE_HALF);
    nothing_told(w);
}

/* Check that an end's segment leaves to the other with these numbers. */
static void crosses(struct wire *w, bool from_client, uint8_t flags, uint32_t seq, uint32_t ack, const char *says,
                    uint32_t new_seq, uint32_t new_ack)
{
    const struct frame *from = from_client ? &w->client : &w->server;
    struct frame f = with(from, flags, seq, ack, says);
    comes(w, &f, from_client ? LEFT : RIGHT);
    f = with(from, flags, new_seq, new_ack, says);
    left_by(w, &f, from_client ? RIGHT : LEFT);
}

/* Check that the next SYN begins another connection, with a later port. */
static void begins_another(struct wire *w, uint32_t number, uint16_t port)
{
    struct frame f = with(&w->client, SYN, 77777, 0, NULL);
    comes(w, &f, LEFT);
    assert_int_equal(w->s.tx.count, 1);
    f = made(&f, INLINE_CLIENT, INLINE_NONE, number, port);
    left(w, 0, TX_INLINE_STACK, &f);
}

/* Either end resets it, at the next number or at the one that the other has acknowledged: the loop is told once, and
 * the client's next SYN begins another connection. Other resets pass, and end nothing. */
static void resets(void **state)
{
    struct wire w;
    for (unsigned which = 0; which < 4; which++) {
        const bool client = which < 2;
        begin_with(&w, which & 1, (int)which % 3, &plain_syns);
        spliced(&w);
        crosses(&w, true, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "more", OWN_SEQ + 6, SERVER_SEQ + 5);
        crosses(&w, false, ACK, SERVER_SEQ + 5, OWN_SEQ + 6, "more", OUR_SEQ + 5, CLIENT_SEQ + 6);
        for (unsigned i = 0; i < 5; i++) {
            static const uint32_t off[] = {1, 100, 1u << 30, 0u - 100, 3};
            struct frame f =
                with(client ? &w.client : &w.server, RST, (client ? CLIENT_SEQ + 6 : SERVER_SEQ + 5) + off[i], 0, NULL);
            comes(&w, &f, client ? LEFT : RIGHT);
            assert_int_equal(w.s.tx.count, 1);
            nothing_told(&w);
        }
        const uint32_t at = which & 1 ? 4 : 0;
        if (client)
            crosses(&w, true, RST, CLIENT_SEQ + 6 + at, 0, NULL, OWN_SEQ + 6 + at, 0);
        else
            crosses(&w, false, RST, SERVER_SEQ + 5 + at, 0, NULL, OUR_SEQ + 5 + at, 0);
        told_over(&w, client ? SPLICE_WHY_CLIENT_RESET : SPLICE_WHY_SERVER_RESET);
        begins_another(&w, 0, 1025);
        nothing_told(&w);
        wire_fini(&w);
    }
}

/* The client closes first, and the server continues for long: both FINs end it, and ten seconds later its number is
 * free. */
static void half_closed(void **state)
{
    struct wire w;
    begin(&w, false);
    spliced(&w);
    crosses(&w, true, ACK | FIN, CLIENT_SEQ + 6, OUR_SEQ + 5, "last", OWN_SEQ + 6, SERVER_SEQ + 5);
    told_half(&w);
    crosses(&w, true, ACK | FIN, CLIENT_SEQ + 6, OUR_SEQ + 5, "last", OWN_SEQ + 6, SERVER_SEQ + 5); /* again */
    for (unsigned i = 0; i < 100; i++) {
        ticks(&w, 60 * S);
        nothing_left(&w);
        crosses(&w, false, ACK, SERVER_SEQ + 5 + 4 * i, OWN_SEQ + 11, "more", OUR_SEQ + 5 + 4 * i, CLIENT_SEQ + 11);
    }
    nothing_told(&w);
    crosses(&w, false, ACK | FIN, SERVER_SEQ + 405, OWN_SEQ + 11, NULL, OUR_SEQ + 405, CLIENT_SEQ + 11);
    told_over(&w, SPLICE_WHY_DONE);
    crosses(&w, true, ACK, CLIENT_SEQ + 11, OUR_SEQ + 406, NULL, OWN_SEQ + 11, SERVER_SEQ + 406);
    ticks(&w, 9 * S);
    crosses(&w, true, ACK, CLIENT_SEQ + 11, OUR_SEQ + 406, NULL, OWN_SEQ + 11, SERVER_SEQ + 406);
    ticks(&w, 12 * S);
    nothing_told(&w);
    struct inline_open o;
    assert_false(vm_inline_open(w.s.vm, 0, &o));
    assert_int_equal(carried[0].bytes[AT_CLIENT], 8);
    assert_int_equal(carried[0].bytes[AT_SERVER], 400);
    wire_fini(&w);
}

/* Data lost before both FINs is retransmitted, in its end's numbers, until it is acknowledged: for up to two minutes
 * of silence, and ten seconds after that. */
static void lost_at_the_end(void **state)
{
    struct wire w;
    struct inline_open o;
    begin(&w, false);
    spliced(&w);
    crosses(&w, false, ACK | FIN, SERVER_SEQ + 5, OWN_SEQ + 6, NULL, OUR_SEQ + 5, CLIENT_SEQ + 6);
    crosses(&w, true, ACK | FIN, CLIENT_SEQ + 10, OUR_SEQ + 6, "last", OWN_SEQ + 10, SERVER_SEQ + 6);
    assert_int_equal(told(&w).kind, INLINE_HALF);
    told_over(&w, SPLICE_WHY_DONE);
    for (unsigned i = 0; i < 3; i++) {
        ticks(&w, 100 * S);
        crosses(&w, true, ACK, CLIENT_SEQ + 6, OUR_SEQ + 6, "lost", OWN_SEQ + 6, SERVER_SEQ + 6);
    }
    /* After a gap the end may be false: a SYN doesn't replace the connection */
    crosses(&w, true, SYN, 77777, 0, NULL, 77777 + OWN_SEQ - CLIENT_SEQ, 0);
    crosses(&w, false, ACK, SERVER_SEQ + 6, OWN_SEQ + 15, NULL, OUR_SEQ + 6, CLIENT_SEQ + 15);
    ticks(&w, 12 * S);
    assert_false(vm_inline_open(w.s.vm, 0, &o));
    wire_fini(&w);

    begin(&w, false);
    spliced(&w);
    crosses(&w, false, ACK | FIN, SERVER_SEQ + 5, OWN_SEQ + 6, NULL, OUR_SEQ + 5, CLIENT_SEQ + 6);
    crosses(&w, true, ACK | FIN, CLIENT_SEQ + 6, OUR_SEQ + 6, NULL, OWN_SEQ + 6, SERVER_SEQ + 6);
    ticks(&w, 125 * S);
    assert_false(vm_inline_open(w.s.vm, 0, &o)); /* nobody is left */
    wire_fini(&w);
}

/* FINs that no end can have sent end nothing: those without ACK, or before received data. */
static void false_ends(void **state)
{
    struct wire w;
    begin(&w, false);
    spliced(&w);
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t flags = i ? FIN : FIN | ACK;
        const uint32_t off = i ? 0 : 0u - 1;
        crosses(&w, true, flags, CLIENT_SEQ + 6 + off, OUR_SEQ + 5, NULL, OWN_SEQ + 6 + off,
                i ? OUR_SEQ + 5 : SERVER_SEQ + 5);
        crosses(&w, false, flags, SERVER_SEQ + 5 + off, OWN_SEQ + 6, NULL, OUR_SEQ + 5 + off,
                i ? OWN_SEQ + 6 : CLIENT_SEQ + 6);
    }
    nothing_told(&w);
    crosses(&w, true, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "more", OWN_SEQ + 6, SERVER_SEQ + 5);
    wire_fini(&w);
}

/* Check that one end is reset at what it has acknowledged, and at the end of the data sent to it. */
static void both_are_reset(struct wire *w, uint32_t to_client, uint32_t client_acked, uint32_t to_server,
                           uint32_t server_acked)
{
    const uint32_t at[] = {client_acked, to_client, server_acked, to_server};
    assert_int_equal(w->s.tx.count, 4);
    for (unsigned i = 0; i < 4; i++) {
        const struct tcp_segment s = built(w, i, TX_SEND);
        assert_int_equal(s.flags, RST);
        assert_int_equal(s.seq, at[i]);
        assert_int_equal(w->s.entries[i].out_if, i < 2 ? LEFT : RIGHT);
        assert_int_equal(w->s.entries[i].pkt->tags_in_frame, w->client.tags);
    }
}

/* The loop ends it, in both families, with tags: both ends are reset, and the loop gets no report about its own
 * action. */
static void asked_to_end(void **state)
{
    struct wire w;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        begin_with(&w, v6, v6 ? 2 : 0, &plain_syns);
        spliced(&w);
        crosses(&w, true, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "more", OWN_SEQ + 6, SERVER_SEQ + 5);
        crosses(&w, false, ACK, SERVER_SEQ + 5, OWN_SEQ + 6, "news", OUR_SEQ + 5, CLIENT_SEQ + 6);
        /* Acknowledgements of unsent data and numbers far outside don't move the ends */
        crosses(&w, true, ACK, CLIENT_SEQ + 10, OUR_SEQ + 5000, NULL, OWN_SEQ + 10, SERVER_SEQ + 5000);
        crosses(&w, true, ACK, CLIENT_SEQ + (1u << 24), OUR_SEQ + 5, "far", OWN_SEQ + (1u << 24), SERVER_SEQ + 5);
        crosses(&w, false, ACK, SERVER_SEQ + 9, OWN_SEQ + 60000, NULL, OUR_SEQ + 9, CLIENT_SEQ + 60000);
        sender_clear(&w.s);
        const struct inline_ask a = {.kind = INLINE_END, .number = 0, .port = 1024};
        vm_inline_ask(w.s.vm, &w.s.in, &a, &w.s.tx);
        both_are_reset(&w, OUR_SEQ + 9, OUR_SEQ + 5, OWN_SEQ + 10, OWN_SEQ + 6);
        nothing_told(&w);
        begins_another(&w, 0, 1025);
        nothing_told(&w);
        wire_fini(&w);
    }
}

/* Nobody has sent for as long as `established` allows; the service is gone. */
static void late(void **state)
{
    static const char left_over[] = "firewall f default accept {}\nservice t on any tcp/81 { mode proxy inline }\n";
    struct wire w;
    for (unsigned gone = 0; gone < 2; gone++) {
        begin(&w, false);
        spliced(&w);
        crosses(&w, true, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "more", OWN_SEQ + 6, SERVER_SEQ + 5);
        crosses(&w, false, ACK, SERVER_SEQ + 5, OWN_SEQ + 6, "news", OUR_SEQ + 5, CLIENT_SEQ + 6);
        for (unsigned i = 0; gone && i < 2; i++) reload(&w, left_over);
        ticks(&w, S);
        if (!gone) {
            nothing_left(&w);
            ticks(&w, 2 * 3600 * S);
            nothing_left(&w);
            ticks(&w, 300 * S);
        }
        both_are_reset(&w, OUR_SEQ + 9, OUR_SEQ + 5, OWN_SEQ + 10, OWN_SEQ + 6);
        told_over(&w, SPLICE_WHY_IDLE);
        ticks(&w, 12 * S);
        nothing_told(&w);
        struct inline_open o;
        assert_false(vm_inline_open(w.s.vm, 0, &o));
        wire_fini(&w);
    }
}

/* A SYN, the same or another, goes to the server with its number moved, which challenges it; nothing ends. */
static void syn_again(void **state)
{
    struct wire w;
    begin(&w, false);
    spliced(&w);
    for (unsigned i = 0; i < 2; i++) {
        const uint32_t seq = i ? 77777 : CLIENT_SEQ;
        struct frame f = with(&w.client, SYN, seq, 0, NULL);
        comes(&w, &f, LEFT);
        f = with(&w.client, SYN, seq - CLIENT_SEQ + OWN_SEQ, 0, NULL);
        left_by(&w, &f, RIGHT);
        crosses(&w, false, ACK, SERVER_SEQ + 5, OWN_SEQ + 6, NULL, OUR_SEQ + 5, CLIENT_SEQ + 6);
    }
    struct frame f = with(&w.server, SYN | ACK, SERVER_SEQ, OWN_SEQ + 1, NULL);
    comes(&w, &f, RIGHT);
    nothing_left(&w);
    nothing_told(&w);
    /* The client has forgotten it, and replies to the challenge with a reset */
    crosses(&w, true, RST, CLIENT_SEQ + 6, 0, NULL, OWN_SEQ + 6, 0);
    told_over(&w, SPLICE_WHY_CLIENT_RESET);
    wire_fini(&w);
}

/* FINs, like resets, count only if undamaged. */
static void damaged_ends(void **state)
{
    struct wire w;
    uint8_t bytes[FRAME_MOST];
    begin(&w, false);
    spliced(&w);
    for (unsigned i = 0; i < 3; i++) {
        const struct frame f = i < 2 ? with(i ? &w.client : &w.server, ACK | FIN, i ? CLIENT_SEQ + 6 : SERVER_SEQ + 5,
                                            i ? OUR_SEQ + 5 : OWN_SEQ + 6, "last")
                                     : with(&w.client, RST, CLIENT_SEQ + 6, 0, NULL);
        const uint32_t len = frame_bytes(&f, bytes);
        sender_clear(&w.s);
        bytes[len - 1] ^= 1;
        packet_view(&packet, bytes, len, len, LINK_ETHER);
        packet.pkt.iface = i ? LEFT : RIGHT;
        struct pkt *const pkts[] = {&packet.pkt};
        vm_run(w.s.vm, &w.s.in, pkts, 1, &w.s.v, &w.s.tx);
        assert_int_equal(w.s.tx.count, 1); /* the other end sees it itself */
        nothing_told(&w);
    }
    wire_fini(&w);
}

/* SACK blocks are moved with the numbers; an end whose window shrinks isn't corrected. */
static void sack_and_window(void **state)
{
    static const char may[] = "\1\1\4\2";
    struct syns o = plain_syns;
    struct wire w;
    o.client = o.listener = o.own = o.server = may;
    o.len = 4;
    begin_with(&w, false, 0, &o);
    spliced(&w);
    char block[] = "\1\1\5\12........", moved[sizeof block];
    memcpy(moved, block, sizeof block);
    frame_word((uint8_t *)block + 4, OWN_SEQ + 10, 4);
    frame_word((uint8_t *)block + 8, OWN_SEQ + 14, 4);
    frame_word((uint8_t *)moved + 4, CLIENT_SEQ + 10, 4);
    frame_word((uint8_t *)moved + 8, CLIENT_SEQ + 14, 4);
    struct frame f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 6, NULL);
    f = offering(&f, block, 12);
    comes(&w, &f, RIGHT);
    f = with(&w.server, ACK, OUR_SEQ + 5, CLIENT_SEQ + 6, NULL);
    f = offering(&f, moved, 12);
    left_by(&w, &f, LEFT);
    w.server.window = 7;
    crosses(&w, false, ACK, SERVER_SEQ + 5, OWN_SEQ + 6, NULL, OUR_SEQ + 5, CLIENT_SEQ + 6);
    wire_fini(&w);
}

/* Errors about forwarded segments reach the end that sent them, and quote its own numbers and addresses; if
 * timestamps make its segments longer on the way, the MTU leaves room for those. */
static void errors(void **state)
{
    static const char stamps[] = "\1\1\10\12\0\0\0\1\0\0\0\0", none[] = "\1\1\1\1\1\1\1\1\1\1\1\1";
    struct wire w;
    for (unsigned grows = 0; grows < 2; grows++) {
        struct syns o = plain_syns;
        o.client = o.listener = none;
        o.own = o.server = grows ? stamps : none;
        o.len = 12;
        begin_with(&w, false, 0, &o);
        spliced(&w);
        for (unsigned i = 0; i < 4; i++) {
            const bool client = i < 2;
            const uint16_t mtu = i & 1 ? 1000 : 0;
            const uint32_t seq = client ? OWN_SEQ + 6 : OUR_SEQ + 5, own = client ? CLIENT_SEQ + 6 : SERVER_SEQ + 5;
            const struct frame f = with(client ? &w.client : &w.server, ACK, seq, 1, "x");
            router_says(&w, &f, mtu, client ? RIGHT : LEFT);
            assert_int_equal(w.s.tx.count, 1);
            const struct tx_entry *e = &w.s.entries[0];
            const uint8_t *icmp = e->pkt->data + e->pkt->l3 + 20, *ip = icmp + 8;
            assert_int_equal(e->kind, TX_SEND);
            assert_int_equal(e->out_if, client ? LEFT : RIGHT);
            assert_int_equal(plain_sum(icmp, e->pkt->head_len - e->pkt->l3 - 20, 0), 0);
            assert_int_equal(wire_get16(icmp + 6), mtu - (mtu && grows && client ? 12 : 0));
            assert_int_equal(wire_get32(ip + 12), f.src[0]);
            assert_int_equal(wire_get32(ip + 16), f.dst[0]);
            assert_int_equal(wire_get32(ip + 20), (uint32_t)f.sport << 16 | f.dport);
            assert_int_equal(wire_get32(ip + 24), own);
        }
        nothing_told(&w);
        wire_fini(&w);
    }
}

static char many_x[160];

/* A segment longer than the MTU gets an error with the MTU; one longer than the server's MSS leaves in pieces. */
static void long_segments(void **state)
{
    struct wire w;
    struct syns o = plain_syns;
    memset(many_x, 'x', 150);
    for (unsigned mss = 0; mss < 2; mss++) {
        if (mss) o.server_mss = 64;
        begin_with(&w, false, 0, &o);
        spliced(&w);
        if (!mss) w.ifaces[RIGHT].mtu = 100;
        struct frame f = with(&w.client, ACK | TCP_PSH, CLIENT_SEQ + 6, OUR_SEQ + 5, many_x);
        comes(&w, &f, LEFT);
        assert_int_equal(w.s.tx.count, mss ? 3 : 1);
        for (unsigned i = 0; mss && i < 3; i++) {
            const struct tcp_segment s = built(&w, i, TX_SEND);
            assert_int_equal(s.seq, OWN_SEQ + 6 + 64 * i);
            assert_int_equal(s.len, i < 2 ? 64 : 22);
            assert_int_equal(s.flags, i < 2 ? ACK : ACK | TCP_PSH);
        }
        if (!mss) {
            const struct tx_entry *e = &w.s.entries[0];
            const uint8_t *icmp = e->pkt->data + e->pkt->l3 + 20;
            assert_int_equal(wire_get16(icmp), 3 << 8 | 4);
            assert_int_equal(wire_get16(icmp + 6), 100);
            assert_int_equal(wire_get32(icmp + 8 + 24), CLIENT_SEQ + 6);
            assert_int_equal(w.s.v.reason, REASON_TOO_BIG);
        }
        wire_fini(&w);
    }
}

static void speaks_from_bytes(struct wire *w)
{
    struct frame f = with(&w->client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "more");
    comes(w, &f, LEFT);
    f = with(&w->server, ACK | FIN, SERVER_SEQ + 5, OWN_SEQ + 6, "more");
    comes(w, &f, RIGHT);
    ticks(w, 11 * S);
}

/* A connection continues from bytes; with any change in the bytes nothing is read outside. */
static void archived(void **state)
{
    struct wire w;
    begin(&w, false);
    spliced(&w);
    read_damaged(&w, 300, 7, speaks_from_bytes);
    crosses(&w, true, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "more", OWN_SEQ + 6, SERVER_SEQ + 5);
    crosses(&w, false, ACK | FIN, SERVER_SEQ + 5, OWN_SEQ + 10, "yes", OUR_SEQ + 5, CLIENT_SEQ + 10);
    crosses(&w, true, ACK | FIN, CLIENT_SEQ + 10, OUR_SEQ + 9, NULL, OWN_SEQ + 10, SERVER_SEQ + 9);
    assert_int_equal(told(&w).kind, INLINE_HALF);
    told_over(&w, SPLICE_WHY_DONE);
    wire_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resets),     cmocka_unit_test(half_closed),   cmocka_unit_test(lost_at_the_end),
        cmocka_unit_test(false_ends), cmocka_unit_test(asked_to_end),  cmocka_unit_test(late),
        cmocka_unit_test(syn_again),  cmocka_unit_test(damaged_ends),  cmocka_unit_test(sack_and_window),
        cmocka_unit_test(errors),     cmocka_unit_test(long_segments), cmocka_unit_test(archived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
