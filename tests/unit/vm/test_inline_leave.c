/* Connections in the wire that leave the stack aside: when they may, what is held meanwhile, what both ends see, and
 * what becomes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm/inline_wire.h"
#include "vm/flow/spliced.h"

static struct inline_carried carried[64];

/* A connection that has begun to talk: the client has said 5 bytes, the server 4, and all was acknowledged. */
static void begin(struct wire *w, bool v6)
{
    wire_init(w, SERVER_FIRST, v6, 0);
    static struct pbc_proxy leaves;
    leaves = w->s.program->proxies[0];
    leaves.flags |= PBC_PROXY_LEAVES;
    w->s.program->proxies = &leaves;
    vm_free(w->s.vm);
    w->cfg.inline_carried = carried;
    w->s.vm = vm_new(w->s.program, &w->cfg);
    open_server_first(w);
    talks(w);
    struct frame f = with(&w->own, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, NULL);
    says(w, &f);
    f = with(&w->listener, ACK, OUR_SEQ + 5, CLIENT_SEQ + 6, NULL);
    says(w, &f);
    f = with(&w->client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, NULL);
    comes(w, &f, LEFT);
    w->client.window = w->server.window = 600;
}

static void ask(struct wire *w, uint64_t from_client, uint64_t to_server, uint64_t from_server, uint64_t to_client)
{
    const struct inline_ask a = {.kind = INLINE_LEAVE,
                                 .number = 0,
                                 .port = 1024,
                                 .of.moved = {{from_client, from_server}, {to_client, to_server}}};
    sender_clear(&w->s);
    vm_inline_ask(w->s.vm, &w->s.in, &a, &w->s.tx);
}

static struct inline_told told(struct wire *w)
{
    struct inline_told t;
    assert_true(vm_inline_told(w->s.vm, &t));
    assert_int_equal(t.number, 0);
    assert_int_equal(t.port, 1024);
    return t;
}

static void nothing_told(struct wire *w)
{
    struct inline_told t;
    assert_false(vm_inline_told(w->s.vm, &t));
}

/* All is quiet: it leaves at once, both ends are acknowledged, and hear each other in their own numbers from then on.
 */
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
        /* The sockets are closed, and nobody hears of it */
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

/* True if the entry is a bare acknowledgement for the stack aside */
static void acknowledged(struct wire *w, unsigned at, uint32_t seq, uint32_t ack)
{
    const struct tcp_segment s = built(w, at, TX_ASIDE);
    assert_int_equal(s.len, 0);
    assert_int_equal(s.seq, seq);
    assert_int_equal(s.ack, ack);
}

/* Data is in flight to the server: what the client sends then is held until the server has acknowledged it. */
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
    f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "one"); /* again: it goes by */
    comes(&w, &f, LEFT);
    f = made(&f, INLINE_CLIENT, INLINE_NONE, 0, 1024);
    left(&w, 0, TX_ASIDE, &f);
    f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 9, "ok");
    comes(&w, &f, RIGHT);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    assert_int_equal(w.s.tx.count, 5); /* its acknowledgement for the socket, one for each end, and what was held */
    acknowledged(&w, 0, SERVER_SEQ + 5, OWN_SEQ + 9);
    assert_int_equal(built(&w, 1, TX_SEND).ack, CLIENT_SEQ + 9);
    assert_int_equal(built(&w, 2, TX_SEND).ack, SERVER_SEQ + 5);
    f = with(&w.client, ACK, OWN_SEQ + 9, SERVER_SEQ + 5, "two");
    left(&w, 3, TX_SEND, &f);
    f = with(&w.server, ACK, OUR_SEQ + 5, CLIENT_SEQ + 9, "ok");
    left(&w, 4, TX_SEND, &f);
    wire_fini(&w);
}

/* The loop has not read all: it is told to, once, and asks again. */
static void reads_on(void **state)
{
    struct wire w;
    begin(&w, false);
    ask(&w, 4, 4, 4, 4);
    assert_int_equal(told(&w).kind, INLINE_STAYS); /* more was sent than it says to have written */
    ask(&w, 4, 5, 4, 4);
    assert_int_equal(told(&w).kind, INLINE_READ_ON);
    ask(&w, 4, 5, 4, 4);
    nothing_told(&w);
    ask(&w, 5, 5, 4, 4);
    assert_int_equal(told(&w).kind, INLINE_LEFT);
    wire_fini(&w);
}

/* Nothing is acknowledged in 200 ms, or too much is held: all of it goes to the socket, in order, and nothing has
 * changed. */
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
            const struct tcp_segment s = built(&w, i, TX_ASIDE);
            assert_int_equal(s.seq, CLIENT_SEQ + 6 + 3 * i);
            assert_int_equal(s.len, 3);
        }
        wire_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves),
        cmocka_unit_test(holds),
        cmocka_unit_test(reads_on),
        cmocka_unit_test(stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
