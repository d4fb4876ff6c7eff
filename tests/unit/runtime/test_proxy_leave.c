/* Sessions of `mode proxy inline` that leave their sockets: the loop's requests to its worker, which is the test
 * here, and a session's outcome by the replies. */
#include "tests/unit/runtime/inline_bench.h"

#include <sys/mman.h>

#include "runtime/proxy/inline/leave_sockets.h"

enum { NUMBER = 3, QUIET_TURNS = 20 };

/* Wait for the loop's next request. */
static struct inline_ask asked(struct bench *b)
{
    struct inline_ask ask = {.kind = UINT8_MAX};
    for (unsigned i = 0; i < 1000 && !leaving_asked(b->leaving, &ask); i++) proxy_turn(b->proxy, 10);
    assert_int_not_equal(ask.kind, UINT8_MAX);
    return ask;
}

static void asks_to_leave(struct bench *b, uint64_t from_client, uint64_t to_client, uint64_t from_server,
                          uint64_t to_server)
{
    const struct inline_ask ask = asked(b);
    assert_int_equal(ask.kind, INLINE_LEAVE);
    assert_int_equal(ask.number, NUMBER);
    assert_int_equal(ask.port, USE);
    assert_int_equal(ask.of.moved.read[AT_CLIENT], from_client);
    assert_int_equal(ask.of.moved.wrote[AT_CLIENT], to_client);
    assert_int_equal(ask.of.moved.read[AT_SERVER], from_server);
    assert_int_equal(ask.of.moved.wrote[AT_SERVER], to_server);
}

static void asks_to_end(struct bench *b)
{
    const struct inline_ask ask = asked(b);
    assert_int_equal(ask.kind, INLINE_END);
    assert_int_equal(ask.number, NUMBER);
    assert_int_equal(ask.port, USE);
}

/* Check that the loop requests nothing in some turns. */
static void asks_nothing(struct bench *b)
{
    struct inline_ask ask;
    for (unsigned i = 0; i < QUIET_TURNS; i++) {
        proxy_turn(b->proxy, 1);
        assert_false(leaving_asked(b->leaving, &ask));
    }
}

static void answer_as(struct bench *b, enum inline_told_kind kind, enum splice_why why, uint16_t port)
{
    const struct inline_told told = {.kind = (uint8_t)kind, .why = (uint8_t)why, .port = port, .number = NUMBER};
    assert_true(leaving_has_room(b->leaving));
    leaving_tell(b->leaving, &told);
    leaving_call(b->leaving);
}

static void answer(struct bench *b, enum inline_told_kind kind, enum splice_why why) { answer_as(b, kind, why, USE); }

/* Begin a connection, which asks to leave before a byte was sent. *s: the server's end. Return the client's. */
static int begin(struct bench *b, int *s)
{
    const int at = server(NUMBER, INLINE_ORIGINAL), c = client(b, NUMBER);
    *s = accepted(b, at);
    assert_true(*s >= 0);
    close(at);
    asks_to_leave(b, 0, 0, 0, 0);
    return c;
}

/* Begin a connection that has left: both sockets are gone. */
static void begin_spliced(struct bench *b)
{
    int s;
    const int c = begin(b, &s);
    answer(b, INLINE_LEFT, SPLICE_WHY_NONE);
    is_reset(b, c);
    is_reset(b, s);
    assert_int_equal(b->proxy->sides.used, 0);
    assert_int_equal(whole(b->proxy).spliced, 1);
}

static void carry(struct bench *b, uint64_t up, uint64_t down, uint64_t seen_ns)
{
    b->leaving->carried[NUMBER] = (struct inline_carried){.bytes = {up, down}, .seen_ns = seen_ns};
}

static struct session_record listed(struct bench *b)
{
    struct session_listing l = {0};
    sessions_list(b->proxy, &l);
    assert_int_equal(l.count, 1);
    return l.sessions[0];
}

