/* `mode proxy inline`: sessions from the inline stack to the original destination, to pools and through a program. */
#include "tests/unit/runtime/inline_bench.h"

static void test_who_is_known_gets_to_the_original(void **state)
{
    struct bench b;
    struct session_listing l = {0};
    char byte;
    (void)state;
    set_up(&b, RULES(""));
    const int at = server(3, INLINE_ORIGINAL), c = client(&b, 3), s = accepted(&b, at);
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    assert_true(s >= 0);
    assert_int_equal(getpeername(s, (struct sockaddr *)&from, &len), 0);
    assert_int_equal(ntohl(from.sin_addr.s_addr), 0x20000003);
    says(&b, s, c, "220 the server speaks first");
    says(&b, c, s, "HELO");
    sessions_list(b.proxy, &l);
    assert_int_equal(l.count, 1);
    const struct flow_record *f = &l.sessions[0].flow;
    assert_int_equal(f->src[0], CLIENT);
    assert_int_equal(f->dst[0], SERVER);
    assert_int_equal(f->src_port, CLIENT_PORT);
    assert_int_equal(f->dst_port, SERVER_PORT);
    assert_int_equal(f->vlan[0], OUTER);
    assert_int_equal(f->vlan[1], VLAN);
    assert_int_equal(f->service, 0);
    assert_int_equal(f->server, PBC_NONE);
    assert_int_equal(l.sessions[0].phase, PHASE_OPEN);
    shutdown(c, SHUT_WR);
    assert_int_equal(heard(&b, s, &byte, 1), 0);
    says(&b, s, c, "and it goes on");
    close(s);
    assert_int_equal(heard(&b, c, &byte, 1), 0);
    close(c), close(at);
    assert_int_equal(ends(&b, SESSION_DONE), 1);
    assert_int_equal(whole(b.proxy).connected, 1);
    assert_int_equal(whole(b.proxy).strangers, 0);
    tear_down(&b);
}

static void test_ipv6_is_no_other(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, RULES(""));
    const int at = bound_as(INLINE_SERVER, 4, true, INLINE_ORIGINAL, true);
    fcntl(at, F_SETFL, O_NONBLOCK);
    tell(&b, 4, true);
    const int c = client_of(4, USE, true), s = accepted(&b, at);
    assert_true(s >= 0);
    says(&b, c, s, "hello");
    says(&b, s, c, "hello there");
    close(s), close(c), close(at);
    ends(&b, SESSION_DONE);
    tear_down(&b);
}

static void test_who_is_unknown_is_reset(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, RULES(""));
    tell(&b, 3, false);
    is_reset(&b, client_of(9, USE, false));
    is_reset(&b, client_of(3, USE + 1, false)); /* the number belonged to another */
    is_reset(&b, client_of(1 << 20, USE, false));
    assert_int_equal(whole(b.proxy).unknown, 3);
    assert_int_equal(whole(b.proxy).sessions, 0);
    tear_down(&b);
}

static void test_a_pools_servers_are_tried(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, TO_POOL("server dead 203.0.113.1:80; server one 203.0.113.2:80", " send proxy v1"));
    const int at = server(3, INLINE_SERVERS + 1);
    for (unsigned i = 0; i < 2; i++) {
        const int c = client(&b, 3), s = accepted(&b, at);
        assert_true(s >= 0);
        hears(&b, s, "PROXY TCP4 192.0.2.7 198.51.100.9 40000 80\r\n");
        says(&b, c, s, "hello");
        const struct linger at_once = {.l_onoff = 1};
        setsockopt(c, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(c);
        is_reset(&b, s);
    }
    close(at);
    assert_int_equal(ends(&b, SESSION_CLIENT_RESET), 2);
    assert_int_equal(whole(b.proxy).retried, 1);
    tear_down(&b);
}

static void test_servers_of_the_other_family_are_none(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, TO_POOL("server six [2001:db8::1]:80", ""));
    is_reset(&b, client(&b, 3));
    assert_int_equal(ends(&b, SESSION_NO_SERVER), 1);
    tear_down(&b);
}

static void test_who_is_rejected_is_reset(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, RULES("; when bytes payload at 0 is x\"4e4f\" -> reject; else -> original"));
    const int at = server(3, INLINE_ORIGINAL), bad = client(&b, 3);
    assert_int_equal(send(bad, "NO", 2, MSG_NOSIGNAL), 2);
    is_reset(&b, bad);
    const int c = client(&b, 3);
    assert_int_equal(send(c, "YES", 3, MSG_NOSIGNAL), 3);
    const int s = accepted(&b, at);
    assert_true(s >= 0);
    hears(&b, s, "YES");
    close(s), close(c), close(at);
    assert_int_equal(ends(&b, SESSION_REJECTED), 1);
    tear_down(&b);
}

