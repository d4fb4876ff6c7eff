/* Connections through a service with `syn cookies`, between two hosts that check everything they get, with any
 * options on either side and any losses. Also floods, servers that reject, and clients that vanish. */
#include "tests/unit/vm/cookie_model.h"
#include "tests/unit/vm/sender.h"
#include "vm/flow/flow.h"
#include "vm/packet/pool_priv.h"

enum { STEP_MS = 5, LATE_MS = 120000 };

/* Return the number of draws; a third with sanitizers. LONG=1: twenty times as many. */
static unsigned drawn(unsigned n)
{
    const char *longer = getenv("LONG");
    if (longer && *longer) return 20 * n;
#ifdef __SANITIZE_ADDRESS__
    return n / 3;
#else
    return n;
#endif
}

#define RULES(mode)                                                                                                    \
    "limits { flows 256; half_open 64; maglev 251 }\n"                                                                 \
    "pool p { source 10.9.0.7, 2001:db8:9::7 ports 61000-61999\n server a 10.0.0.11:8080\n }\n"                        \
    "pool q { source 2001:db8:9::7 ports 61000-61999\n server b [2001:db8:1::11]:8080\n }\n"                           \
    "service w4 on 203.0.113.10 tcp/80 { mode " mode "; syn cookies; -> p }\n"                                         \
    "service w6 on 2001:db8::10 tcp/80 { mode " mode "; syn cookies; -> q }\n"                                         \
    "firewall f default drop { accept icmp6 type nd\n accept tcp to 203.0.113.10, 2001:db8::10 port 80 flags has syn " \
    "lacks ack\n accept state established, related }\n"

static const char *const modes[] = {RULES("passthrough"), RULES("passthrough keep source")};

struct talk {
    struct sender s;
    struct host client, server;
    struct rng rng;
    unsigned loss; /* one in so many is lost; 0: none */
    uint64_t now_ms;
    unsigned heard[2]; /* packets that the client and the server got */
};

static void talk_time(struct talk *t, uint64_t ms)
{
    t->now_ms += ms;
    t->s.in.mono_ns = 1000 * S + t->now_ms * MS;
}

/* Deliver packets that left, in order, or lose them. */
static void deliver(struct talk *t)
{
    for (unsigned i = 0; i < t->s.tx.count; i++) {
        const struct pkt *pkt = t->s.entries[i].pkt;
        const uint32_t at = t->client.v6 ? 24 : 16;
        assert_int_equal(pkt->link, LINK_RAW);
        const bool to_client = wire_get32(pkt->data + at) == t->client.me.a[0] &&
                               (!t->client.v6 || wire_get32(pkt->data + at + 12) == t->client.me.a[3]);
        if (t->loss && rng_one_in(&t->rng, t->loss)) continue;
        t->heard[!to_client]++;
        if (to_client)
            host_hear(&t->client, pkt->data, pkt->head_len, &t->server, t->now_ms);
        else
            host_hear(&t->server, pkt->data, pkt->head_len, &t->client, t->now_ms);
    }
    sender_clear(&t->s);
}

static const struct verdict *judge(struct talk *t, const struct frame *f)
{
    struct pkt pkt, *const pkts[] = {&pkt};
    pkt_view(&pkt, f->bytes, f->len, f->len, LINK_RAW, IFACE_NONE);
    sender_clear(&t->s);
    vm_run(t->s.vm, &t->s.in, pkts, 1, &t->s.v, &t->s.tx);
    t->s.packets++;
    return &t->s.v;
}

static void say(struct talk *t, struct host *h)
{
    struct frame f;
    for (unsigned burst = 0; burst < 4 && host_speak(h, t->now_ms, &f); burst++) {
        if (t->loss && rng_one_in(&t->rng, t->loss)) continue;
        judge(t, &f);
        assert_int_equal(t->s.v.action, ACTION_FORWARD);
        deliver(t);
    }
}