#define SPLICES RULES("; splice packets")

static void test_a_session_lives_on_without_sockets(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, SPLICES);
    begin_spliced(&b);
    const uint64_t seen = clock_ns(CLOCK_MONOTONIC) + 1;
    carry(&b, 100, 2000, seen);
    struct session_record r = listed(&b);
    assert_int_equal(r.phase, PHASE_SPLICED);
    assert_int_equal(r.up_bytes, 100);
    assert_int_equal(r.down_bytes, 2000);
    assert_int_equal(r.flow.seen_ns, seen);
    assert_true(r.since_ns && r.since_ns >= r.flow.began_ns);
    sessions_tell(b.proxy);
    assert_int_equal(whole(b.proxy).up_bytes, 100);
    carry(&b, 101, 2002, seen);
    r = listed(&b);
    assert_int_equal(r.up_bytes, 101);
    answer(&b, INLINE_OVER, SPLICE_WHY_DONE);
    assert_int_equal(ends(&b, SESSION_DONE), 1);
    assert_int_equal(whole(b.proxy).up_bytes, 101);
    assert_int_equal(whole(b.proxy).down_bytes, 2002);
    assert_int_equal(whole(b.proxy).spliced_ended, 1);
    assert_int_equal(b.proxy->leaves.used, 0);
    asks_nothing(&b); /* the worker has the connection */
    tear_down(&b);
}

static void test_ends_of_both_ends_are_told(void **state)
{
    static const struct {
        enum splice_why why;
        enum session_end end;
    } rows[] = {{SPLICE_WHY_CLIENT_RESET, SESSION_CLIENT_RESET},
                {SPLICE_WHY_SERVER_RESET, SESSION_SERVER_RESET},
                {SPLICE_WHY_IDLE, SESSION_IDLE},
                {SPLICE_WHY_GONE, SESSION_IDLE}};
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        set_up(&b, SPLICES);
        begin_spliced(&b);
        answer(&b, INLINE_OVER, rows[i].why);
        assert_int_equal(ends(&b, rows[i].end), 1);
        tear_down(&b);
    }
}

