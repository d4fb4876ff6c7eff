/* Wire connections, with the inline stack played here: every byte that leaves, in both families with any tags; who
 * may end a connection; late packets; an archive and a reload in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm/inline_wire.h"

static void every_byte(void **state)
{
    struct wire w;
    for (int tags = 0; tags <= 2; tags++)
        for (unsigned v6 = 0; v6 < 2; v6++) {
            wire_init(&w, SERVER_FIRST, v6, tags);
            open_server_first(&w);
            talks(&w);
            wire_fini(&w);
        }
}

/* The same numbers with other tags are another connection; packets with any other tags belong to none. */
static void other_tags(void **state)
{
    struct wire w;
    wire_init(&w, SERVER_FIRST, false, 1);
    open_server_first(&w);
    w.client.tci[0] = w.server.tci[0] = 6;
    struct frame f = with(&w.client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, "hallo");
    comes(&w, &f, LEFT);
    nothing_left(&w);
    assert_int_equal(w.s.v.action, ACTION_ACCEPT);
    syn(&w, CLIENT_SEQ, 1, 1024);
    wire_fini(&w);
}

/* Whatever a client sends before its SYN, the service takes its connection. */
static void not_evaded(void **state)
{
    static const uint8_t before[] = {ACK, ACK | FIN, FIN, SYN | ACK, RST, RST | ACK, 0, ACK | TCP_PSH, ACK | TCP_URG};
    struct wire w;
    for (unsigned i = 0; i < sizeof before; i++)
        for (unsigned times = 1; times < 4; times++) {
            wire_init(&w, SERVER_FIRST, false, 0);
            for (unsigned k = 0; k < times; k++) {
                const struct frame f = with(&w.client, before[i], CLIENT_SEQ - 9 + k, 7, k ? "hallo" : NULL);
                comes(&w, &f, LEFT);
            }
            syn(&w, CLIENT_SEQ, 0, 1024);
            wire_fini(&w);
        }
}

/* True if the client's connection is known for that long after its last packet. */
static bool is_known(struct wire *w, uint64_t after)
{
    struct inline_open o;
    sender_clear(&w->s);
    w->s.in.mono_ns += after;
    vm_tick(w->s.vm, &w->s.in, &w->s.tx);
    return vm_inline_open(w->s.vm, 0, &o);
}

/* A guessed reset ends nothing, nor does a SYN after it; a client's reset at the next number ends the connection. So
 * does the server's, but only after the client's socket has passed it on, because the client might have been led to
 * another server. */
static void resets(void **state)
{
    struct wire w;
    for (unsigned server = 0; server < 2; server++) {
        wire_init(&w, SERVER_FIRST, false, 0);
        open_server_first(&w);
        talks(&w);
        const struct frame *end = server ? &w.server : &w.client;
        const uint32_t next = server ? SERVER_SEQ + 5 : CLIENT_SEQ + 6;
        const uint32_t wrong[] = {next - 1, next + 1, 0, next + 30000};
        for (unsigned i = 0; i < 4; i++) {
            struct frame f = with(end, RST, wrong[i], 0, NULL);
            comes(&w, &f, server);
            assert_int_equal(w.s.tx.count, 1); /* the kernel judges it */
            f = with(&w.client, SYN, 77, 0, NULL);
            comes(&w, &f, LEFT);
            assert_int_equal(w.s.tx.count, 1);
            assert_int_not_equal(w.s.entries[0].cause, TX_CAUSE_INLINE);
        }
        struct frame f = with(end, RST, wrong[0], 0, NULL);
        comes(&w, &f, server);
        assert_true(is_known(&w, 60 * S));
        f = with(end, RST, next, 0, NULL);
        comes(&w, &f, server);
        assert_int_equal(w.s.tx.count, 1);
        assert_int_equal(is_known(&w, 60 * S), server);
        f = with(&w.listener, RST, OUR_SEQ + 5, 0, NULL);
        if (server) says(&w, &f);
        assert_false(is_known(&w, 60 * S));
        wire_fini(&w);
    }
}

/* An attacker that only knows the tuple redirects no connection, and doesn't change TTL and DSCP of packets in an
 * end's name, which follow the end's own packets. */
