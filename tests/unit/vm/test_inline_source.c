/* Connections to a service of this machine with `splice packets`, with the inline stack played here: the source that
 * its servers see, which nobody else gets meanwhile, and packets without a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm/inline_wire.h"

#define RULES(pool, mode)                                                                                              \
    "firewall f default accept {}\npool p { " pool "; server a 10.9.0.1:8080 }\n"                                      \
    "service s on 10.1.0.2 tcp/80 { mode proxy" mode "; splice packets; -> p }\n"
#define OWN       RULES("retries 1", "")
#define SOURCE    RULES("source 192.0.2.7 ports 20000-20001", "")
#define CLIENTS   RULES("retries 1", " transparent")
#define BESIDE    SOURCE "service t on 10.1.0.3 tcp/80 { mode passthrough; -> p }\n"
#define OURS      0x0a090002u /* 10.9.0.2 */
#define SERVER_AT 0x0a090001u

static void begin(struct wire *w, const char *rules)
{
    wire_init(w, rules, false, BARE);
    w->client.tags = w->server.tags = 0;
    w->client.dst[0] = 0x0a010002;
    w->s.facts.bridges = false;
    for (unsigned i = 0; i < PORTS; i++) w->ifaces[i].peer = IFACE_NONE;
    w->s.facts.addr4 = OURS;
}

/* The ends of a segment that left for a server or a client */
struct ends {
    uint32_t src, dst;
    uint16_t sport, dport, flags;
};
static struct ends sent(struct wire *w)
{
    struct key key;
    assert_int_equal(w->s.tx.count, 1);
    assert_int_equal(w->s.entries[0].kind, TX_SEND);
    assert_int_equal(pkt_parse(w->s.entries[0].pkt, NULL, &key), REASON_NONE);
    return (struct ends){key.src[0], key.dst[0], key.src_port, key.dst_port, key.marks & 0xff};
}

/* Begin a client's connection, and connect our socket to the server. */
static void connects(struct wire *w, uint32_t number, uint16_t use)
{
    const uint32_t id = program_server_id(w->s.program, 0);
    syn(w, CLIENT_SEQ, number, use);
    w->own.dport = inline_port(id);
    w->own.ttl = inline_ttl(id);
    const struct frame f = with(&w->own, SYN, OWN_SEQ, 0, NULL);
    says(w, &f);
}

static struct frame answer(const struct ends *to, uint8_t flags)
{
    return (struct frame){.to = CLIENT_MAC,
                          .from = SERVER_MAC,
                          .ttl = 60,
                          .src = {to->dst},
                          .dst = {to->src},
                          .sport = to->dport,
                          .dport = to->sport,
                          .seq = SERVER_SEQ,
                          .ack = OWN_SEQ + 1,
                          .window = 500,
                          .flags = flags};
}

/* This machine's own address and a reserved port; packets that come back there are the server's. */
static void own_address(void **state)
{
    struct wire w;
    begin(&w, OWN);
    connects(&w, 0, 1024);
    const struct ends e = sent(&w);
    assert_int_equal(e.src, OURS);
    assert_int_equal(e.dst, SERVER_AT);
    assert_int_equal(e.dport, 8080);
    assert_in_range(e.sport, PBC_OWN_PORT_LO, 65535);
    struct frame f = answer(&e, SYN | ACK);
    comes(&w, &f, RIGHT);
    f = made(&f, INLINE_SERVER, INLINE_OWN, 0, w.own_port);
    f.sport = w.own.dport;
    left(&w, 0, TX_INLINE_STACK, &f);
    f = with(&w.own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, "hallo");
    says(&w, &f);
    assert_int_equal(sent(&w).src, OURS);
    f = with(&w.listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    says(&w, &f);
    assert_int_equal(sent(&w).src, 0x0a010002);
    assert_int_equal(sent(&w).dst, 0x0a010001);
    wire_fini(&w);
}

static void no_address(void **state)
{
    struct wire w;
    begin(&w, OWN);
    w.s.facts.addr4 = 0;
    connects(&w, 0, 1024);
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).flags & RST, RST);
    wire_fini(&w);
}

static void transparent(void **state)
{
    struct wire w;
    begin(&w, CLIENTS);
    connects(&w, 0, 1024);
    assert_int_equal(sent(&w).src, 0x0a010001);
    assert_int_equal(sent(&w).sport, 40000);
    wire_fini(&w);
}