/* Bytes are counted exactly, including those of a PROXY header; nothing moves before the reply. */
static void test_what_came_before_is_moved_first(void **state)
{
    struct bench b;
    static const char header[] = "PROXY TCP4 192.0.2.7 198.51.100.9 40000 80\r\n";
    const uint64_t head = sizeof header - 1;
    char byte;
    (void)state;
    set_up(&b,
           RULES(" send proxy v1; splice packets; when bytes payload at 0 is x\"4e4f\" -> reject; else -> original"));
    const int at = server(NUMBER, INLINE_ORIGINAL), c = client(&b, NUMBER);
    assert_int_equal(send(c, "YES", 3, MSG_NOSIGNAL), 3);
    const int s = accepted(&b, at);
    assert_true(s >= 0);
    asks_to_leave(&b, 3, 0, 0, head + 3);
    hears(&b, s, header);
    hears(&b, s, "YES");
    assert_int_equal(send(c, "more", 4, MSG_NOSIGNAL), 4);
    assert_int_equal(send(s, "220", 3, MSG_NOSIGNAL), 3);
    asks_nothing(&b);
    assert_int_equal(recv(s, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(recv(c, &byte, 1, MSG_DONTWAIT), -1);
    answer(&b, INLINE_READ_ON, SPLICE_WHY_NONE);
    asks_to_leave(&b, 7, 3, 3, head + 7);
    hears(&b, s, "more");
    hears(&b, c, "220");
    answer(&b, INLINE_READ_ON, SPLICE_WHY_NONE);
    asks_nothing(&b); /* none of the data that the worker saw has come yet */
    assert_int_equal(send(c, "!", 1, MSG_NOSIGNAL), 1);
    asks_to_leave(&b, 8, 3, 3, head + 8);
    answer(&b, INLINE_LEFT, SPLICE_WHY_NONE);
    is_reset_at_last(&b, s);
    is_reset(&b, c);
    carry(&b, 10, 20, 0);
    answer(&b, INLINE_OVER, SPLICE_WHY_DONE);
    assert_int_equal(ends(&b, SESSION_DONE), 1);
    assert_int_equal(whole(b.proxy).up_bytes, 18);
    assert_int_equal(whole(b.proxy).down_bytes, 23);
    close(at);
    tear_down(&b);
}

/* A header from the client is counted exactly, too. */
static void test_a_clients_header_is_counted(void **state)
{
    struct bench b;
    static const char header[] = "PROXY TCP4 192.0.2.99 198.51.100.9 50000 80\r\n";
    (void)state;
    set_up(&b, RULES(" accept proxy from 192.0.2.0/24; splice packets"));
    const int at = server(NUMBER, INLINE_ORIGINAL), c = client(&b, NUMBER);
    assert_int_equal(send(c, header, sizeof header - 1, MSG_NOSIGNAL), sizeof header - 1);
    const int s = accepted(&b, at);
    assert_true(s >= 0);
    asks_to_leave(&b, sizeof header - 1, 0, 0, 0);
    answer(&b, INLINE_STAYS, SPLICE_WHY_SCALE);
    says(&b, c, s, "hello");
    close(s), close(c), close(at);
    ends(&b, SESSION_DONE);
    tear_down(&b);
}

static void test_who_stays_is_a_proxys_and_asks_later(void **state)
{
    struct bench b;
    int s;
    (void)state;
    set_up(&b, SPLICES);
    const int c = begin(&b, &s);
    assert_int_equal(send(c, "hello", 5, MSG_NOSIGNAL), 5);
    answer(&b, INLINE_STAYS, SPLICE_WHY_LATE);
    hears(&b, s, "hello");
    says(&b, s, c, "hello there");
    assert_int_equal(whole(b.proxy).stays[SPLICE_WHY_LATE], 1);
    assert_int_equal(whole(b.proxy).spliced, 0);
    assert_int_equal(listed(&b).phase, PHASE_PROXIED);
    assert_true(listed(&b).since_ns >= listed(&b).flow.began_ns);
    asks_to_leave(&b, 5, 11, 11, 5);
    answer(&b, INLINE_STAYS, SPLICE_WHY_OPTIONS);
    says(&b, c, s, "no way out");
    assert_int_equal(whole(b.proxy).stays[SPLICE_WHY_OPTIONS], 1);
    const struct leave *l = b.proxy->all->inlined->leave;
    assert_int_equal(l->state, LEAVE_RESTS);
    assert_int_equal(l->until_ns, UINT64_MAX); /* that never changes */
    shutdown(c, SHUT_WR);
    char byte;
    assert_int_equal(heard(&b, s, &byte, 1), 0);
    close(s), close(c);
    assert_int_equal(ends(&b, SESSION_DONE), 1);
    asks_nothing(&b);
    tear_down(&b);
}

/* Rests double, and after the last there is no further try. */
static void test_it_is_tried_eight_times(void **state)
{
    struct bench b;
    int s;
    (void)state;
    set_up(&b, SPLICES);
    const int c = begin(&b, &s);
    for (unsigned i = 0; i < 8; i++) {
        const uint64_t before = clock_ns(CLOCK_MONOTONIC);
        answer(&b, INLINE_STAYS, SPLICE_WHY_HELD);
        struct leave *l = b.proxy->all->inlined->leave;
        for (unsigned turn = 0; turn < 100 && l->state == LEAVE_ASKED; turn++) proxy_turn(b.proxy, 10);
        assert_int_equal(l->state, LEAVE_RESTS);
        if (i == 7) break;
        assert_true(l->until_ns >= before + (UINT64_C(1000000000) << i) && l->until_ns != UINT64_MAX);
        l->until_ns = 0; /* skips the rest */
        session_again(b.proxy->all);
        asks_to_leave(&b, 0, 0, 0, 0);
    }
    assert_int_equal(((struct leave *)b.proxy->all->inlined->leave)->until_ns, UINT64_MAX);
    assert_int_equal(whole(b.proxy).stays[SPLICE_WHY_HELD], 8);
    close(s), close(c);
    ends(&b, SESSION_DONE);
    tear_down(&b);
}

static void test_none_that_left_lasts_longer(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, RULES("; splice packets; max age 1s"));
    begin_spliced(&b);
    asks_to_end(&b);
    assert_int_equal(ends(&b, SESSION_MAX_AGE), 1);
    tear_down(&b);
}

static void test_silence_is_what_the_worker_saw(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, "timeouts { proxy idle 1s }\n" SPLICES);
    begin_spliced(&b);
    uint64_t spoke = 0;
    const uint64_t from = clock_ns(CLOCK_MONOTONIC);
    struct inline_ask ask;
    while ((spoke = clock_ns(CLOCK_MONOTONIC)) < from + UINT64_C(1500000000)) {
        carry(&b, 1, 1, spoke);
        proxy_turn(b.proxy, 10);
        assert_false(leaving_asked(b.leaving, &ask));
    }
    const uint64_t last = b.leaving->carried[NUMBER].seen_ns;
    asks_to_end(&b);
    assert_true(clock_ns(CLOCK_MONOTONIC) >= last + UINT64_C(1000000000));
    assert_int_equal(ends(&b, SESSION_IDLE), 1);
    tear_down(&b);
}