static void test_who_finds_no_server_is_reset(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, RULES(""));
    is_reset(&b, client(&b, 3));
    assert_int_equal(ends(&b, SESSION_SERVER_REFUSED), 1);
    tear_down(&b);
}

static void test_silence_has_an_end(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, "timeouts { proxy idle 1s }\n" RULES(""));
    const int at = server(3, INLINE_ORIGINAL), c = client(&b, 3), s = accepted(&b, at);
    says(&b, c, s, "hello");
    is_reset(&b, c);
    is_reset(&b, s);
    close(at);
    assert_int_equal(ends(&b, SESSION_IDLE), 1);
    tear_down(&b);
}

/* `max age` ends even connections that send all the time. */
static void test_none_lasts_longer(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, RULES("; max age 1s"));
    const int at = server(3, INLINE_ORIGINAL), c = client(&b, 3), s = accepted(&b, at);
    says(&b, c, s, "hello");
    says(&b, s, c, "hello there");
    is_reset(&b, c);
    is_reset(&b, s);
    close(at);
    assert_int_equal(ends(&b, SESSION_MAX_AGE), 1);
    tear_down(&b);
}

/* Send a request, and its reply by this server. */
static void asks(struct bench *b, int c, int s, const char *path)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char text[200], got[500];
    const int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
    assert_int_equal(send(c, text, (size_t)n, MSG_NOSIGNAL), n);
    const ssize_t came = heard(b, s, got, sizeof got - 1);
    assert_true(came > 0);
    got[came] = 0;
    assert_memory_equal(got, text, 5 + strlen(path));
    assert_int_equal(send(s, answer, sizeof answer - 1, MSG_NOSIGNAL), sizeof answer - 1);
    assert_true(heard(b, c, got, sizeof got) > 0);
}

/* A connection to a server is kept for its client's next request, not for another client's; one at a time. */
static void test_requests_of_a_client_share_a_connection(void **state)
{
    struct bench b;
    char byte;
    (void)state;
    set_up(&b, "firewall all default accept { }\npool p { server one 203.0.113.2:80 }\nservice s on any tcp/80 "
               "{ mode proxy inline http; when path \"/pool\" -> p; else -> original }\n");
    const int at = server(3, INLINE_ORIGINAL), pool_at = server(3, INLINE_SERVERS), c = client(&b, 3);
    static const char first[] = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_int_equal(send(c, first, sizeof first - 1, MSG_NOSIGNAL), sizeof first - 1);
    const int s = accepted(&b, at);
    assert_true(s >= 0);
    hears(&b, s, "GET /a");
    for (char rest[500]; heard(&b, s, rest, sizeof rest) == sizeof rest;) continue;
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(send(s, answer, sizeof answer - 1, MSG_NOSIGNAL), sizeof answer - 1);
    hears(&b, c, "HTTP/1.1 200");
    for (char rest[500]; heard(&b, c, rest, sizeof rest) == sizeof rest;) continue;
    asks(&b, c, s, "/b");
    assert_int_equal(whole(b.proxy).http[HTTP_COUNT_REUSED], 1);
    static const char pool[] = "GET /pool HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_int_equal(send(c, pool, sizeof pool - 1, MSG_NOSIGNAL), sizeof pool - 1);
    const int other = accepted(&b, pool_at);
    assert_true(other >= 0);
    assert_int_equal(heard(&b, s, &byte, 1), 0); /* there is one at a time */
    close(c), close(s), close(other), close(at), close(pool_at);
    ends(&b, SESSION_DONE);
    tear_down(&b);
}

/* Accepted clients continue; those reported under the old program are judged again. */
static void test_a_reload_takes_nobody_away(void **state)
{
    struct bench b;
    struct remap *remap;
    (void)state;
    set_up(&b, RULES(""));
    const int at = server(3, INLINE_ORIGINAL), late_at = server(5, INLINE_ORIGINAL);
    const int c = client(&b, 3), s = accepted(&b, at);
    says(&b, c, s, "before");
    tell(&b, 5, false);
    tell(&b, 6, false);
    struct snapshot *w = reload(&b,
                                "firewall all default accept { }\n"
                                "service other on 192.0.2.99 tcp/22 { mode proxy inline }\n"
                                "service s on any tcp/80 { mode proxy inline }\n",
                                &remap);
    says(&b, s, c, "after");
    const int late = client_of(5, USE, false), late_s = accepted(&b, late_at);
    assert_true(late_s >= 0);
    says(&b, late, late_s, "hello");
    const struct session *one = b.proxy->all;
    for (; one; one = one->next) assert_int_equal(one->service, 1);
    close(s), close(c), close(late), close(late_s), close(at), close(late_at);
    ends(&b, SESSION_DONE);
    assert_int_equal(whole(b.proxy).unknown, 0);
    tear_down(&b);
    remap_free(remap);
    snapshot_free(w);
}