/* Each port has one connection: a third finds none, nor does `mode passthrough`, until the first is over. */
static void each_its_own(void **state)
{
    struct wire w;
    struct ends e[2];
    begin(&w, BESIDE);
    for (unsigned i = 0; i < 2; i++, w.client.sport++, w.own_port++) {
        connects(&w, i, 1024);
        e[i] = sent(&w);
        assert_int_equal(e[i].src, 0xc0000207);
    }
    assert_int_equal(e[0].sport + e[1].sport, 20000 + 20001);
    connects(&w, 2, 1024);
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).flags & RST, RST);
    struct frame f = with(&w.client, SYN, 7, 0, NULL);
    f.dst[0] = 0x0a010003;
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.v.action, ACTION_DROP);
    assert_int_equal(w.s.v.reason, REASON_NO_SOURCE_PORT);
    f = answer(&e[0], RST | ACK);
    comes(&w, &f, RIGHT);
    f = made(&w.client, INLINE_NONE, INLINE_CLIENT, 0, 1024);
    f.flags = RST;
    says(&w, &f);
    sender_clear(&w.s);
    w.s.in.mono_ns += 70 * S;
    vm_tick(w.s.vm, &w.s.in, &w.s.tx);
    f = with(&w.client, SYN, 7, 0, NULL);
    f.dst[0] = 0x0a010003;
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.v.action, ACTION_FORWARD);
    assert_int_equal(sent(&w).sport, e[0].sport);
    w.client.sport++;
    w.own_port++;
    connects(&w, 0, 1025);
    assert_int_equal(built(&w, 0, TX_INLINE_STACK).flags & RST, RST); /* `mode passthrough` has that port now */
    wire_fini(&w);
}

/* Packets that open no connection are rejected, as by this machine's own stack; packets with our source belong to
 * none. */
static void nobodys(void **state)
{
    struct wire w;
    begin(&w, OWN);
    struct frame f = with(&w.client, ACK, CLIENT_SEQ, 77, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.v.action, ACTION_REJECT);
    assert_int_equal(w.s.v.reason, REASON_NO_FLOW);
    assert_int_equal(w.s.v.service, 0);
    connects(&w, 0, 1024);
    const struct ends e = sent(&w);
    f = (struct frame){.to = SERVER_MAC, .from = CLIENT_MAC, .ttl = 60, .src = {e.src}, .dst = {e.dst}};
    f.sport = e.sport;
    f.dport = e.dport;
    f.flags = RST;
    f.seq = OWN_SEQ + 1;
    comes(&w, &f, LEFT);
    for (unsigned i = 0; i < w.s.tx.count; i++) assert_int_not_equal(w.s.entries[i].kind, TX_INLINE_STACK);
    assert_int_equal(w.s.v.flags & VERDICT_REPLY, 0);
    wire_fini(&w);
}

/* Replies leave where the client was heard; by the routes while that interface is down; and where it is heard next. */
static void uplink_is_down(void **state)
{
    (void)state;
    struct wire w;
    begin(&w, OWN);
    syn(&w, CLIENT_SEQ, 0, 1024);
    struct frame f = with(&w.listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    f.mss = 1460;
    says(&w, &f);
    sent(&w);
    assert_int_equal(w.s.entries[0].out_if, LEFT);
    assert_int_equal(w.s.entries[0].family, 0);
    w.ifaces[LEFT].down = 1;
    says(&w, &f);
    sent(&w);
    assert_int_equal(w.s.entries[0].out_if, IFACE_NONE);
    assert_int_equal(w.s.entries[0].family, 4);
    assert_int_equal(w.s.entries[0].next_hop[0], w.client.src[0]);
    f = with(&w.client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, NULL);
    comes(&w, &f, RIGHT);
    f = with(&w.listener, ACK, OUR_SEQ + 1, CLIENT_SEQ + 1, NULL);
    says(&w, &f);
    sent(&w);
    assert_int_equal(w.s.entries[0].out_if, RIGHT);
    wire_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(own_address), cmocka_unit_test(no_address),
                                       cmocka_unit_test(transparent), cmocka_unit_test(each_its_own),
                                       cmocka_unit_test(nobodys),     cmocka_unit_test(uplink_is_down)};
    const int status = cmocka_run_group_tests(tests, NULL, NULL);
    beside.kernel = true;
    return status + cmocka_run_group_tests_name("beside the kernel", tests, NULL, NULL);
}