/* After one end has closed, the other has the time of `proxy half_close`, whether it closed before or after the
 * connection left. */
static void test_a_half_has_a_time_of_its_own(void **state)
{
    (void)state;
    for (unsigned before = 0; before < 2; before++) {
        struct bench b;
        char byte;
        int s;
        set_up(&b, "timeouts { proxy half_close 1s }\n" SPLICES);
        if (!before) begin_spliced(&b);
        if (before) {
            const int c = begin(&b, &s);
            answer(&b, INLINE_STAYS, SPLICE_WHY_LATE);
            shutdown(c, SHUT_WR);
            assert_int_equal(heard(&b, s, &byte, 1), 0);
            b.proxy->all->inlined->leave->until_ns = 0; /* skips the rest */
            session_again(b.proxy->all);
            asks_to_leave(&b, 0, 0, 0, 0);
            answer(&b, INLINE_LEFT, SPLICE_WHY_NONE);
            is_reset(&b, c);
            close(s);
        } else {
            answer(&b, INLINE_HALF, SPLICE_WHY_NONE);
        }
        const uint64_t spoke = clock_ns(CLOCK_MONOTONIC);
        carry(&b, 1, 1, spoke);
        asks_to_end(&b);
        assert_true(clock_ns(CLOCK_MONOTONIC) >= spoke + UINT64_C(1000000000));
        assert_int_equal(ends(&b, SESSION_HALF_CLOSE), 1);
        tear_down(&b);
    }
}

static void test_who_ends_while_it_asks_ends_out_there(void **state)
{
    struct bench b;
    int s;
    (void)state;
    set_up(&b, SPLICES);
    const int c = begin(&b, &s);
    session_end(b.proxy->all, SESSION_SERVER_DOWN);
    asks_to_end(&b);
    answer(&b, INLINE_LEFT, SPLICE_WHY_NONE); /* on its way meanwhile */
    is_reset(&b, c);
    is_reset(&b, s);
    assert_int_equal(ends(&b, SESSION_SERVER_DOWN), 1);
    assert_int_equal(whole(b.proxy).spliced, 0);
    tear_down(&b);
}