static void tick(struct talk *t)
{
    sender_clear(&t->s);
    vm_tick(t->s.vm, &t->s.in, &t->s.tx);
    deliver(t);
}

static void step(struct talk *t)
{
    say(t, &t->client);
    say(t, &t->server);
    talk_time(t, STEP_MS);
    tick(t);
}

static void host_init(struct host *h, struct rng *r, bool client, bool v6)
{
    static const uint16_t sizes[] = {536, 1220, 1400, 1460, 1300, 700, 0};
    *h = (struct host){.is_client = client, .v6 = v6, .at = client ? SYN_SENT : LISTEN};
    h->can_stamps = !rng_one_in(r, 3);
    h->can_sack = !rng_one_in(r, 3);
    h->can_scale = !rng_one_in(r, 3);
    h->scale = (uint8_t)rng_below(r, 10);
    h->mss = sizes[rng_below(r, 6)];
    h->clock_base = (uint32_t)rng_next(r);
    h->iss = (uint32_t)rng_next(r);
    h->una = h->nxt = h->most = h->iss;
    h->stream = rng_one_in(r, 4) ? 0 : rng_below(r, STREAM);
    h->buffer = (500u << rng_below(r, 8)) + (2u << h->scale);
    h->first_stamp = h->clock_base;
}

static void talk_init(struct talk *t, uint64_t seed, const char *rules, bool v6)
{
    memset(t, 0, sizeof *t);
    sender_init(&t->s, rules, seed & 1);
    vm_free(t->s.vm);
    t->s.vm = vm_new(t->s.program, &(struct vm_cfg){.pool = t->s.pool, .seed = seed, .naive = seed & 1});
    assert_non_null(t->s.vm);
    t->rng.state = seed;
    host_init(&t->client, &t->rng, true, v6);
    host_init(&t->server, &t->rng, false, v6);
    t->client.me = v6 ? (struct end){{0x20010db8, 0xc, 0, 1}, 50000} : (struct end){{0xc6120001}, 50000};
    t->client.peer = v6 ? (struct end){{0x20010db8, 0, 0, 0x10}, 80} : (struct end){{0xcb00710a}, 80};
    t->server.me = v6 ? (struct end){{0x20010db8, 0x10000, 0, 0x11}, 8080} : (struct end){{0x0a00000b}, 8080};
}

static uint64_t live(const struct talk *t)
{
    const uint64_t *classes = vm_counters(t->s.vm)->flows->live;
    return classes[0] + classes[1] + classes[2] + classes[3];
}

static void check_whole(const struct talk *t)
{
    const struct vm_counters *c = vm_counters(t->s.vm);
    uint64_t all = 0;
    for (unsigned i = 0; i < ACTION_COUNT; i++) all += c->verdicts[i].packets;
    assert_int_equal(all, t->s.packets);
}

static void talk_fini(struct talk *t)
{
    check_whole(t);
    sender_fini(&t->s);
}

/* Both streams arrive completely, with any options and losses; both close. */
static void connections(void **state)
{
    (void)state;
    const unsigned cases = drawn(1000);
    for (unsigned i = 0; i < cases; i++) {
        struct talk t;
        talk_init(&t, i, modes[i / 2 % 2], i / 4 % 2);
        t.loss = i % 3 == 0 ? 0 : 3 + rng_below(&t.rng, 20);
        while (!(host_done(&t.client) && host_done(&t.server)) && t.now_ms < LATE_MS && t.client.at != DEAD) step(&t);
        if (!host_done(&t.client) || !host_done(&t.server))
            fail_msg("case %u (one in %u lost): client %d %d, server %d %d at %u ms", i, t.loss, t.client.at,
                     t.client.finished, t.server.at, t.server.finished, (unsigned)t.now_ms);
        assert_int_equal(vm_counters(t.s.vm)->flows->live[FLOW_CLOSING], 1);
        assert_int_equal(vm_counters(t.s.vm)->forward->cookies_proven, 1);
        talk_fini(&t);
    }
}