static void guesses_say_nothing_of_an_end(void **state)
{
    struct wire w;
    wire_init(&w, SERVER_FIRST, false, 0);
    open_server_first(&w);
    talks(&w);
    const uint32_t seq[] = {CLIENT_SEQ - (1u << 21), CLIENT_SEQ + 6 + (1u << 21), CLIENT_SEQ + 6, CLIENT_SEQ + 6};
    const uint32_t ack[] = {OUR_SEQ + 5, OUR_SEQ + 5, OUR_SEQ + 6, OUR_SEQ + 5 - (1u << 25)};
    for (unsigned i = 0; i < 5; i++) {
        const bool own = i == 4;
        struct frame f = own ? with(&w.client, ACK, CLIENT_SEQ + 6, OUR_SEQ + 5, NULL)
                             : with(&w.client, i == 1 ? SYN : ACK, seq[i], ack[i], "x");
        f.ttl = 2;
        f.tos = 4;
        f.from = CLIENT_MAC + 7;
        comes(&w, &f, LEFT);
        if (own) w.client = f;
        f = with(&w.own, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, "more");
        says(&w, &f);
        f = with(&w.client, ACK, OWN_SEQ + 6, SERVER_SEQ + 5, "more");
        left_by(&w, &f, RIGHT);
        f = with(&w.listener, ACK, OUR_SEQ + 5, CLIENT_SEQ + 6, NULL);
        says(&w, &f);
        f = with(&w.server, ACK, OUR_SEQ + 5, CLIENT_SEQ + 6, NULL);
        f.to = w.client.from;
        left_by(&w, &f, LEFT);
    }
    wire_fini(&w);
}