/* The number is reused: no message about the old session reaches the new one. */
static void test_a_number_has_one_session(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, SPLICES);
    begin_spliced(&b);
    struct inline_open o = {.number = NUMBER,
                            .port = USE + 1,
                            .client = {CLIENT},
                            .server = {SERVER},
                            .client_port = CLIENT_PORT,
                            .server_port = SERVER_PORT,
                            .vlan = {VLAN_UNTAGGED, VLAN_UNTAGGED}};
    assert_true(inlined_put(b.inlined, &o, b.proxy->program->serial, 1));
    const int at = server(NUMBER, INLINE_ORIGINAL), c = client_of(NUMBER, USE + 1, false), s = accepted(&b, at);
    assert_true(s >= 0);
    const struct inline_ask ask = asked(&b);
    assert_int_equal(ask.kind, INLINE_LEAVE);
    assert_int_equal(ask.port, USE + 1);
    proxy_turn(b.proxy, 0);
    assert_int_equal(whole(b.proxy).ends[SESSION_IDLE], 1);
    assert_int_equal(whole(b.proxy).spliced_ended, 1);
    answer_as(&b, INLINE_OVER, SPLICE_WHY_CLIENT_RESET, USE);
    answer_as(&b, INLINE_LEFT, SPLICE_WHY_NONE, USE);
    asks_nothing(&b);
    assert_int_equal(b.proxy->all->inlined->leave->state, LEAVE_ASKED);
    answer_as(&b, INLINE_STAYS, SPLICE_WHY_ENDS, USE + 1);
    says(&b, c, s, "another");
    close(c), close(s), close(at);
    ends(&b, SESSION_DONE);
    tear_down(&b);
}

static void test_a_reload_finds_it(void **state)
{
    struct bench b;
    struct remap *remap[2];
    (void)state;
    set_up(&b, SPLICES);
    begin_spliced(&b);
    struct snapshot *first = reload(&b,
                                    "firewall all default accept { }\n"
                                    "service other on 192.0.2.99 tcp/22 { mode proxy inline }\n"
                                    "service s on any tcp/80 { mode proxy inline; on reload close; splice packets }\n",
                                    &remap[0]);
    assert_int_equal(listed(&b).flow.service, 1);
    assert_int_equal(listed(&b).phase, PHASE_SPLICED);
    asks_nothing(&b);
    sessions_end(b.proxy, SESSION_RELOADED);
    asks_to_end(&b);
    assert_int_equal(ends(&b, SESSION_RELOADED), 1);
    tear_down(&b);
    remap_free(remap[0]);
    snapshot_free(first);
}

/* A full ring loses nothing. */
static void test_a_full_ring_is_tried_again(void **state)
{
    struct bench b;
    struct inline_ask ask, none = {.kind = INLINE_END, .number = 99};
    unsigned filled = 0;
    (void)state;
    set_up(&b, SPLICES);
    while (leaving_ask(b.leaving, &none)) filled++;
    const int at = server(NUMBER, INLINE_ORIGINAL), c = client(&b, NUMBER), s = accepted(&b, at);
    for (unsigned i = 0; i < QUIET_TURNS; i++) proxy_turn(b.proxy, 1);
    assert_null(b.proxy->loop.first); /* it waits for room, and doesn't ask in each turn */
    for (; filled; filled--) assert_true(leaving_asked(b.leaving, &ask) && ask.number == 99);
    asks_to_leave(&b, 0, 0, 0, 0);
    answer(&b, INLINE_LEFT, SPLICE_WHY_NONE);
    is_reset(&b, c);
    is_reset(&b, s);
    while (leaving_ask(b.leaving, &none)) filled++;
    sessions_end(b.proxy, SESSION_MAX_AGE);
    for (unsigned i = 0; i < QUIET_TURNS; i++) proxy_turn(b.proxy, 1);
    assert_non_null(b.proxy->all);
    assert_null(b.proxy->loop.first);
    for (; filled; filled--) assert_true(leaving_asked(b.leaving, &ask) && ask.number == 99);
    asks_to_end(&b);
    assert_int_equal(ends(&b, SESSION_MAX_AGE), 1);
    close(at);
    tear_down(&b);
}

