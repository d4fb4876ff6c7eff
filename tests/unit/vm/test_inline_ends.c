/* Wire connections that end, or continue, differently than their ends expect: both are informed, with the layer 2 of
 * each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm/inline_wire.h"
#include "vm/packet/wire.h"

#define POOLS                                                                                                          \
    "firewall f default accept {}\n"                                                                                   \
    "pool p { server a 10.1.0.9:81 mac 02:00:00:00:00:09 vlan 9; server b 10.1.0.8 }\n"                                \
    "service s on any tcp/any { mode proxy inline; else -> p }\n"
enum { A = INLINE_SERVERS, B, E };

/* Send the proxy loop's SYN to a server, from a new port. */
static struct frame connects(struct wire *w, uint16_t server)
{
    struct frame f = with(&w->own, SYN, OWN_SEQ, 0, NULL);
    f.sport = ++w->own_port;
    f.dport = server;
    f.ttl = server == INLINE_ORIGINAL ? 64 : INLINE_TTL;
    says(w, &f);
    assert_int_equal(w->s.tx.count, 1);
    f = with(&w->client, SYN, OWN_SEQ, 0, NULL);
    if (server != INLINE_ORIGINAL) f.dst[0] = 0x0a010000 | (server == A ? 9 : server == B ? 8 : 7);
    if (server == A) f.dport = 81;
    return f;
}

static void to_a(struct wire *w)
{
    struct frame f = connects(w, A);
    f.to = 0x020000000009;
    f.tpid[0] = 0x8100;
    f.tci[0] = 9 | 3 << 13;
    f.tags = 1;
    left_by(w, &f, RIGHT);
}

/* A client's connection goes to servers of a pool, and to the original destination: each time with that server's
 * layer 2, whichever it was before. */
static void another_server(void **state)
{
    static const uint16_t ways[2] = {IFACE_NONE, LEFT};
    struct wire w;
    wire_init(&w, POOLS, false, 1);
    w.s.facts.server_out = ways;
    syn(&w, CLIENT_SEQ, 0, 1024);
    for (unsigned times = 0; times < 2; times++) {
        to_a(&w);
        connects(&w, B);
        assert_int_equal(w.s.entries[0].out_if, LEFT);
        assert_int_equal(w.s.entries[0].family, 4);
        assert_int_equal(w.s.entries[0].next_hop[0], 0x0a010008);
        to_a(&w);
        const struct frame f = connects(&w, INLINE_ORIGINAL);
        left_by(&w, &f, RIGHT);
        /* The old server's late packets don't belong to the connection */
        struct frame late = with(&w.server, ACK, 5, OWN_SEQ + 1, "late");
        late.src[0] = 0x0a010009;
        late.sport = 81;
        late.from = 0x020000000009;
        late.tci[0] = 9;
        comes(&w, &late, RIGHT);
        nothing_left(&w);
    }
    wire_fini(&w);
}

/* Whichever server was chosen, with a MAC address and tags or by a route: the client's frames come from its original
 * destination, under the client's tags. */
static void keeps_the_link_of_the_original(void **state)
{
    static const uint16_t ways[2] = {IFACE_NONE, LEFT};
    struct wire w;
    wire_init(&w, POOLS, false, 1);
    w.s.facts.server_out = ways;
    syn(&w, CLIENT_SEQ, 0, 1024);
    for (unsigned which = 0; which < 4; which++) {
        const uint16_t server = (uint16_t[]){A, INLINE_ORIGINAL, B, A}[which];
        connects(&w, server);
        struct frame f = with(&w.server, SYN | ACK, SERVER_SEQ, OWN_SEQ + 1, NULL);
        if (server == A) f.src[0] = 0x0a010009, f.sport = 81, f.from = 0x020000000009, f.tci[0] = 9;
        comes(&w, &f, RIGHT);
        const struct frame sent = with(&w.listener, ACK, OUR_SEQ + 1, CLIENT_SEQ + 1, "hello");
        says(&w, &sent);
        assert_int_equal(w.s.tx.count, 1);
        const uint8_t *left = w.s.entries[0].pkt->data;
        assert_int_equal(wire_get48(left), CLIENT_MAC);
        assert_int_equal(wire_get48(left + 6), SERVER_MAC);
        assert_int_equal(wire_get16(left + 14), server == INLINE_ORIGINAL ? w.server.tci[0] : w.client.tci[0]);
    }
    wire_fini(&w);
}