/* An attacker that doesn't know our numbers can't refuse the client in the server's name, nor reply to it. */
static void forged_answers(void **state)
{
    struct wire w;
    wire_init(&w, SERVER_FIRST, false, 0);
    syn(&w, CLIENT_SEQ, 0, 1024);
    struct frame f = with(&w.listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    says(&w, &f);
    f = with(&w.server, RST | ACK, 0, OWN_SEQ + 1, NULL);
    comes(&w, &f, RIGHT); /* we haven't sent a SYN yet */
    nothing_left(&w);
    own_syn(&w);
    const uint8_t flags[] = {RST | ACK, SYN | ACK, RST};
    for (unsigned i = 0; i < 3; i++) {
        f = with(&w.server, flags[i], 0, OWN_SEQ + 2, NULL);
        comes(&w, &f, RIGHT);
        assert_int_equal(w.s.tx.count, 1);
        assert_int_equal(w.s.entries[0].kind, TX_INLINE_STACK);
    }
    f = with(&w.server, RST | ACK, 0, OWN_SEQ + 1, NULL);
    comes(&w, &f, RIGHT);
    assert_int_equal(w.s.tx.count, 2);
    assert_int_equal(built(&w, 0, TX_SEND).flags, RST | ACK);
    wire_fini(&w);
}

/* A client that reuses a port gets another connection once the old one is over for it. */
static void port_again(void **state)
{
    struct wire w;
    wire_init(&w, SERVER_FIRST, false, 0);
    open_server_first(&w);
    struct frame f = with(&w.server, ACK | FIN, SERVER_SEQ + 1, OWN_SEQ + 1, NULL);
    comes(&w, &f, RIGHT);
    f = with(&w.listener, ACK | FIN, OUR_SEQ + 1, CLIENT_SEQ + 1, NULL);
    says(&w, &f);
    f = with(&w.client, ACK | FIN, 3, OUR_SEQ + 2, NULL); /* a guess */
    comes(&w, &f, LEFT);
    f = with(&w.client, SYN, 77, 0, NULL);
    comes(&w, &f, LEFT);
    assert_int_not_equal(w.s.entries[0].cause, TX_CAUSE_INLINE);
    f = with(&w.client, ACK | FIN, CLIENT_SEQ + 1, OUR_SEQ + 2, NULL);
    comes(&w, &f, LEFT);
    syn(&w, 78, 0, 1025);
    syn(&w, 79, 0, 1026); /* it gave up, and tries another number */
    wire_fini(&w);
}

/* A frame of ours that returns by either port of the bridge begins nothing, and leaves nowhere. */
static void loops(void **state)
{
    struct wire w;
    wire_init(&w, SERVER_FIRST, false, 1);
    syn(&w, CLIENT_SEQ, 0, 1024);
    struct frame f = with(&w.listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    says(&w, &f);
    own_syn(&w);
    for (unsigned port = 0; port < PORTS; port++) {
        f = with(&w.client, SYN, OWN_SEQ, 0, NULL);
        comes(&w, &f, port);
        nothing_left(&w);
        assert_int_equal(w.s.v.action, ACTION_DROP);
    }
    f = with(&w.server, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    comes(&w, &f, LEFT);
    nothing_left(&w);
    assert_true(is_known(&w, S));
    wire_fini(&w);
}

/* A client never acknowledges our reply: its socket is reset, and later the connection is forgotten. */
static void never_completed(void **state)
{
    struct wire w;
    for (unsigned bytes_first = 0; bytes_first < 2; bytes_first++) {
        wire_init(&w, bytes_first ? BYTES_FIRST : SERVER_FIRST, bytes_first, 0);
        syn(&w, CLIENT_SEQ, 0, 1024);
        struct frame f = with(&w.listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
        says(&w, &f);
        if (!bytes_first) own_syn(&w);
        f = with(&w.client, ACK, CLIENT_SEQ + 1, OUR_SEQ + (1u << 30), NULL); /* a guess */
        comes(&w, &f, LEFT);
        assert_true(is_known(&w, 61 * S));
        assert_int_equal(w.s.tx.count, 1 + bytes_first); /* a client that got a reply is informed */
        const struct tcp_segment s = built(&w, 0, TX_INLINE_STACK);
        assert_int_equal(s.flags, RST);
        assert_int_equal(s.seq, CLIENT_SEQ + 1);
        assert_false(is_known(&w, 12 * S));
        nothing_left(&w);
        wire_fini(&w);
    }
}

/* Open a connection whose client gets a reply before its server does, and continues. */
static void open_bytes_first(struct wire *w, uint32_t number)
{
    syn(w, CLIENT_SEQ, number, 1024);
    struct frame f = with(&w->listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    says(w, &f);
    f = with(&w->client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, NULL);
    comes(w, &f, LEFT);
}

static void full(void **state)
{
    struct wire w;
    for (unsigned passes = 0; passes < 2; passes++) {
        wire_init(&w,
                  passes ? "limits { proxy_sessions 16 }\nfirewall f default accept {}\n"
                           "service s on any tcp/any { mode proxy inline; bytes first; on overload pass }\n"
                         : "limits { proxy_sessions 16 }\nfirewall f default accept {}\n"
                           "service s on any tcp/any { mode proxy inline; bytes first }\n",
                  false, 0);
        for (unsigned i = 0; i < 16; i++, w.client.sport++) open_bytes_first(&w, i);
        const struct frame f = with(&w.client, SYN, CLIENT_SEQ, 0, NULL);
        comes(&w, &f, LEFT);
        assert_int_equal(w.s.v.action, passes ? ACTION_ACCEPT : ACTION_REJECT);
        assert_int_equal(w.s.v.reason, passes ? REASON_NONE : REASON_MAX_FLOWS);
        wire_fini(&w);
    }
}

/* Tuples are marked as long as their connection is known, in the next program, too. */
static void marked(void **state)
{
    struct wire w;
    uint64_t sum = 0;
    for (unsigned full = 0; full < 2; full++) {
        wire_init(&w, SERVER_FIRST, true, 1);
        const uint32_t at = mark_of(&beside.marks, w.server.src, w.server.sport, w.server.dst, w.server.dport);
        if (full) beside.marks.at[at] = INLINE_MARK_FULL;
        open_server_first(&w);
        assert_int_equal(beside.marks.live, 1);
        assert_int_equal(beside.marks.at[at], full ? INLINE_MARK_FULL : 1);
        talks(&w);
        const struct frame f = with(&w.client, RST, CLIENT_SEQ + 6, 0, NULL);
        comes(&w, &f, LEFT);
        assert_false(is_known(&w, 70 * S));
        assert_int_equal(beside.marks.live, 0);
        for (uint32_t i = 0; i < INLINE_MARKS; i++) sum += beside.marks.at[i];
        assert_int_equal(sum, full ? INLINE_MARK_FULL : 0);
        wire_fini(&w);
    }
}

/* The state goes into bytes, and another worker continues from them; if they are cut short or have a changed byte,
 * it continues or rejects them. */
static void archived(void **state)
{
    static uint8_t bytes[1 << 20], hurt[1 << 20];
    struct wire w;
    uint64_t seed = 5;
    wire_init(&w, SERVER_FIRST, true, 2);
    open_server_first(&w);
    sender_clear(&w.s);
    struct archive a = {.at = bytes, .left = sizeof bytes};
    assert_true(vm_archive(w.s.vm, &w.s.in, &a));
    const size_t len = sizeof bytes - a.left;
    const unsigned times = getenv("LONG") ? 5000 : 500; /* each builds a worker's tables again */
    for (unsigned i = 0; i < times; i++) {
        memcpy(hurt, bytes, len);
        hurt[draw(&seed, (uint32_t)len)] ^= (uint8_t)(1u << draw(&seed, 8));
        struct vm *vm = vm_new(w.s.program, &w.cfg);
        a = (struct archive){.at = hurt, .left = i % 10 ? len : draw(&seed, (uint32_t)len), .reads = true};
        if (vm_archive(vm, &w.s.in, &a)) {
            struct vm_in later = w.s.in;
            later.mono_ns += 1000 * S;
            vm_tick(vm, &later, &w.s.tx);
            sender_clear(&w.s);
        }
        vm_free(vm);
    }
    vm_free(w.s.vm);
    w.s.vm = vm_new(w.s.program, &w.cfg);
    a = (struct archive){.at = bytes, .left = len, .reads = true};
    assert_true(vm_archive(w.s.vm, &w.s.in, &a));
    talks(&w);
    wire_fini(&w);
}

/* A reload keeps connections of a service that still exists, and ends those of one that is gone. */
static void reloaded(void **state)
{
    struct wire w;
    for (unsigned gone = 0; gone < 2; gone++) {
        wire_init(&w, SERVER_FIRST, false, 0);
        open_server_first(&w);
        struct program *next = world_compile(gone ? "firewall f default accept {}\n"
                                                    "service t on any tcp/81 { mode proxy inline }\n"
                                                  : "firewall f default accept {}\n"
                                                    "service r on any tcp/81 { mode proxy inline }\n"
                                                    "service s on any tcp/any { mode proxy inline }\n");
        struct remap *r = remap_new(w.s.program, next, NULL, 0, NULL, w.s.in.mono_ns);
        struct vm *fresh = vm_prepare(&w.cfg, r, &w.s.in);
        assert_int_equal(vm_swap(w.s.vm, fresh, r), 0);
        vm_free(fresh);
        if (!gone) talks(&w);
        assert_int_equal(is_known(&w, 0), true);
        while (vm_swapping(w.s.vm)) vm_tick(w.s.vm, &w.s.in, &w.s.tx);
        program_put(next);
        program_put(w.s.program);
        w.s.program = r->program;
        program_get(w.s.program);
        remap_free(r);
        wire_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte),
        cmocka_unit_test(other_tags),
        cmocka_unit_test(resets),
        cmocka_unit_test(port_again),
        cmocka_unit_test(forged_answers),
        cmocka_unit_test(loops),
        cmocka_unit_test(full),
        cmocka_unit_test(never_completed),
        cmocka_unit_test(reloaded),
        cmocka_unit_test(not_evaded),
        cmocka_unit_test(guesses_say_nothing_of_an_end),
    };
    const struct CMUnitTest user[] = {cmocka_unit_test(archived)}, kernel[] = {cmocka_unit_test(marked)};
    int status = cmocka_run_group_tests(tests, NULL, NULL) + cmocka_run_group_tests(user, NULL, NULL);
    beside.kernel = true;
    status += cmocka_run_group_tests_name("beside the kernel", tests, NULL, NULL);
    return status + cmocka_run_group_tests(kernel, NULL, NULL);
}