/* A writer that had no room is woken once the other side has read. */
static void test_a_full_ring_wakes_who_waits(void **state)
{
    const struct inline_told told = {.kind = INLINE_OVER, .number = 7};
    struct inline_told heard_of;
    uint64_t calls;
    unsigned filled = 0;
    (void)state;
    const int fd = eventfd(0, EFD_NONBLOCK);
    struct leaving *l = leaving_new(10, 0, fd);
    for (; leaving_has_room(l); filled++) leaving_tell(l, &told);
    assert_true(filled > 0);
    assert_int_equal(read(fd, &calls, sizeof calls), -1);
    assert_true(leaving_hear(l, &heard_of) && heard_of.number == 7);
    assert_int_equal(read(fd, &calls, sizeof calls), sizeof calls);
    assert_true(leaving_has_room(l));
    /* The loop is woken, too, and again when the worker stops */
    const struct inline_ask end = {.kind = INLINE_END};
    struct inline_ask ask;
    while (leaving_ask(l, &end)) continue;
    assert_int_equal(read(l->told_fd, &calls, sizeof calls), -1);
    assert_true(leaving_asked(l, &ask));
    assert_int_equal(read(l->told_fd, &calls, sizeof calls), sizeof calls);
    assert_true(leaving_ask(l, &end));
    assert_false(leaving_ask(l, &end));
    leaving_stop(l);
    assert_int_equal(read(l->told_fd, &calls, sizeof calls), sizeof calls);
    for (unsigned i = 0; i < 5000; i++) assert_true(leaving_ask(l, &(struct inline_ask){.kind = INLINE_END}));
    leaving_free(l);
    close(fd);
}

/* Leftovers of an earlier process are reported to the loop and to the main thread; either wakes a writer that waits
 * for room. Memory of both processes shows the counts of each. */
static void test_another_process_hears_of_it(void **state)
{
    const struct inline_told own = {.kind = INLINE_OVER, .number = 7}, former = {.number = 8, .former = 1};
    struct inline_told heard_of;
    uint64_t calls;
    (void)state;
    const int fd = eventfd(0, EFD_NONBLOCK), memory = memfd_create("carried", MFD_CLOEXEC);
    const off_t bytes = 10 * (off_t)sizeof(struct inline_carried);
    assert_int_equal(ftruncate(memory, bytes - 1), 0);
    assert_null(leaving_new(10, memory, fd));
    assert_int_equal(ftruncate(memory, bytes), 0);
    struct leaving *l = leaving_new(10, memory, fd), *other = leaving_new(10, memory, fd);
    assert_true(l && other);
    leaving_tell(l, &own);
    leaving_tell(l, &former);
    assert_true(leaving_away(l, &heard_of) && heard_of.number == 8);
    assert_false(leaving_away(l, &heard_of));
    assert_true(leaving_hear(l, &heard_of) && heard_of.number == 7);
    assert_true(leaving_hear(l, &heard_of) && heard_of.number == 8);
    while (leaving_has_room(l)) {
        leaving_tell(l, &former);
        assert_true(leaving_hear(l, &heard_of)); /* it isn't the loop that lacks room */
    }
    assert_int_equal(read(fd, &calls, sizeof calls), -1);
    assert_true(leaving_away(l, &heard_of));
    assert_int_equal(read(fd, &calls, sizeof calls), sizeof calls);
    assert_true(leaving_has_room(l));
    l->carried[3] = (struct inline_carried){.bytes = {1, 2}, .seen_ns = 3};
    assert_int_equal(leaving_carried(other, 3).bytes[1], 2);
    leaving_free(l);
    leaving_free(other);
    close(memory);
    close(fd);
}