/* The SYN of a client that gave up while its server was silent: the socket of its earlier try is reset. */
static void waited(void **state)
{
    struct wire w;
    wire_init(&w, SERVER_FIRST, false, 0);
    syn(&w, CLIENT_SEQ, 0, 1024);
    struct frame f = with(&w.listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    says(&w, &f);
    own_syn(&w);
    f = with(&w.client, SYN, 77, 0, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.tx.count, 2);
    const struct tcp_segment s = built(&w, 0, TX_INLINE_STACK);
    assert_int_equal(s.flags, RST);
    assert_int_equal(s.seq, CLIENT_SEQ + 1);
    f = made(&f, INLINE_CLIENT, INLINE_NONE, 0, 1025);
    left(&w, 1, TX_INLINE_STACK, &f);
    assert_int_equal(w.s.entries[1].cause, TX_CAUSE_INLINE);
    wire_fini(&w);
}

static void ticks(struct wire *w, uint64_t after)
{
    sender_clear(&w->s);
    w->s.in.mono_ns += after;
    vm_tick(w->s.vm, &w->s.in, &w->s.tx);
}

/* The server's leg is reset, by the server or by us, and the client, silent for an hour, is led to another server.
 * The connection ends when the loop ends it or resets the client, or when the client resets it, regardless of the
 * old server. */
static void a_leg_is_reset(void **state)
{
    const struct inline_ask end = {.kind = INLINE_END, .number = 0, .port = 1024};
    for (unsigned which = 0; which < 6; which++) {
        const bool by_server = which & 1;
        struct inline_open o;
        struct wire w;
        wire_init(&w, SERVER_FIRST, false, 0);
        open_server_first(&w);
        talks(&w);
        struct frame f =
            by_server ? with(&w.server, RST, SERVER_SEQ + 5, 0, NULL) : with(&w.own, RST, OWN_SEQ + 6, 0, NULL);
        by_server ? comes(&w, &f, RIGHT) : says(&w, &f);
        ticks(&w, 3600 * S);
        assert_true(vm_inline_open(w.s.vm, 0, &o));
        f = with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, "more");
        comes(&w, &f, LEFT);
        assert_int_equal(built(&w, 0, TX_INLINE_STACK).seq, CLIENT_SEQ + 6);
        f = connects(&w, INLINE_ORIGINAL);
        left_by(&w, &f, RIGHT);
        sender_clear(&w.s);
        f = which < 4 ? with(&w.listener, RST, OUR_SEQ + 5, 0, NULL)
                      : with(&w.client, RST, CLIENT_SEQ + 10, OUR_SEQ + 5, NULL);
        if (which < 2)
            vm_inline_ask(w.s.vm, &w.s.in, &end, &w.s.tx);
        else if (which < 4)
            says(&w, &f);
        else
            comes(&w, &f, LEFT);
        f = with(&w.server, SYN | ACK, SERVER_SEQ, OWN_SEQ + 1, NULL);
        comes(&w, &f, RIGHT);
        ticks(&w, 9 * S);
        assert_true(vm_inline_open(w.s.vm, 0, &o));
        ticks(&w, 3 * S);
        assert_false(vm_inline_open(w.s.vm, 0, &o));
        wire_fini(&w);
    }
}

/* The loop ends a long silent session: the reset of the client's socket, a moment later, reaches the client. */
static void ends_after_silence(void **state)
{
    const struct inline_ask end = {.kind = INLINE_END, .number = 0, .port = 1024};
    struct wire w;
    wire_init(&w, SERVER_FIRST, false, 0);
    open_server_first(&w);
    talks(&w);
    ticks(&w, 600 * S);
    vm_inline_ask(w.s.vm, &w.s.in, &end, &w.s.tx);
    ticks(&w, 2 * S);
    struct frame f = with(&w.listener, RST, OUR_SEQ + 5, 0, NULL);
    says(&w, &f);
    assert_int_equal(built(&w, 0, TX_SEND).flags, RST);
    wire_fini(&w);
}

/* A leg to another server doesn't end with the one before. */
static void another_leg_goes_on(void **state)
{
    struct inline_open o;
    struct wire w;
    wire_init(&w, SERVER_FIRST, false, 0);
    open_server_first(&w);
    talks(&w);
    struct frame f = with(&w.server, RST, SERVER_SEQ + 5, 0, NULL);
    comes(&w, &f, RIGHT);
    connects(&w, INLINE_ORIGINAL);
    f = with(&w.client, FIN | ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, NULL);
    comes(&w, &f, LEFT);
    f = with(&w.listener, FIN | ACK, OUR_SEQ + 5, CLIENT_SEQ + 7, NULL);
    says(&w, &f);
    ticks(&w, 60 * S);
    assert_true(vm_inline_open(w.s.vm, 0, &o));
    wire_fini(&w);
}