/* ---- other events ---- */

/* Send a bare segment of the client, with timestamps if it has them. */
static const struct verdict *client_says(struct talk *t, uint32_t seq, uint8_t flags)
{
    struct frame f;
    host_write(&t->client, seq, 0, flags, t->now_ms, &f);
    return judge(t, &f);
}

/* Open up to the client's ACK, which is judged: its effects are still in tx. */
static const struct verdict *open_client(struct talk *t)
{
    struct frame f;
    assert_true(host_speak(&t->client, t->now_ms, &f));
    assert_int_equal(judge(t, &f)->action, ACTION_FORWARD);
    assert_int_equal(t->s.v.server, PBC_NONE);
    assert_int_equal(t->s.tx.count, 1);
    assert_int_equal(live(t), 0);
    deliver(t);
    assert_int_equal(t->client.at, OPEN);
    return client_says(t, t->client.iss + 1, TCP_ACK);
}

/* Send the server's reset for the packet in tx. */
static void server_resets(struct talk *t)
{
    struct frame f;
    deliver(t);
    assert_int_equal(t->server.at, SYN_RECEIVED);
    const uint32_t iss = t->server.iss;
    t->server.stamps = false;
    host_write(&t->server, 0, 0, TCP_RST | TCP_ACK, t->now_ms, &f);
    t->server.iss = iss;
    judge(t, &f);
}

static void refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct talk t;
        talk_init(&t, i, modes[i / 2 % 2], i / 4 % 2);
        assert_int_equal(open_client(&t)->action, ACTION_FORWARD);
        assert_int_equal(live(&t), 1);
        server_resets(&t);
        assert_int_equal(t.s.v.action, ACTION_FORWARD);
        assert_int_equal(t.s.tx.count, 1);
        deliver(&t);
        assert_int_equal(t.client.at, DEAD);
        assert_int_equal(vm_counters(t.s.vm)->flows->live[FLOW_CLOSING], 1);
        assert_int_equal(vm_counters(t.s.vm)->forward->cookies_unanswered, 1);
        /* A client that didn't get it tries again, and another flow begins. */
        assert_int_equal(client_says(&t, t.client.iss + 1, TCP_ACK)->action, ACTION_FORWARD);
        assert_int_equal(vm_counters(t.s.vm)->flows->live[FLOW_HALF_OPEN], 1);
        assert_int_equal(vm_counters(t.s.vm)->forward->cookies_proven, 2);
        talk_fini(&t);
    }
}

/* A silent server gets three SYNs, the next at 1 s and 3 s, and is given up at 7 s. */
static void silent(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct talk t;
        talk_init(&t, i, modes[i / 2 % 2], i / 4 % 2);
        t.server.at = CLOSED;
        open_client(&t);
        deliver(&t);
        assert_int_equal(t.heard[1], 1);
        for (unsigned ms = 0; ms < 6995; ms += STEP_MS) {
            talk_time(&t, STEP_MS);
            tick(&t);
            assert_int_equal(t.heard[1], t.now_ms < 1000 ? 1 : t.now_ms < 3000 ? 2 : 3);
        }
        assert_int_equal(t.client.at, OPEN);
        assert_int_equal(live(&t), 1);
        talk_time(&t, STEP_MS);
        tick(&t);
        assert_int_equal(t.client.at, DEAD);
        assert_int_equal(live(&t), 0);
        assert_int_equal(vm_counters(t.s.vm)->forward->cookies_unanswered, 1);
        assert_int_equal(vm_counters(t.s.vm)->flows->ended[FLOW_END_UNANSWERED], 1);
        talk_fini(&t);
    }
}