/* With `on reload close`, connections end if the service is gone or the rules reject them. */
static void test_a_reload_ends_who_is_refused(void **state)
{
    struct bench b;
    struct remap *remap;
    (void)state;
    set_up(&b, RULES("; on reload close"));
    const int at = server(3, INLINE_ORIGINAL), c = client(&b, 3), s = accepted(&b, at);
    says(&b, c, s, "before");
    struct snapshot *w = reload(&b,
                                "firewall all default accept { drop ether from 02:00:00:00:00:01 }\n"
                                "service s on any tcp/80 { mode proxy inline; on reload close }\n",
                                &remap);
    is_reset(&b, c);
    is_reset(&b, s);
    close(at);
    assert_int_equal(ends(&b, SESSION_RELOADED), 1);
    tear_down(&b);
    remap_free(remap);
    snapshot_free(w);
}

#define TO_PROGRAM RULES("; -> program \"/run/prey/test.sock\"")
enum { UP, DOWN, HEAD = 12 + 4 + 12, TLV_WAY_AT = HEAD, TLVS = 4 + 11 + 9 + 9 + 7 + 6 };

static void head_is(struct bench *b, unsigned way, uint8_t number[8])
{
    static const uint8_t begin[HEAD] = {'\r',
                                        '\n',
                                        '\r',
                                        '\n',
                                        0,
                                        '\r',
                                        '\n',
                                        'Q',
                                        'U',
                                        'I',
                                        'T',
                                        '\n',
                                        0x21,
                                        0x11,
                                        0,
                                        12 + TLVS,
                                        192,
                                        0,
                                        2,
                                        7,
                                        198,
                                        51,
                                        100,
                                        9,
                                        CLIENT_PORT >> 8,
                                        CLIENT_PORT & 255,
                                        0,
                                        SERVER_PORT};
    static const uint8_t rest[] = {0xe2, 0, 6,    2, 0, 0, 0,     0, 1,    0xe3, 0, 6, 2,   0,   0,  0,
                                   0,    2, 0xe4, 0, 4, 0, OUTER, 0, VLAN, 0xe5, 0, 3, 'e', 't', 'h'};
    uint8_t got[HEAD + TLVS];
    size_t n = 0;
    for (ssize_t more; n < sizeof got && (more = heard(b, in_program[way], got + n, sizeof got - n)) > 0;)
        n += (size_t)more;
    assert_int_equal(n, sizeof got);
    assert_memory_equal(got, begin, HEAD);
    assert_memory_equal(got + HEAD, ((uint8_t[]){0xe0, 0, 1, (uint8_t)(way + 1), 0xe1, 0, 8}), 7);
    memcpy(number, got + HEAD + 7, 8);
    assert_memory_equal(got + HEAD + 15, rest, sizeof rest);
}

/* Open a connection through the program, which has read both headers. *s: the server's end. Return the client's. */
static int through_program(struct bench *b, int at, int *s)
{
    uint8_t number[2][8];
    const int c = client(b, 3);
    in_program[DOWN] = -1;
    *s = accepted(b, at);
    assert_true(*s >= 0);
    for (unsigned i = 0; i < 100 && in_program[DOWN] < 0; i++) proxy_turn(b->proxy, 10);
    for (unsigned way = 0; way < 2; way++) head_is(b, way, number[way]);
    assert_memory_equal(number[UP], number[DOWN], 8);
    return c;
}

static void test_a_program_is_in_the_middle(void **state)
{
    struct bench b;
    char byte;
    int s;
    (void)state;
    set_up(&b, TO_PROGRAM);
    const int at = server(3, INLINE_ORIGINAL), c = through_program(&b, at, &s);
    says(&b, c, in_program[UP], "secret");
    says(&b, in_program[UP], s, "public");
    says(&b, s, in_program[DOWN], "yes");
    says(&b, in_program[DOWN], c, "no");
    shutdown(c, SHUT_WR);
    assert_int_equal(heard(&b, in_program[UP], &byte, 1), 0);
    says(&b, in_program[UP], s, "one more");
    close(in_program[UP]);
    assert_int_equal(heard(&b, s, &byte, 1), 0);
    says(&b, s, in_program[DOWN], "bye");
    close(s);
    assert_int_equal(heard(&b, in_program[DOWN], &byte, 1), 0);
    says(&b, in_program[DOWN], c, "good bye");
    close(in_program[DOWN]);
    assert_int_equal(heard(&b, c, &byte, 1), 0);
    close(c), close(at);
    assert_int_equal(ends(&b, SESSION_DONE), 1);
    assert_int_equal(b.proxy->middles.used, 0);
    assert_int_equal(whole(b.proxy).up_bytes, 14);
    assert_int_equal(whole(b.proxy).down_bytes, 10);
    tear_down(&b);
}