/* Check that its socket and the client are reset, at the next numbers. */
static void both_reset(struct wire *w, uint32_t client_next, uint32_t our_next)
{
    assert_int_equal(w->s.tx.count, 2);
    struct tcp_segment s = built(w, 0, TX_INLINE_STACK);
    assert_int_equal(s.flags, RST);
    assert_int_equal(s.seq, client_next);
    s = built(w, 1, TX_SEND);
    assert_int_equal(s.flags, RST | ACK);
    assert_int_equal(s.seq, our_next);
    assert_int_equal(s.ack, client_next);
    assert_int_equal(w->s.entries[1].out_if, LEFT);
}

/* Nobody has sent for as long as `established` allows. */
static void idle(void **state)
{
    struct wire w;
    wire_init(&w, "timeouts { tcp established 60s }\n" SERVER_FIRST, false, 2);
    open_server_first(&w);
    talks(&w);
    ticks(&w, 59 * S);
    nothing_left(&w);
    ticks(&w, 3 * S);
    both_reset(&w, CLIENT_SEQ + 6, OUR_SEQ + 5);
    /* The proxy loop resets the server */
    struct frame f = with(&w.own, RST | ACK, OWN_SEQ + 6, SERVER_SEQ + 5, NULL);
    says(&w, &f);
    f = with(&w.client, RST | ACK, OWN_SEQ + 6, SERVER_SEQ + 5, NULL);
    left_by(&w, &f, RIGHT);
    ticks(&w, 12 * S);
    nothing_left(&w);
    wire_fini(&w);
}

/* The service is gone, and no session of the proxy loop holds it: its connections are reset, opened or not, and so
 * are later packets; the next SYN begins another connection. */
static void gone(void **state)
{
    static const char left_over[] = "firewall f default accept {}\nservice t on any tcp/81 { mode proxy inline }\n";
    struct wire w;
    for (unsigned opened = 0; opened < 2; opened++) {
        wire_init(&w, SERVER_FIRST, false, 0);
        if (opened)
            open_server_first(&w);
        else
            syn(&w, CLIENT_SEQ, 0, 1024);
        reload(&w, left_over);
        reload(&w, left_over);
        struct frame f = with(&w.client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, "hallo");
        if (opened) {
            comes(&w, &f, LEFT);
            assert_int_equal(built(&w, 0, TX_SEND).flags, RST);
            assert_int_equal(built(&w, 0, TX_SEND).seq, OUR_SEQ + 1);
        }
        ticks(&w, S);
        both_reset(&w, CLIENT_SEQ + 1, opened ? OUR_SEQ + 1 : 0);
        ticks(&w, S);
        nothing_left(&w);
        f = with(&w.client, SYN, 77, 0, NULL);
        comes(&w, &f, LEFT);
        nothing_left(&w);
        assert_int_equal(w.s.v.action, ACTION_ACCEPT);
        wire_fini(&w);
    }
}

/* The proxy loop chose with another program than the worker's: after any number of reloads the right server is used.
 * One that the worker doesn't know yet waits for the SYN's retransmission. */
static void across_reloads(void **state)
{
    static const char other[] = "pool o { server e 10.1.0.7 }\n" POOLS;
    struct wire w;
    wire_init(&w, POOLS, false, 1);
    syn(&w, CLIENT_SEQ, 0, 1024);
    struct frame f = with(&w.own, SYN, OWN_SEQ, 0, NULL);
    f.dport = E;
    f.ttl = INLINE_TTL;
    says(&w, &f);
    nothing_left(&w);
    for (unsigned times = 0; times < 5; times++) {
        reload(&w, other);
        to_a(&w);
        f = connects(&w, E);
        assert_int_equal(wire_get32(w.s.entries[0].pkt->data + w.s.entries[0].pkt->l3 + 16), 0x0a010007);
        reload(&w, POOLS);
        to_a(&w);
    }
    wire_fini(&w);
}