/* The client's probes also send the same SYN; its late SYNs get replies and change nothing; its RST ends it. */
static void waiting(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct talk t;
        struct frame f;
        uint8_t first[FRAME];
        talk_init(&t, i, modes[i / 2 % 2], i / 4 % 2);
        open_client(&t);
        assert_int_equal(t.s.tx.count, 1);
        const uint32_t len = t.s.entries[0].pkt->head_len;
        memcpy(first, t.s.entries[0].pkt->data, len);
        for (unsigned probe = 0; probe < 2; probe++) {
            assert_int_equal(client_says(&t, t.client.iss + probe, TCP_ACK)->action, ACTION_FORWARD);
            assert_int_not_equal(t.s.v.server, PBC_NONE);
            assert_int_equal(t.s.tx.count, 1);
            assert_int_equal(t.s.entries[0].pkt->head_len, len);
            assert_memory_equal(t.s.entries[0].pkt->data, first, len);
        }
        assert_int_equal(live(&t), 1);
        t.client.at = SYN_SENT;
        t.client.retry_ms = 0;
        assert_true(host_speak(&t.client, t.now_ms, &f));
        judge(&t, &f);
        assert_int_equal(t.s.v.server, PBC_NONE);
        assert_int_equal(t.s.tx.count, 1);
        deliver(&t);
        assert_int_equal(live(&t), 1);
        /* A wrong number, then the right one. */
        assert_int_equal(client_says(&t, t.client.iss + 2, TCP_RST)->action, ACTION_DROP);
        assert_int_equal(live(&t), 1);
        talk_fini(&t);
    }
}

/* Another connection in place of a closing or awaited one. */
static void again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 32; i++) {
        struct talk t;
        talk_init(&t, i, modes[i / 2 % 2], i / 4 % 2);
        if (i & 8)
            while (!(host_done(&t.client) && host_done(&t.server))) step(&t);
        else
            open_client(&t);
        sender_clear(&t.s);
        struct host client = t.client, server = t.server;
        host_init(&t.client, &t.rng, true, i / 4 % 2);
        host_init(&t.server, &t.rng, false, i / 4 % 2);
        t.client.me = client.me, t.client.peer = client.peer, t.server.me = server.me;
        t.client.iss = client.iss + 1000000, t.client.una = t.client.nxt = t.client.most = t.client.iss;
        while (!(host_done(&t.client) && host_done(&t.server)) && t.now_ms < LATE_MS) step(&t);
        assert_true(host_done(&t.client) && host_done(&t.server));
        assert_int_equal(live(&t), 1);
        assert_int_equal(vm_counters(t.s.vm)->forward->cookies_proven, 2);
        assert_int_equal(vm_counters(t.s.vm)->flows->ended[FLOW_END_REOPENED], 1);
        talk_fini(&t);
    }
}

/* An ACK from nobody, a late one, and one that claims more than was offered: no flow. */
static void unproven(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct talk t;
        struct frame f;
        talk_init(&t, i, modes[i / 2 % 2], i / 4 % 2);
        host_speak(&t.client, t.now_ms, &f);
        judge(&t, &f);
        deliver(&t);
        t.client.rcv_nxt++;
        assert_int_equal(client_says(&t, t.client.iss + 1, TCP_ACK)->action, ACTION_DROP);
        t.client.rcv_nxt--;
        assert_int_equal(client_says(&t, t.client.iss + 2, TCP_ACK)->action, ACTION_DROP);
        assert_int_equal(client_says(&t, t.client.iss + 1, TCP_ACK | TCP_RST)->action, ACTION_DROP);
        t.client.me.port++;
        assert_int_equal(client_says(&t, t.client.iss + 1, TCP_ACK)->action, ACTION_DROP);
        t.client.me.port--;
        t.client.recent ^= 1; /* it echoes our value */
        assert_int_equal(client_says(&t, t.client.iss + 1, TCP_ACK)->action,
                         t.client.stamps ? ACTION_DROP : ACTION_FORWARD);
        t.client.recent ^= 1;
        if (!t.client.stamps) {
            talk_fini(&t);
            continue;
        }
        assert_int_equal(live(&t), 0);
        talk_time(&t, 128001);
        assert_int_equal(client_says(&t, t.client.iss + 1, TCP_ACK)->action, ACTION_DROP);
        assert_int_equal(live(&t), 0);
        talk_fini(&t);
    }
}