/* The program ends one direction, and the other continues. */
static void test_a_program_may_end_a_way_in_order(void **state)
{
    struct bench b;
    char byte;
    int s;
    (void)state;
    set_up(&b, TO_PROGRAM);
    const int at = server(3, INLINE_ORIGINAL), c = through_program(&b, at, &s);
    says(&b, c, in_program[UP], "too much");
    assert_int_equal(send(in_program[UP], "enough", 6, 0), 6);
    shutdown(in_program[UP], SHUT_WR);
    hears(&b, s, "enough");
    assert_int_equal(heard(&b, s, &byte, 1), 0);
    close(in_program[UP]);
    assert_int_equal(send(c, "and more", 8, MSG_NOSIGNAL), 8);
    says(&b, s, in_program[DOWN], "yes");
    says(&b, in_program[DOWN], c, "yes");
    close(s);
    assert_int_equal(heard(&b, in_program[DOWN], &byte, 1), 0);
    close(in_program[DOWN]);
    heard(&b, c, &byte, 1);
    close(c), close(at);
    assert_int_equal(ends(&b, SESSION_DONE), 1);
    tear_down(&b);
}

static void test_a_program_that_dies_ends_both(void **state)
{
    struct bench b;
    int s;
    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        set_up(&b, TO_PROGRAM);
        const int at = server(3, INLINE_ORIGINAL), c = through_program(&b, at, &s);
        says(&b, c, in_program[UP], "hello");
        assert_int_equal(send(in_program[way], "half of i", 9, 0), 9);
        close(in_program[way]);
        is_reset_at_last(&b, c);
        is_reset_at_last(&b, s);
        close(in_program[!way]), close(at);
        assert_int_equal(ends(&b, SESSION_PROGRAM), 1);
        tear_down(&b);
    }
}

static void test_a_program_that_reads_nothing_is_idle(void **state)
{
    struct bench b;
    char bytes[4096];
    int s;
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    set_up(&b, "timeouts { proxy idle 1s }\n" TO_PROGRAM);
    const int at = server(3, INLINE_ORIGINAL), c = through_program(&b, at, &s);
    for (const uint64_t end = clock_ns(CLOCK_MONOTONIC) + 500000000; clock_ns(CLOCK_MONOTONIC) < end;) {
        send(c, bytes, sizeof bytes, MSG_NOSIGNAL);
        proxy_turn(b.proxy, 1);
    }
    is_reset(&b, s);
    assert_int_equal(ends(&b, SESSION_IDLE), 1);
    close(c), close(at), close(in_program[0]), close(in_program[1]);
    tear_down(&b);
}

static void test_without_its_program_a_connection_ends(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b, RULES("; -> program \"/run/prey/none.sock\""));
    const int at = server(3, INLINE_ORIGINAL);
    is_reset(&b, client(&b, 3));
    close(at);
    assert_int_equal(ends(&b, SESSION_PROGRAM), 1);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        netns_test(test_who_is_known_gets_to_the_original),
        netns_test(test_ipv6_is_no_other),
        netns_test(test_who_is_unknown_is_reset),
        netns_test(test_a_pools_servers_are_tried),
        netns_test(test_servers_of_the_other_family_are_none),
        netns_test(test_who_is_rejected_is_reset),
        netns_test(test_who_finds_no_server_is_reset),
        netns_test(test_silence_has_an_end),
        netns_test(test_none_lasts_longer),
        netns_test(test_requests_of_a_client_share_a_connection),
        netns_test(test_a_reload_takes_nobody_away),
        netns_test(test_a_reload_ends_who_is_refused),
        netns_test(test_a_program_is_in_the_middle),
        netns_test(test_a_program_may_end_a_way_in_order),
        netns_test(test_a_program_that_dies_ends_both),
        netns_test(test_a_program_that_reads_nothing_is_idle),
        netns_test(test_without_its_program_a_connection_ends),
    };
    return netns_run(tests, sizeof tests / sizeof *tests);
}
