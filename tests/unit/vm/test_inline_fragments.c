/* Fragments of wire connections that have left the inline stack: a segment's fragments leave as those of the
 * translated segment, in any order of arrival. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm/inline_leave.h"

enum { IP_LEN = 20, ID_AT = 4, FRAG_AT = 6, SUM_AT = 10, MORE = 0x2000 };
#define LONG_WORD "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Write a fragment of a complete IPv4 frame with `len` bytes from `offset` on. Return its length. */
static uint32_t fragment_of(const struct frame *f, uint32_t offset, uint32_t len, bool more, uint8_t at[FRAME_MOST])
{
    uint8_t whole[FRAME_MOST];
    const uint32_t all = frame_bytes(f, whole), ip = frame_link(f, at);
    if (offset + len > all - ip - IP_LEN) len = all - ip - IP_LEN - offset;
    memcpy(at, whole, ip + IP_LEN);
    memcpy(at + ip + IP_LEN, whole + ip + IP_LEN + offset, len);
    frame_word(at + ip + 2, IP_LEN + len, 2);
    frame_word(at + ip + FRAG_AT, (more ? MORE : 0) | offset / 8, 2);
    frame_word(at + ip + SUM_AT, 0, 2);
    frame_word(at + ip + SUM_AT, plain_sum(at + ip, IP_LEN, 0), 2);
    return ip + IP_LEN + len;
}

/* Write fragment 0, 1 or 2 of a segment, with 40, 16 bytes and the rest */
static uint32_t piece_of(const struct frame *f, unsigned i, uint8_t at[FRAME_MOST])
{
    static const uint32_t offset[] = {0, 40, 56};
    return fragment_of(f, offset[i], i < 2 ? offset[i + 1] - offset[i] : FRAME_MOST, i < 2, at);
}

static void piece_comes(struct wire *w, const struct frame *f, unsigned i, unsigned port)
{
    uint8_t bytes[FRAME_MOST];
    const uint32_t len = piece_of(f, i, bytes);
    sender_clear(&w->s);
    packet_view(&packet, bytes, len, len, LINK_ETHER);
    packet.pkt.iface = (uint16_t)port;
    struct pkt *const pkts[] = {&packet.pkt};
    vm_run(w->s.vm, &w->s.in, pkts, 1, &w->s.v, &w->s.tx);
}

/* Check that entry `at` is that fragment of the segment, byte by byte. */
static void piece_left(struct wire *w, unsigned at, const struct frame *f, unsigned i, unsigned port)
{
    uint8_t bytes[FRAME_MOST];
    const uint32_t len = piece_of(f, i, bytes);
    assert_true(at < w->s.tx.count);
    const struct tx_entry *e = &w->s.entries[at];
    assert_int_equal(e->kind, TX_SEND);
    assert_int_equal(e->out_if, port);
    assert_int_equal(e->pkt->head_len, len);
    assert_memory_equal(e->pkt->data, bytes, len);
}

static void crosses(struct wire *w, const struct frame *f, const struct frame *as, unsigned to)
{
    for (unsigned i = 0; i < 3; i++) {
        piece_comes(w, f, i, !to);
        assert_int_equal(w->s.tx.count, 1);
        assert_int_equal(w->s.v.action, ACTION_FORWARD);
        piece_left(w, 0, as, i, to);
    }
}

/* Each leaves at once, both ways, under any tags; then both ends continue after this data, and are reset there. */
static void in_order(void **state)
{
    (void)state;
    struct wire w;
    const uint32_t len = sizeof LONG_WORD - 1;
    for (int tags = 0; tags < 3; tags++) {
        begin_with(&w, false, tags, &plain_syns);
        spliced(&w);
        struct frame f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, LONG_WORD);
        struct frame as = with(&w.client, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, LONG_WORD);
        crosses(&w, &f, &as, RIGHT);
        f = with(&w.server, ACK, SERVER_SEQ + 5, OWN_SEQ + 6 + len, LONG_WORD);
        as = with(&w.server, ACK, OUR_SEQ + 5, CLIENT_SEQ + 6 + len, LONG_WORD);
        crosses(&w, &f, &as, LEFT);
        f = with(&w.client, ACK, CLIENT_SEQ + 6 + len, OUR_SEQ + 5 + len, NULL);
        comes(&w, &f, LEFT);
        as = with(&w.client, ACK, OWN_SEQ + 6 + len, SERVER_SEQ + 5 + len, NULL);
        left_by(&w, &as, RIGHT);
        const struct inline_ask end = {.kind = INLINE_END, .number = 0, .port = 1024};
        sender_clear(&w.s);
        vm_inline_ask(w.s.vm, &w.s.in, &end, &w.s.tx);
        assert_int_equal(w.s.tx.count, 2);
        assert_int_equal(built(&w, 0, TX_SEND).seq, OUR_SEQ + 5 + len);
        assert_int_equal(built(&w, 1, TX_SEND).seq, OWN_SEQ + 6 + len);
        assert_int_equal(carried[0].bytes[AT_CLIENT], len);
        wire_fini(&w);
    }
}