/* While one half ends the connection stays; once that end was passed on, the other half may leave. */
static void test_a_half_leaves(void **state)
{
    struct bench b;
    char byte;
    int s;
    (void)state;
    set_up(&b, SPLICES);
    const int c = begin(&b, &s);
    shutdown(c, SHUT_WR);
    answer(&b, INLINE_STAYS, SPLICE_WHY_MOVED);
    assert_int_equal(heard(&b, s, &byte, 1), 0);
    says(&b, s, c, "and it goes on");
    struct leave *l = b.proxy->all->inlined->leave;
    l->until_ns = 0;
    session_again(b.proxy->all);
    asks_to_leave(&b, 0, 14, 14, 0);
    answer(&b, INLINE_LEFT, SPLICE_WHY_NONE);
    is_reset(&b, c);
    close(s); /* it got the end before */
    assert_int_equal(whole(b.proxy).spliced, 1);
    answer(&b, INLINE_OVER, SPLICE_WHY_DONE);
    assert_int_equal(ends(&b, SESSION_DONE), 1);
    tear_down(&b);
}

/* A branch to `pass` acts like the clause, for its connections. */
static void test_a_branch_lets_some_leave(void **state)
{
    struct bench b;
    char byte;
    (void)state;
    set_up(&b, RULES("; when bytes payload at 0 is x\"4e4f\" -> original; else -> pass"));
    for (unsigned i = 0; i < 2; i++) {
        const int at = server(NUMBER, INLINE_ORIGINAL), c = client(&b, NUMBER);
        assert_int_equal(send(c, i ? "NO" : "OK", 2, MSG_NOSIGNAL), 2);
        const int s = accepted(&b, at);
        assert_true(s >= 0);
        if (!i) asks_to_leave(&b, 2, 0, 0, 2);
        if (!i) answer(&b, INLINE_STAYS, SPLICE_WHY_SCALE);
        hears(&b, s, i ? "NO" : "OK");
        asks_nothing(&b);
        close(s); /* first, so that its port may be reused */
        assert_int_equal(heard(&b, c, &byte, 1), 0);
        close(c), close(at);
    }
    assert_int_equal(ends(&b, SESSION_DONE), 2);
    tear_down(&b);
}

/* Send an instruction with its checksum, as text. */
static void instruct(int c, const char *target)
{
    char said[100];
    unsigned sum = 0;
    int n = snprintf(said, sizeof said, "%02zu%s", strlen(target) + 4, target);
    for (int i = 0; i < n; i++) sum += (uint8_t)said[i];
    n += snprintf(said + n, sizeof said - (size_t)n, "%02u", sum % 100);
    assert_int_equal(send(c, said, (size_t)n, MSG_NOSIGNAL), n);
}

#define TO_TARGET(more)                                                                                                \
    RULES(more "; when instruction check sum to 203.0.113.0/24, 2001:db8::/32 -> target; else -> original")

/* The worker gets the target of an instruction before the connection to it begins. */
static void test_a_target_is_told_before(void **state)
{
    struct bench b;
    struct inline_ask ask;
    char byte;
    (void)state;
    set_up(&b, TO_TARGET(""));
    const int at = server(NUMBER, INLINE_TARGETS), c = client(&b, NUMBER);
    instruct(c, "203.0.113.5:8080");
    ask = asked(&b);
    assert_int_equal(ask.kind, INLINE_TARGET);
    assert_int_equal(ask.number, NUMBER);
    assert_int_equal(ask.port, USE);
    assert_int_equal(ask.of.target.addr[0], 0xcb007105);
    assert_int_equal(ask.of.target.port, 8080);
    const int s = accepted(&b, at);
    assert_true(s >= 0);
    says(&b, s, c, "reached");
    says(&b, c, s, "hello");
    asks_nothing(&b);
    shutdown(c, SHUT_WR);
    assert_int_equal(heard(&b, s, &byte, 1), 0);
    close(s), close(c), close(at);
    assert_int_equal(ends(&b, SESSION_DONE), 1);
    tear_down(&b);
}

