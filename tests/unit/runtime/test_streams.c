/* Connections to proxy services in a replay: with any order of their bytes they get the same server as at once, and
 * their memory is limited. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/report/said/streams.h"
#include "tests/lib/rng.h"
#include "tests/unit/vm/world.h"

enum { HEADERS = 14 + 20 + 20, FRAME = HEADERS + 1500, SERVER_PORT = 80 };

struct wire {
    struct streams *streams;
    struct program *program;
    struct vm_in in;
    uint64_t frame;
    uint8_t bytes[FRAME];
};

static void put(uint8_t *at, uint32_t v, unsigned n)
{
    while (n--) at[n] = (uint8_t)v, v >>= 8;
}

static void wire_init(struct wire *w, const char *mode)
{
    static const struct facts nothing = {.generation = 1};
    char text[300];
    bool failed = false;
    snprintf(text, sizeof text,
             "pool p { balance source; server a 10.0.0.1; server b 10.0.0.2; server c 10.0.0.3 }\n"
             "service s on 203.0.113.10 tcp/80 { mode %s; -> p }\n",
             mode);
    *w = (struct wire){.program = world_compile(text), .in = {.mono_ns = 1000 * S, .facts = &nothing}};
    w->streams = streams_new(w->program, 7, false, &failed);
    assert_non_null(w->streams);
}

static void wire_fini(struct wire *w)
{
    streams_free(w->streams);
    program_put(w->program);
}

/* Return the server of this client's segment. */
static uint32_t sent(struct wire *w, uint32_t client, uint32_t seq, uint8_t flags, const void *bytes, uint32_t n)
{
    struct pkt pkt;
    struct verdict v = {.action = ACTION_FORWARD, .service = 0, .server = PBC_NONE, .rule = RULE_DEFAULT};
    uint8_t *ip = w->bytes + 14, *tcp = ip + 20;
    memset(w->bytes, 0, HEADERS);
    put(w->bytes + 12, 0x0800, 2);
    ip[0] = 0x45, ip[8] = 64, ip[9] = 6;
    put(ip + 2, 40 + n, 2);
    put(ip + 12, client, 4);
    put(ip + 16, 0xcb00710a, 4);
    put(tcp, 1000, 2);
    put(tcp + 2, SERVER_PORT, 2);
    put(tcp + 4, seq, 4);
    tcp[12] = 0x50, tcp[13] = flags;
    memcpy(tcp + 20, bytes, n);
    pkt_view(&pkt, w->bytes, HEADERS + n, HEADERS + n, LINK_ETHER, IFACE_NONE);
    streams_judged(w->streams, &w->in, &pkt, ++w->frame, &v);
    return v.server;
}

static void open(struct wire *w, uint32_t client, uint32_t seq)
{
    assert_int_equal(sent(w, client, seq - 1, TCP_SYN, "", 0), PBC_NONE);
    sent(w, client, seq, TCP_ACK, "", 0);
}

static const char request[] = "POST /a/b?c HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nX: y\r\n\r\nhello";

/* Send pieces in any order, some twice, with other bytes the second time. */
static void in_pieces(struct rng *g, struct wire *w, uint32_t client, uint32_t due)
{
    enum { N = sizeof request - 1 };
    uint32_t order[N], seq = (uint32_t)rng_next(g), got = PBC_NONE;
    bool there[N] = {false};
    uint32_t head = 0, most = 1 + rng_below(g, 9);
    open(w, client, seq);
    for (uint32_t i = 0; i < N; i++) order[i] = i;
    for (uint32_t i = N; i > 1; i--) {
        const uint32_t at = rng_below(g, i), was = order[at];
        order[at] = order[i - 1], order[i - 1] = was;
    }
    for (uint32_t i = 0; i < N; i++) {
        uint32_t n = 1 + rng_below(g, most);
        if (order[i] + n > N) n = N - order[i];
        got = sent(w, client, seq + order[i], TCP_ACK, request + order[i], n);
        for (uint32_t k = order[i]; k < order[i] + n; k++) there[k] = true;
        while (head < N && there[head]) head++;
        assert_int_equal(got, head >= N - 5 ? due : PBC_NONE);
        if (rng_one_in(g, 4)) sent(w, client, seq + order[i], TCP_ACK, "******************", n);
    }
    assert_int_equal(got, due);
}

static void any_pieces(void **state)
{
    (void)state;
    struct rng g = {.state = 3};
    struct wire w;
    wire_init(&w, "proxy http");
    for (uint32_t i = 0; i < 300; i++) {
        open(&w, i, 50);
        const uint32_t due = sent(&w, i, 50, TCP_ACK, request, sizeof request - 1);
        assert_int_not_equal(due, PBC_NONE);
        in_pieces(&g, &w, i, due); /* a SYN of another number begins another connection of the same client */
    }
    const struct streams_sum sum = streams_sum(w.streams);
    assert_int_equal(sum.all, 600);
    assert_int_equal(sum.connections[SAID_CHOSEN], 600);
    wire_fini(&w);
}

/* Connections that many clients begin and don't end are limited, and late ones hold nothing. */
static void floods(void **state)
{
    (void)state;
    static uint8_t half[1400];
    struct wire w;
    memset(half, 'a', sizeof half);
    memcpy(half, "GET / HTTP/1.1\r\nX: ", 19);
    wire_init(&w, "proxy http");
    for (uint32_t i = 0; i < 40000; i++) {
        open(&w, i, 1);
        sent(&w, i, 1, TCP_ACK, half, sizeof half);
        w.in.mono_ns += 1000;
    }
    struct streams_sum sum = streams_sum(w.streams);
    assert_true(sum.connections[SAID_CROWDED] > 5000);
    assert_in_range(sum.connections[SAID_READING], 20000, 32768);
    assert_int_equal(sum.connections[SAID_CROWDED] + sum.connections[SAID_READING], 40000);
    w.in.mono_ns += 3600 * S;
    open(&w, 99999, 1);
    sum = streams_sum(w.streams);
    assert_int_equal(sum.connections[SAID_READING], 1);
    for (uint32_t i = 0; i < 200000; i++) sent(&w, i, 7, TCP_SYN, "", 0);
    assert_int_equal(streams_sum(w.streams).all, 240001);
    wire_fini(&w);
}

/* Arbitrary bytes do no harm. */
static void garbage(void **state)
{
    (void)state;
    struct rng g = {.state = 8};
    struct wire w;
    uint8_t bytes[200];
    wire_init(&w, "proxy http");
    for (unsigned i = 0; i < 100000; i++) {
        const uint32_t n = rng_below(&g, sizeof bytes);
        for (uint32_t k = 0; k < n; k++)
            bytes[k] = rng_one_in(&g, 3) ? (uint8_t)rng_next(&g) : (uint8_t)request[rng_below(&g, sizeof request)];
        if (rng_one_in(&g, 3)) memcpy(bytes, request, n < sizeof request - 1 ? n : sizeof request - 1);
        w.in.mono_ns += rng_below(&g, 50) * MS;
        sent(&w, rng_below(&g, 20), rng_below(&g, 300), (uint8_t)(rng_one_in(&g, 4) ? rng_next(&g) : TCP_ACK), bytes,
             n);
    }
    wire_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_pieces), cmocka_unit_test(floods),
                                       cmocka_unit_test(garbage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