/* Without a firewall, or with rules that accept it, an ACK that proves nothing makes no flow either. */
static void stray(void **state)
{
    (void)state;
    struct talk t;
    talk_init(&t, 3,
              "pool p { server a 10.0.0.11:8080 }\n"
              "service w on 203.0.113.10 tcp/80 { mode passthrough keep source; syn cookies; -> p }\n",
              false);
    static const uint8_t flags[] = {TCP_ACK, TCP_RST, TCP_SYN | TCP_ACK, TCP_FIN | TCP_ACK, 0};
    for (unsigned i = 0; i < sizeof flags; i++) {
        assert_int_equal(client_says(&t, 77, flags[i])->action, ACTION_DROP);
        assert_int_equal(t.s.v.reason, REASON_NO_FLOW);
        assert_int_equal(t.s.tx.count, 0);
    }
    assert_int_equal(live(&t), 0);
    talk_fini(&t);
}

/* A million clients that never come back leave nothing behind, and don't delay others. */
static void flood(void **state)
{
    (void)state;
    struct talk t;
    talk_init(&t, 1, modes[0], false);
    const unsigned many = drawn(100000);
    struct host stranger = t.client;
    for (unsigned i = 0; i < many; i++) {
        struct frame f;
        stranger.me.a[0] = 0xc6130000 + (i >> 4);
        stranger.me.port = (uint16_t)(i * 7919 + 1024);
        stranger.iss = i * 2654435761u;
        host_write(&stranger, stranger.iss, 1, TCP_SYN, t.now_ms, &f);
        judge(&t, &f);
        assert_int_equal(t.s.tx.count, 1);
        if (i % (many / 50) == 0) step(&t);
    }
    assert_int_equal(vm_counters(t.s.vm)->flows->most, 1);
    assert_int_equal(vm_counters(t.s.vm)->flows->added, 1);
    while (!(host_done(&t.client) && host_done(&t.server)) && t.now_ms < LATE_MS) step(&t);
    assert_true(host_done(&t.client) && host_done(&t.server));
    talk_fini(&t);
}

/* A server that is down: if there is no other, the SYN gets `on no server`; a flow of one that goes down ends on
 * both sides with the numbers that each knows. */
static void down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        struct talk t;
        struct frame f;
        uint8_t gone[2] = {1, 1};
        talk_init(&t, i, modes[i / 2 % 2], i / 4 % 2);
        t.s.facts.down = gone;
        host_speak(&t.client, t.now_ms, &f);
        assert_int_equal(judge(&t, &f)->action, ACTION_REJECT);
        assert_int_equal(t.s.v.reason, REASON_NO_SERVER);
        sender_clear(&t.s);
        gone[0] = gone[1] = 0;
        t.s.facts.generation++;
        t.client.retry_ms = 0;
        open_client(&t);
        if (i & 8) {
            deliver(&t);
            say(&t, &t.server);
            assert_int_equal(t.server.at, OPEN);
            assert_int_equal(vm_counters(t.s.vm)->flows->live[FLOW_ESTABLISHED], 1);
        }
        sender_clear(&t.s);
        gone[0] = gone[1] = 1;
        t.s.facts.generation++;
        talk_time(&t, STEP_MS);
        vm_tick(t.s.vm, &t.s.in, &t.s.tx);
        assert_int_equal(t.s.tx.count, 2);
        for (unsigned k = 0; k < 2; k++) {
            const uint8_t *tcp = t.s.entries[k].pkt->data + t.s.entries[k].pkt->l4;
            const bool to_client = wire_get16(tcp + 2) == t.client.me.port && wire_get16(tcp) == 80;
            const struct host *h = to_client ? &t.client : &t.server;
            assert_int_equal(tcp[13], TCP_RST);
            assert_int_equal(wire_get32(tcp + 4), i & 8 || to_client ? h->rcv_nxt : t.client.iss + 1);
        }
        assert_int_equal(live(&t), 0);
        talk_fini(&t);
    }
}