/* Later ones wait for their first. */
static void first_is_last(void **state)
{
    (void)state;
    struct wire w;
    begin(&w, false);
    spliced(&w);
    const struct frame f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, LONG_WORD);
    const struct frame as = with(&w.client, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, LONG_WORD);
    for (unsigned i = 2; i > 0; i--) {
        piece_comes(&w, &f, i, LEFT);
        nothing_left(&w);
        assert_int_equal(w.s.v.action, ACTION_HELD);
    }
    piece_comes(&w, &f, 0, LEFT);
    unsigned sent = 0, order[] = {0, 2, 1};
    for (unsigned i = 0; i < w.s.tx.count; i++) {
        if (w.s.entries[i].kind == TX_SEND) {
            assert_in_range(sent, 0, 2);
            piece_left(&w, i, &as, order[sent++], RIGHT);
        }
    }
    assert_int_equal(sent, 3);
    wire_fini(&w);
}

/* A header that would get shorter, because the server has no timestamps, is padded; one that would grow is
 * impossible. */
static void timestamps(void **state)
{
    static const char stamps[] = "\1\1\10\12\0\0\0\1\0\0\0\0", none[] = "\1\1\1\1\1\1\1\1\1\1\1\1";
    (void)state;
    struct wire w;
    for (unsigned grows = 0; grows < 2; grows++) {
        struct syns o = plain_syns;
        o.client = o.listener = grows ? none : stamps;
        o.own = o.server = grows ? stamps : none;
        o.len = 12;
        begin_with(&w, false, 0, &o);
        spliced(&w);
        struct frame f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, LONG_WORD);
        if (!grows) f = offering(&f, stamps, 12);
        piece_comes(&w, &f, 0, LEFT);
        if (grows) {
            assert_int_equal(w.s.v.reason, REASON_UNTRANSLATABLE);
        } else {
            assert_int_equal(w.s.tx.count, 1);
            const uint8_t *tcp = w.s.entries[0].pkt->data + 34;
            assert_int_equal(tcp[12] >> 4, 8);
            assert_memory_equal(tcp + 20, none, 12);
        }
        piece_comes(&w, &f, 1, LEFT);
        assert_int_equal(w.s.tx.count, !grows);
        wire_fini(&w);
    }
}

/* Fragments after their connection's end don't leave. */
static void over(void **state)
{
    (void)state;
    struct wire w;
    begin(&w, false);
    spliced(&w);
    struct frame f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, LONG_WORD);
    piece_comes(&w, &f, 0, LEFT);
    assert_int_equal(w.s.tx.count, 1);
    const struct frame end = with(&w.client, RST, CLIENT_SEQ + 6 + 20, 0, NULL);
    comes(&w, &end, LEFT);
    ticks(&w, 11 * S);
    ticks(&w, 11 * S);
    piece_comes(&w, &f, 1, LEFT);
    nothing_left(&w);
    assert_int_equal(w.s.v.reason, REASON_NO_FLOW);
    wire_fini(&w);
}

/* A first fragment's service is gone: the later fragments leave nowhere. */
static void service_gone(void **state)
{
    static const char others[] = "firewall f default accept {}\nservice t on any tcp/81 { mode proxy inline }\n";
    (void)state;
    struct wire w;
    wire_init(&w, SERVER_FIRST, false, 0);
    open_server_first(&w);
    const struct frame f = with(&w.client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, LONG_WORD);
    piece_comes(&w, &f, 0, LEFT);
    assert_int_equal(w.s.entries[0].kind, TX_INLINE_STACK);
    reload(&w, others);
    reload(&w, others);
    piece_comes(&w, &f, 1, LEFT);
    nothing_left(&w);
    assert_int_equal(w.s.v.action, ACTION_DROP);
    assert_int_equal(w.s.v.reason, REASON_NO_FLOW);
    wire_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order), cmocka_unit_test(first_is_last), cmocka_unit_test(timestamps),
        cmocka_unit_test(over),     cmocka_unit_test(service_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