static void ids_as_ports(void **state)
{
    static const uint32_t ids[] = {0, 1, 65532, 65533, 65534, 65535, 1000000, 253 * 65533};
    for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) {
        assert_true(inline_is_id(ids[i]));
        assert_true(inline_port(ids[i]) >= INLINE_SERVERS);
        assert_int_equal(inline_id(inline_port(ids[i]), inline_ttl(ids[i])), ids[i]);
    }
    assert_false(inline_is_id(254 * 65533));
    assert_int_equal(inline_id(INLINE_ORIGINAL, 64), UINT32_MAX);
    assert_int_equal(inline_id(INLINE_TARGETS, 64), UINT32_MAX);
    assert_int_equal(inline_id(INLINE_SERVERS, 1), UINT32_MAX);
}

/* The client of `server first` gets an error about our SYN to a server of a pool, under its own tags. */
static void error_of_another_stack(void **state)
{
    uint8_t bytes[2 * FRAME_MOST];
    struct wire w;
    wire_init(&w,
              "firewall f default accept {}\n"
              "pool p { server a 10.1.0.9:81 mac 02:00:00:00:00:09 vlan 9 }\n"
              "service s on any tcp/any { mode proxy inline; server first; else -> p }\n",
              false, 2);
    syn(&w, CLIENT_SEQ, 0, 1024);
    struct frame f = with(&w.listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    says(&w, &f);
    struct frame sent = connects(&w, A);
    sent.to = CLIENT_MAC; /* of the reply */
    sent.from = 0x0200000000fe;
    sent.tags = 1;
    sent.tpid[0] = 0x8100;
    sent.tci[0] = 9;
    const uint32_t len = router_error(&sent, 0, bytes);
    sender_clear(&w.s);
    packet_view(&packet, bytes, len, len, LINK_ETHER);
    packet.pkt.iface = RIGHT;
    struct pkt *const pkts[] = {&packet.pkt};
    vm_run(w.s.vm, &w.s.in, pkts, 1, &w.s.v, &w.s.tx);
    assert_int_equal(w.s.tx.count, 2);
    assert_int_equal(w.s.entries[0].kind, TX_INLINE_STACK);
    const struct tx_entry *e = &w.s.entries[1];
    assert_int_equal(e->kind, TX_SEND);
    assert_int_equal(e->out_if, LEFT);
    assert_int_equal(wire_get48(e->pkt->data), CLIENT_MAC);
    assert_int_equal(wire_get32(e->pkt->data + 12), 0x88a86005);
    assert_int_equal(wire_get32(e->pkt->data + 16), 0x81001007);
    assert_int_equal(wire_get16(e->pkt->data + 20), 0x0800);
    assert_int_equal(e->pkt->head_len, 14 + 8 + len - 18);
    const uint8_t *quote = e->pkt->data + 22 + 28;
    assert_int_equal(wire_get32(quote + 16), w.client.dst[0]);
    assert_int_equal(wire_get16(quote + 22), w.client.dport);
    assert_int_equal(wire_get32(quote + 24), CLIENT_SEQ);
    wire_fini(&w);
}

/* Of too many half-open connections the oldest is evicted, and its ends are reset. An open one never is. */
static void gives_way(void **state)
{
    struct wire w;
    wire_init(&w, "limits { half_open 3 }\n" SERVER_FIRST, false, 1);
    open_server_first(&w);
    const uint16_t opened = w.client.sport;
    for (uint32_t n = 1; n < 4; n++) {
        w.client.sport = (uint16_t)(opened + n);
        syn(&w, CLIENT_SEQ, n, 1024);
        struct frame f = with(&w.listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
        says(&w, &f);
        own_syn(&w);
    }
    assert_int_equal(vm_counters(w.s.vm)->wire_gave_way, 0);
    w.client.sport = (uint16_t)(opened + 4);
    const struct frame f = with(&w.client, SYN, CLIENT_SEQ, 0, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.tx.count, 3);
    const struct tcp_segment socket = built(&w, 0, TX_INLINE_STACK), server = built(&w, 1, TX_SEND);
    assert_int_equal(socket.flags, RST);
    assert_int_equal(socket.seq, CLIENT_SEQ + 1);
    assert_int_equal(server.flags, RST);
    assert_int_equal(server.seq, OWN_SEQ + 1);
    assert_int_equal(w.s.entries[1].out_if, RIGHT);
    assert_int_equal(w.s.entries[2].cause, TX_CAUSE_INLINE);
    assert_int_equal(w.s.entries[2].cookie, 1); /* the number of the evicted one */
    assert_int_equal(vm_counters(w.s.vm)->wire_gave_way, 1);
    struct inline_open o;
    assert_true(vm_inline_open(w.s.vm, 0, &o));
    assert_int_equal(o.client_port, opened);
    wire_fini(&w);
}

/* The age order survives an archive, although the oldest number isn't the lowest. */
static void gives_way_after_an_archive(void **state)
{
    static uint8_t bytes[1 << 20];
    struct wire w;
    wire_init(&w, "limits { half_open 2 }\n" SERVER_FIRST, false, 1);
    const uint16_t first = w.client.sport;
    for (uint32_t i = 0; i < 3; i++) { /* the third has the number of the first, which was evicted */
        w.client.sport = (uint16_t)(first + i);
        const struct frame f = with(&w.client, SYN, CLIENT_SEQ, 0, NULL);
        comes(&w, &f, LEFT);
        assert_int_equal(w.s.entries[w.s.tx.count - 1].cookie, i % 2);
    }
    sender_clear(&w.s);
    struct archive a = {.at = bytes, .left = sizeof bytes};
    assert_true(vm_archive(w.s.vm, &w.s.in, &a));
    const size_t len = sizeof bytes - a.left;
    vm_free(w.s.vm);
    w.s.vm = vm_new(w.s.program, &w.cfg);
    a = (struct archive){.at = bytes, .left = len, .reads = true};
    assert_true(vm_archive(w.s.vm, &w.s.in, &a));
    for (uint32_t i = 0; i < 2; i++) {
        w.client.sport = (uint16_t)(first + 3 + i);
        const struct frame f = with(&w.client, SYN, CLIENT_SEQ, 0, NULL);
        comes(&w, &f, LEFT);
        assert_int_equal(w.s.entries[w.s.tx.count - 1].cookie, !(i % 2));
    }
    wire_fini(&w);
}

/* A packet without DF that is longer than the MTU is fragmented, as by a router. */
static void cut(void **state)
{
    static const char said[] = "0123456789012345678901234567890123456789012345678901234567890123456789";
    enum { MTU = 80, HEAD = 20, IP_AT = 14, CHECKSUM_AT = 10, DF_AT = 6, ID = 0x1234 };
    uint8_t bytes[FRAME_MOST], whole[FRAME_MOST];
    struct pkt view, *pkt;
    struct wire w;
    wire_init(&w, SERVER_FIRST, false, 0);
    open_server_first(&w);
    w.ifaces[RIGHT].mtu = MTU;
    struct frame f = with(&w.own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, said);
    const uint32_t len = frame_bytes(&f, bytes);
    f = with(&w.client, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, said);
    frame_bytes(&f, whole);
    bytes[DF_AT] = 0;
    frame_word(bytes + CHECKSUM_AT, 0, 2);
    frame_word(bytes + CHECKSUM_AT, plain_sum(bytes, HEAD, 0), 2);
    sender_clear(&w.s);
    pkt_view(&view, bytes, len, len, LINK_RAW, IFACE_NONE);
    pkt = pool_copy(w.s.pool, &view);
    vm_inline_sent(w.s.vm, &w.s.in, &pkt, 1, &w.s.tx);
    assert_int_equal(w.s.tx.count, 2);
    for (uint32_t i = 0, at = 0; i < 2; i++) {
        const struct tx_entry *e = &w.s.entries[i];
        const uint8_t *ip = e->pkt->data + IP_AT;
        const uint32_t part = e->pkt->head_len - IP_AT - HEAD;
        assert_int_equal(e->out_if, RIGHT);
        assert_memory_equal(e->pkt->data, whole, IP_AT);
        assert_in_range(e->pkt->head_len - IP_AT, HEAD + 1, MTU);
        assert_int_equal(wire_get16(ip + 4), ID);
        assert_int_equal(wire_get16(ip + DF_AT), at / 8 | (i ? 0 : 0x2000));
        assert_memory_equal(ip + HEAD, whole + IP_AT + HEAD + at, part);
        at += part;
        if (i) assert_int_equal(at, len - HEAD);
    }
    wire_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_server),
        cmocka_unit_test(keeps_the_link_of_the_original),
        cmocka_unit_test(a_leg_is_reset),
        cmocka_unit_test(ends_after_silence),
        cmocka_unit_test(another_leg_goes_on),
        cmocka_unit_test(waited),
        cmocka_unit_test(idle),
        cmocka_unit_test(gone),
        cmocka_unit_test(across_reloads),
        cmocka_unit_test(ids_as_ports),
        cmocka_unit_test(error_of_another_stack),
        cmocka_unit_test(gives_way),
        cmocka_unit_test(gives_way_after_an_archive),
        cmocka_unit_test(cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