/* Damaged packets from either side, at any time: nothing is read outside, no slot is lost, each is counted once. */
static void damaged(void **state)
{
    (void)state;
    const unsigned cases = drawn(150);
    for (unsigned i = 0; i < cases; i++) {
        struct talk t;
        talk_init(&t, i, modes[i / 2 % 2], i / 4 % 2);
        if (i % 3)
            open_client(&t), deliver(&t);
        else
            while (t.now_ms < STEP_MS * (i % 40)) step(&t);
        for (unsigned k = 0; k < 100; k++) {
            struct host *h = rng_one_in(&t.rng, 2) && t.server.at == OPEN ? &t.server : &t.client;
            static const uint8_t flags[] = {TCP_SYN, TCP_ACK, TCP_SYN | TCP_ACK, TCP_RST, TCP_FIN | TCP_ACK};
            struct frame f;
            host_write(h, h->nxt, rng_below(&t.rng, 3), flags[rng_below(&t.rng, 5)], t.now_ms, &f);
            for (unsigned bits = rng_below(&t.rng, 4); bits; bits--)
                f.bytes[rng_below(&t.rng, f.len)] ^= (uint8_t)(1u << rng_below(&t.rng, 8));
            if (rng_one_in(&t.rng, 4)) f.len -= rng_below(&t.rng, f.len - 1);
            uint8_t *exact = malloc(f.len);
            assert_non_null(exact);
            memcpy(exact, f.bytes, f.len);
            struct pkt pkt, *const pkts[] = {&pkt};
            pkt_view(&pkt, exact, f.len, rng_one_in(&t.rng, 5) ? f.len + 9 : f.len, LINK_RAW, IFACE_NONE);
            sender_clear(&t.s);
            vm_run(t.s.vm, &t.s.in, pkts, 1, &t.s.v, &t.s.tx);
            free(exact);
            t.s.packets++;
            talk_time(&t, rng_below(&t.rng, 400));
            sender_clear(&t.s);
            vm_tick(t.s.vm, &t.s.in, &t.s.tx);
        }
        talk_fini(&t);
    }
}

/* Without slots, or without room to send: rejected, and the connection opens once there is room. */
static void no_room(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        struct talk t;
        talk_init(&t, i, modes[i / 2 % 2], i / 4 % 2);
        struct pkt *taken[SENDER_SLOTS];
        const unsigned from = rng_below(&t.rng, 8), until = from + rng_below(&t.rng, 200), room = rng_below(&t.rng, 3);
        for (unsigned n = 0; !(host_done(&t.client) && host_done(&t.server)) && t.now_ms < LATE_MS; n++) {
            struct frame f;
            unsigned count = 0;
            const bool dry = n >= from && n < until;
            struct host *h = n & 1 ? &t.server : &t.client;
            if (host_speak(h, t.now_ms, &f)) {
                while (dry && t.s.pool->free_count > room) taken[count++] = pool_get(t.s.pool);
                judge(&t, &f);
                deliver(&t);
                while (count) pool_put(taken[--count]);
            }
            talk_time(&t, STEP_MS);
            tick(&t);
            if (t.client.at == DEAD) break; /* given up meanwhile */
        }
        if (t.client.at != DEAD) assert_true(host_done(&t.client) && host_done(&t.server));
        talk_fini(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections), cmocka_unit_test(refused),  cmocka_unit_test(silent),  cmocka_unit_test(waiting),
        cmocka_unit_test(again),       cmocka_unit_test(unproven), cmocka_unit_test(stray),   cmocka_unit_test(flood),
        cmocka_unit_test(down),        cmocka_unit_test(damaged),  cmocka_unit_test(no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