static void test_a_target_waits_for_room(void **state)
{
    struct bench b;
    struct inline_ask ask, none = {.kind = INLINE_END, .number = 99};
    unsigned filled = 0;
    (void)state;
    set_up(&b, TO_TARGET(""));
    while (leaving_ask(b.leaving, &none)) filled++;
    const int at = server(NUMBER, INLINE_TARGETS), c = client(&b, NUMBER);
    instruct(c, "203.0.113.5:8080");
    for (unsigned i = 0; i < QUIET_TURNS; i++) proxy_turn(b.proxy, 1);
    assert_int_equal(accept4(at, NULL, NULL, SOCK_NONBLOCK), -1);
    assert_null(b.proxy->loop.first);
    for (; filled; filled--) assert_true(leaving_asked(b.leaving, &ask) && ask.number == 99);
    assert_int_equal(asked(&b).kind, INLINE_TARGET);
    const int s = accepted(&b, at);
    assert_true(s >= 0);
    close(s), close(c), close(at);
    ends(&b, SESSION_DONE);
    tear_down(&b);
}

/* On the wire a target sees the client, so it must have the client's family. */
static void test_a_target_of_the_other_family_is_none(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, TO_TARGET(""));
    const int c = client(&b, NUMBER);
    instruct(c, "[2001:db8::5]:8080");
    is_reset(&b, c);
    assert_int_equal(ends(&b, SESSION_FAMILY), 1);
    asks_to_end(&b);
    asks_nothing(&b);
    tear_down(&b);
}

/* So an instruction that requests our address there is rejected. */
static void test_a_target_sees_the_client(void **state)
{
    struct bench b;
    char said[INSTRUCTION_PADDED];
    (void)state;
    set_up(&b, TO_TARGET(""));
    memset(said, ' ', sizeof said);
    memcpy(said, "2 203.0.113.5 8080", 18);
    const int c = client(&b, NUMBER);
    assert_int_equal(send(c, said, sizeof said, MSG_NOSIGNAL), sizeof said);
    is_reset(&b, c);
    assert_int_equal(ends(&b, SESSION_INSTRUCTION), 1);
    asks_to_end(&b);
    asks_nothing(&b);
    tear_down(&b);
}

/* Without the clause nothing is requested. */
static void test_others_keep_their_sockets(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, RULES(""));
    const int at = server(NUMBER, INLINE_ORIGINAL), c = client(&b, NUMBER), s = accepted(&b, at);
    says(&b, c, s, "hello");
    asks_nothing(&b);
    close(c), close(s), close(at);
    ends(&b, SESSION_DONE);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        netns_test(test_a_session_lives_on_without_sockets),
        netns_test(test_ends_of_both_ends_are_told),
        netns_test(test_what_came_before_is_moved_first),
        netns_test(test_a_clients_header_is_counted),
        netns_test(test_who_stays_is_a_proxys_and_asks_later),
        netns_test(test_it_is_tried_eight_times),
        netns_test(test_none_that_left_lasts_longer),
        netns_test(test_silence_is_what_the_worker_saw),
        netns_test(test_a_half_has_a_time_of_its_own),
        netns_test(test_who_ends_while_it_asks_ends_out_there),
        netns_test(test_a_number_has_one_session),
        netns_test(test_a_reload_finds_it),
        netns_test(test_a_full_ring_is_tried_again),
        netns_test(test_a_full_ring_wakes_who_waits),
        netns_test(test_another_process_hears_of_it),
        netns_test(test_a_half_leaves),
        netns_test(test_a_branch_lets_some_leave),
        netns_test(test_a_target_is_told_before),
        netns_test(test_a_target_waits_for_room),
        netns_test(test_a_target_of_the_other_family_is_none),
        netns_test(test_a_target_sees_the_client),
        netns_test(test_others_keep_their_sockets),
    };
    return netns_run(tests, sizeof tests / sizeof *tests);
}
