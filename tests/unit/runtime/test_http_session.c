/* Complete sessions of `mode proxy http`: the data that clients and servers get. */
#include "tests/unit/runtime/http_scene.h"
#include "vm/forward/balance/balance_priv.h"
#include "vm/forward/choose_priv.h"

#define TOLD_OF(host)                                                                                                  \
    "X-Forwarded-Host: " host "\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\nX-Real-IP: 127.0.0.1\r\n"      \
    "X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1;proto=http\r\nVia: 1.1 prey\r\n\r\n"
#define TOLD TOLD_OF("a")

static void each_request_goes_where_its_host_and_path_say(void **state)
{
    struct scene *s = *state;
    const int c = client();
    say(c, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    const int one = come(s, 0);
    hears(s, one, "GET /1 HTTP/1.1\r\nHost: a\r\n" TOLD);
    say(one, OK);
    hears(s, c, OK);
    say(c, "GET /2 HTTP/1.1\r\nHost: B:8080\r\n\r\n");
    const int two = come(s, 1);
    hears(s, two, "GET /2 HTTP/1.1\r\nHost: B:8080\r\n" TOLD_OF("B:8080"));
    say(two, OK);
    hears(s, c, OK);
    /* Both connections are kept and reused. */
    say(c, "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    hears(s, one, "GET /3 HTTP/1.1\r\nHost: a\r\n" TOLD);
    say(one, OK);
    hears(s, c, OK);
    say(c, "GET /x/../two/4 HTTP/1.1\r\nHost: a\r\n\r\n");
    hears(s, two, "GET /x/../two/4 HTTP/1.1\r\nHost: a\r\n" TOLD);
    say(two, OK);
    hears(s, c, OK);
    assert_int_equal(whole(s->proxy).http[HTTP_COUNT_REUSED], 2);
    close(c), close(one), close(two);
}

static void a_body_that_comes_byte_by_byte(void **state)
{
    struct scene *s = *state;
    static const char sent[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n";
    const int c = client();
    for (size_t i = 0; i < sizeof sent - 1; i++) {
        say(c, (char[]){sent[i], 0});
        proxy_turn(s->proxy, 0);
    }
    const int one = come(s, 0);
    hears(s, one,
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" TOLD "3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n");
    static const char answer[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    for (size_t i = 0; i < sizeof answer - 1; i++) {
        say(one, (char[]){answer[i], 0});
        proxy_turn(s->proxy, 0);
    }
    hears(s, c, answer);
    close(c), close(one);
}

static void what_is_sent_ahead_is_answered_in_order(void **state)
{
    struct scene *s = *state;
    const int c = client();
    say(c, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabcGET /3 "
           "HTTP/1.1\r\n"
           "Host: a\r\n\r\n");
    const int one = come(s, 0);
    hears(s, one, "GET /1 HTTP/1.1\r\nHost: a\r\n" TOLD);
    assert_true(nobody_came(s, 1));
    say(one, OK);
    const int two = come(s, 1);
    hears(s, two, "POST /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n" TOLD_OF("b") "abc");
    say(two, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    hears(s, one, "GET /3 HTTP/1.1\r\nHost: a\r\n" TOLD);
    say(one, OK);
    hears(s, c, OK "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" OK);
    close(c), close(one), close(two);
}

static void a_client_of_http_1_0(void **state)
{
    struct scene *s = *state;
    int c = client();
    say(c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const int one = come(s, 0);
    assert_true(begins(heard(s, one, "\r\n\r\n"), "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"));
    say(one, "HTTP/1.1 100 Continue\r\n\r\n" OK);
    hears(s, c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok");
    say(c, "GET / HTTP/1.0\r\n\r\n");
    heard(s, one, "\r\n\r\n");
    say(one, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_string_equal(heard(s, c, ""), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde");
    close(c), close(one);
}

static void answers_without_a_body(void **state)
{
    struct scene *s = *state;
    const int c = client();
    say(c, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    const int one = come(s, 0);
    heard(s, one, "\r\n\r\n");
    say(one, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    hears(s, c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    heard(s, one, "\r\n\r\n");
    say(one, "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n");
    hears(s, c, "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n");
    say(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    heard(s, one, "\r\n\r\n");
    say(one, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_string_equal(heard(s, c, ""), "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    close(c), close(one);
}

static void a_client_that_waits_for_100(void **state)
{
    struct scene *s = *state;
    const int c = client();
    say(c, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    const int one = come(s, 0);
    heard(s, one, "\r\n\r\n");
    say(one, "HTTP/1.1 100 Continue\r\n\r\n");
    hears(s, c, "HTTP/1.1 100 Continue\r\n\r\n");
    say(c, "abc");
    hears(s, one, "abc");
    say(one, OK);
    hears(s, c, OK);
    /* A reply without 100: the client keeps its body, so further data can't be distinguished on either connection. */
    say(c, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    heard(s, one, "\r\n\r\n");
    say(one, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    assert_string_equal(heard(s, c, ""), "HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_string_equal(heard(s, one, ""), "");
    close(c), close(one);
}

static void another_protocol_takes_over(void **state)
{
    struct scene *s = *state;
    static const char switched[] =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    int c = client();
    say(c, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly");
    int one = come(s, 0);
    assert_non_null(strstr(heard(s, one, "\r\n\r\n"), "Connection: upgrade\r\nUpgrade: websocket\r\n"));
    say(one, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nfirst");
    assert_true(begins(heard(s, c, "first"), switched));
    hears(s, one, "early");
    say(c, "up"), hears(s, one, "up");
    say(one, "down"), hears(s, c, "down");
    shutdown(c, SHUT_WR);
    assert_string_equal(heard(s, one, ""), "");
    say(one, "last");
    close(one);
    assert_string_equal(heard(s, c, ""), "last");
    close(c);

    c = client();
    say(c, "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n");
    one = come(s, 1);
    heard(s, one, "\r\n\r\n");
    say(one, "HTTP/1.1 200 OK\r\n\r\n");
    hears(s, c, "HTTP/1.1 200 OK\r\n\r\n");
    say(c, "up"), hears(s, one, "up");
    close(c), close(one);

    /* A server that switches without a request. */
    c = client();
    say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    one = come(s, 0);
    heard(s, one, "\r\n\r\n");
    say(one, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
    assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 502 "));
    close(c), close(one);
}

/* Requests that no server may see: each gets a reply, and the connection ends. */
static const struct {
    const char *sent, *answer;
} refused[] = {
    {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
    {"GET / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400 "},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 "},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "HTTP/1.1 400 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n", "HTTP/1.1 400 "},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 "},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.1 501 "},
};

static void malformed_requests_reach_no_server(void **state)
{
    struct scene *s = *state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const int c = client();
        say(c, refused[i].sent);
        const char *answer = heard(s, c, "</p>\n");
        if (!begins(answer, refused[i].answer)) fail_msg("%s\n%s", refused[i].sent, answer);
        assert_non_null(strstr(answer, "Connection: close\r\n"));
        assert_string_equal(heard(s, c, ""), "");
        close(c);
    }
    assert_true(nobody_came(s, 0));
    assert_int_equal(whole(s->proxy).http[HTTP_COUNT_BAD], sizeof refused / sizeof *refused);
}

/* A malformed body: the server's connection ends before the message does, so it isn't a request. */
static void a_malformed_body_ends_both(void **state)
{
    struct scene *s = *state;
    const int c = client();
    say(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n\r\nGET /hidden "
           "HTTP/1.1\r\n\r\n");
    const int one = come(s, 0);
    assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 400 "));
    const char *got = heard(s, one, "");
    assert_null(strstr(got, "hidden"));
    close(c), close(one);
}

static void a_client_of_http_2_is_sent_away(void **state)
{
    struct scene *s = *state;
    const int c = client();
    char got[64];
    say(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    ssize_t n = -1;
    for (unsigned i = 0; i < TURNS && n < 0; i++) {
        proxy_turn(s->proxy, 0);
        n = recv(c, got, sizeof got, 0);
    }
    assert_int_equal(n, 26);
    assert_int_equal(got[25], 0x0d); /* HTTP_1_1_REQUIRED */
    close(c);
}

/* ---- servers that fail ---- */

static void answers_that_are_none(void **state)
{
    static const char *const bad[] = {"SSH-2.0-x\r\n",
                                      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                                      "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 200 OK\r\nA", ""};
    struct scene *s = *state;
    const int c = client();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        const int one = come(s, 0);
        heard(s, one, "\r\n\r\n");
        say(one, bad[i]);
        shutdown(one, SHUT_WR);
        assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 502 "));
        close(one);
    }
    close(c);
}

static void an_answer_that_is_cut_cuts_the_client_s(void **state)
{
    struct scene *s = *state;
    const int c = client();
    say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const int one = come(s, 0);
    heard(s, one, "\r\n\r\n");
    say(one, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    heard(s, c, "abc");
    close(one);
    heard(s, c, "");
    close(c);
}

static void servers_that_are_away_or_silent(void **state)
{
    struct scene *s = *state;
    int c = client();
    say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const int one = come(s, 0);
    for (unsigned i = 0; i < 3; i++) proxy_turn(s->proxy, 1);
    assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 504 "));
    close(one);
    close(s->servers[0]);
    s->servers[0] = -1;
    say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 503 "));
    /* Nothing more of that request is expected: the next gets a reply. */
    say(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_true(begins(heard(s, c, ""), "HTTP/1.1 503 "));
    assert_int_equal(whole(s->proxy).http[HTTP_COUNT_REQUESTS], 3);
    assert_int_equal(whole(s->proxy).http[HTTP_COUNT_PAGES], 3);
    close(c);
    s->servers[0] = listener(INADDR_LOOPBACK + 1, SERVER_PORT);
}

/* ---- clients that fail ---- */

static void a_request_that_is_not_whole_in_time(void **state)
{
    struct scene *s = *state;
    uint64_t before[STREAM_REASON_COUNT];
    memcpy(before, whole(s->proxy).refused, sizeof before);
    int c = client();
    say(c, "GET / HTTP/1.1\r\nHo");
    assert_true(begins(heard(s, c, ""), "HTTP/1.1 408 "));
    close(c);
    c = client();
    say(c, "GET / HTTP/1.1\r\nHo");
    shutdown(c, SHUT_WR);
    assert_true(begins(heard(s, c, ""), "HTTP/1.1 400 "));
    close(c);
    assert_int_equal(whole(s->proxy).refused[STREAM_FIRST_LATE] - before[STREAM_FIRST_LATE], 1);
    assert_int_equal(whole(s->proxy).refused[STREAM_FIRST_CUT] - before[STREAM_FIRST_CUT], 1);
    assert_true(nobody_came(s, 0));
}

static void a_client_that_goes_takes_its_server_along(void **state)
{
    struct scene *s = *state;
    const struct linger reset = {.l_onoff = 1};
    const int c = client();
    say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const int one = come(s, 0);
    heard(s, one, "\r\n\r\n");
    setsockopt(c, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(c);
    heard(s, one, "");
    close(one);
    assert_null(loop_of(s)->kept.oldest);
}

static void a_client_that_has_said_its_last_byte_is_answered(void **state)
{
    struct scene *s = *state;
    const int c = client();
    say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    shutdown(c, SHUT_WR);
    const int one = come(s, 0);
    heard(s, one, "\r\n\r\n");
    say(one, OK);
    assert_string_equal(heard(s, c, ""), OK);
    close(c), close(one);
}

/* ---- between requests ---- */

static void an_idle_connection_ends_in_order(void **state)
{
    struct scene *s = *state;
    const int c = client();
    say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const int one = come(s, 0);
    heard(s, one, "\r\n\r\n");
    say(one, OK);
    hears(s, c, OK);
    assert_string_equal(heard(s, c, ""), ""); /* after `proxy idle` */
    /* A late request gets no reset, and reaches no server. */
    say(c, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(nobody_came(s, 0));
    say(c, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(nobody_came(s, 0));
    assert_non_null(s->proxy->all);
    assert_int_equal(whole(s->proxy).http[HTTP_COUNT_REQUESTS], 1);
    assert_int_equal(whole(s->proxy).http[HTTP_COUNT_CUT], 0);
    close(c), close(one);
    for (unsigned i = 0; i < TURNS && s->proxy->all; i++) proxy_turn(s->proxy, 1);
    assert_int_equal(whole(s->proxy).ends[SESSION_IDLE], 1);
}

static void the_last_proxy_answers(void **state)
{
    struct scene *s = *state;
    const int c = client();
    say(c, "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n");
    assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 200 "));
    say(c, "TRACE / HTTP/1.1\r\nHost: a\r\nCookie: secret\r\nMax-Forwards: 00\r\n\r\n");
    assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 501 "));
    assert_null(strstr(heard_text, "secret"));
    assert_null(strstr(heard_text, "close"));
    assert_true(nobody_came(s, 0));
    say(c, "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n");
    const int one = come(s, 0);
    hears(s, one, "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n" TOLD);
    close(c), close(one);
}

/* ---- a server that is down, in a pool with `on down reset` ---- */

/* Tell the proxy that server one, server two are down; with tables or without. */
static void tell_down(struct scene *s, bool one, bool two, bool tables)
{
    static struct snapshot *told;
    struct snapshot *before = told;
    struct program *p = judge_program(s->judge);
    const uint8_t down[SERVERS] = {one, two};
    const uint64_t number = proxy_taken(s->proxy) + 1;
    told = snapshot_new(p, &(struct facts){.down = down, .generation = number}, 1);
    told->number = number;
    const struct vm_in in = {.facts = &told->facts};
    if (tables) told->tables = tables_new(p, 1, &in, 1, 1);
    if (tables) told->tables->number = number;
    proxy_tell(s->proxy, told);
    for (unsigned i = 0; i < 5; i++) proxy_turn(s->proxy, 0);
    snapshot_free(before);
}

/* Balancing tables come with the world; without them the loop builds its own. */
static void a_loop_builds_no_tables(void **state)
{
    struct scene *s = *state;
    for (unsigned tables = 0; tables < 2; tables++) {
        const uint64_t before = s->proxy->chooser->balance->built;
        for (unsigned down = 0; down < 2; down++) {
            tell_down(s, false, !down, tables);
            const int c = client();
            say(c, "GET / HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n");
            if (down == 0) {
                assert_true(begins(heard(s, c, ""), "HTTP/1.1 503 "));
            } else {
                const int two = come(s, 1);
                close(two);
            }
            close(c);
        }
        assert_int_equal(s->proxy->chooser->balance->built - before, !tables);
    }
}

static void a_server_that_goes_down_in_mid_request(void **state)
{
    struct scene *s = *state;
    const int c = client(), d = client();
    say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const int one = come(s, 0);
    heard(s, one, "\r\n\r\n");
    say(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const int other = come(s, 0);
    heard(s, other, "\r\n\r\n");
    say(other, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    heard(s, d, "abc");
    tell_down(s, true, false, false);
    assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 502 "));
    assert_null(strstr(heard_text, "close"));
    assert_string_equal(heard(s, one, ""), "reset");
    assert_string_equal(heard(s, d, ""), "reset"); /* a part of its reply has been sent */
    assert_string_equal(heard(s, other, ""), "reset");
    say(c, "GET / HTTP/1.1\r\nHost: b\r\n\r\n");
    const int two = come(s, 1);
    heard(s, two, "\r\n\r\n");
    say(two, OK);
    hears(s, c, OK);
    close(c), close(d), close(one), close(two), close(other);
}

static int set_up_largest(void **state)
{
    return set_up_with(state, "limits { first_bytes 64KiB }\npool one { server s 127.0.0.2:9000 }\n"
                              "service web on 127.0.0.1 tcp/8080 { mode proxy http; -> one }\n");
}

static void a_head_may_be_as_long_as_the_limit_says(void **state)
{
    enum { MANY = 60000 };
    static char head[MANY + 100], told[MANY + 300];
    struct scene *s = *state;
    const int c = client();
    snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: a\r\nX: %0*d\r\n", MANY, 0);
    snprintf(told, sizeof told, "%s" TOLD, head);
    strcat(head, "\r\n");
    say(c, head);
    const int one = come(s, 0);
    hears(s, one, told);
    say(one, OK);
    hears(s, c, OK);
    close(c), close(one);
}

static int set_up_idle(void **state)
{
    return set_up_with(state, "pool one { server s 127.0.0.2:9000 }\n"
                              "service web on 127.0.0.1 tcp/8080 { mode proxy http; idle 300ms; -> one }\n");
}

static void a_service_says_how_long_it_may_be_idle(void **state)
{
    struct scene *s = *state;
    const int c = client(), d = client();
    say(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const int one = come(s, 0);
    assert_string_equal(heard(s, c, ""), "");
    assert_true(begins(heard(s, d, "</p>\n"), "HTTP/1.1 504 "));
    close(c), close(d), close(one);
}

static int set_up_times(void **state)
{
    return set_up_with(state, "pool one { server s 127.0.0.2:9000 }\n"
                              "pool away { server s 192.0.2.77:9000; retries 0 }\n"
                              "service web on 127.0.0.1 tcp/8080 { mode proxy http; connect within 300ms\n"
                              "  idle client 400ms; idle server 800ms; when path \"/away\" -> away; else -> one }\n");
}

static void each_end_has_a_time_of_its_own(void **state)
{
    struct scene *s = *state;
    sh("ip link add hole type veth peer name far; ip link set hole up; ip link set far up; ip addr add 192.0.2.1/24 "
       "dev hole");
    int c = client();
    uint64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
    say(c, "GET /away HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 504 "));
    assert_in_range(clock_ns(CLOCK_MONOTONIC) - begun_ns, 290000000, 4000000000);
    close(c);
    /* The server sends nothing. */
    c = client();
    begun_ns = clock_ns(CLOCK_MONOTONIC);
    say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    int one = come(s, 0);
    assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 504 "));
    assert_true(clock_ns(CLOCK_MONOTONIC) - begun_ns > 790000000);
    close(one);
    /* The client doesn't wait, but sends no more of its request. */
    say(c, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
    one = come(s, 0);
    heard(s, one, "abc");
    const char *said = heard(s, c, "</p>\n");
    assert_true(begins(said, "HTTP/1.1 408 "));
    assert_non_null(strstr(said, "Connection: close\r\n"));
    close(c), close(one);
    /* The client waits for 100. */
    c = client();
    say(c, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    one = come(s, 0);
    assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 504 "));
    close(c), close(one);
}

static int set_up_trust(void **state)
{
    return set_up_with(state, "pool one { server s 127.0.0.2:9000 }\n"
                              "service web on 127.0.0.1 tcp/8080 { mode proxy http accept proxy from 127.0.0.1\n"
                              "  trust forwarded from 127.0.0.1, 192.0.2.0/24; -> one }\n");
}

/* A PROXY header, version 2, of an HTTPS client: 198.51.100.7 or 192.0.2.7, and port 443 */
#define FRONTED(client, flags)                                                                                         \
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14" client "\7\xc0\0\2\1\0\x50\1\xbb\x20\0\5" flags "\0\0\0\0"
#define FROM(client, proto)                                                                                            \
    "X-Forwarded-Host: a\r\nX-Forwarded-Proto: " proto "\r\nX-Forwarded-Port: 443\r\nX-Real-IP: " client               \
    "\r\nX-Forwarded-For: " client "\r\nForwarded: for=" client ";proto=" proto "\r\nVia: 1.1 prey\r\n\r\n"

static const struct {
    const char *header, *fields, *told;
} fronts[] = {
    {FRONTED("\xc6\x33\x64", "\1"), "X-Forwarded-Proto: ftp\r\n", FROM("198.51.100.7", "https")},
    {FRONTED("\xc6\x33\x64", "\0"), "X-Forwarded-For: 10.0.0.1\r\n", FROM("198.51.100.7", "http")},
    {FRONTED("\xc0\0\2", "\0"), "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\nX-Real-IP: 10.0.0.1\r\n",
     "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\nX-Real-IP: 10.0.0.1\r\nX-Forwarded-Host: a\r\n"
     "X-Forwarded-For: 192.0.2.7\r\nForwarded: for=192.0.2.7;proto=http\r\nVia: 1.1 prey\r\n\r\n"},
};

/* A front is trusted by its PROXY header, and its client by fields. */
static void fronts_are_believed(void **state)
{
    struct scene *s = *state;
    enum { HEADER = sizeof FRONTED("abc", "d") - 1 };
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++) {
        char text[1000];
        const int c = client();
        assert_int_equal(send(c, fronts[i].header, HEADER, MSG_NOSIGNAL), HEADER);
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fronts[i].fields);
        say(c, text);
        const int one = come(s, 0);
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s", fronts[i].told);
        hears(s, one, text);
        close(c), close(one);
    }
}

/* On a kept connection of a front, the current rules decide what its next request's fields mean. */
static void a_front_is_believed_no_longer_after_a_reload(void **state)
{
    struct scene *s = *state;
    enum { HEADER = sizeof FRONTED("abc", "d") - 1 };
    const int c = client();
    assert_int_equal(send(c, fronts[0].header, HEADER, MSG_NOSIGNAL), HEADER);
    say(c, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    const int before = come(s, 0);
    hears(s, before, "GET /1 HTTP/1.1\r\nHost: a\r\n" FROM("198.51.100.7", "https"));
    say(before, OK);
    hears(s, c, OK);
    reload(s);
    say(c, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    const int after = come(s, 0);
    hears(s, after, "GET /2 HTTP/1.1\r\nHost: a\r\n" FROM("198.51.100.7", "http"));
    close(c), close(before), close(after);
}

static int set_up_keep_none(void **state)
{
    return set_up_with(state, SCENE_TIMES "pool one { keep none; server s 127.0.0.2:9000 }\n"
                                          "service web on 127.0.0.1 tcp/8080 { mode proxy http; -> one }\n");
}

static void a_pool_whose_connections_are_not_kept(void **state)
{
    struct scene *s = *state;
    const int c = client();
    for (unsigned i = 0; i < 3; i++) {
        say(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        const int one = come(s, 0);
        hears(s, one, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" TOLD);
        say(one, i == 1 ? "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" : OK);
        hears(s, c, i == 1 ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" : OK);
        assert_string_equal(heard(s, one, ""), "");
        close(one);
    }
    say(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    const int goes_on = come(s, 0); /* another protocol, so the connection doesn't end after the reply */
    hears(s, goes_on, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" TOLD);
    close(goes_on);
    assert_int_equal(whole(s->proxy).http[HTTP_COUNT_REUSED], 0);
    close(c);
}

/* The old rules' facts about a connection (TLS, its client) may differ from the new rules' facts. */
static void a_connection_of_before_a_reload_is_nobody_else_s(void **state)
{
    struct scene *s = *state;
    const int c = client(), d = client();
    say(c, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    const int before = come(s, 0);
    heard(s, before, "\r\n\r\n");
    reload(s);
    say(d, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    const int after = come(s, 0);
    heard(s, after, "\r\n\r\n");
    say(after, OK);
    hears(s, d, OK);
    say(before, OK);
    hears(s, c, OK);
    say(d, "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    hears(s, after, "GET /3 HTTP/1.1\r\nHost: a\r\n" TOLD);
    say(after, OK);
    hears(s, d, OK);
    close(c), close(d), close(before), close(after);
}

/* Make a client's connection with one reply received, and its server's, which is kept */
static void kept_pair(struct scene *s, int *c, int *server)
{
    *c = client();
    say(*c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    *server = come(s, 0);
    heard(s, *server, "\r\n\r\n");
    say(*server, OK);
    hears(s, *c, OK);
}

/* Send a request that a server reads completely, and end that server's connection, in order or by a reset */
static const char *heard_and_ended(struct scene *s, int c, int server, const char *text, const char *end, bool resets)
{
    static char first[1000];
    const struct linger at_once = {.l_onoff = 1};
    say(c, text);
    snprintf(first, sizeof first, "%s", heard(s, server, end));
    if (resets) setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(server);
    return first;
}

static const struct {
    const char *text, *end;
} repeated[] = {
    {"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n"},
    {"OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n"},
    {"TRACE /x HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n"},
    {"DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n"},
    {"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "abc"},
    {"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc\r\n0\r\n\r\n"},
};

static void a_request_whose_kept_connection_ends_is_repeated_once(void **state)
{
    struct scene *s = *state;
    enum { N = sizeof repeated / sizeof *repeated };
    for (unsigned i = 0; i < 2 * N; i++) {
        int c, one;
        kept_pair(s, &c, &one);
        const char *first = heard_and_ended(s, c, one, repeated[i / 2].text, repeated[i / 2].end, i % 2);
        one = come(s, 0);
        assert_string_equal(heard(s, one, repeated[i / 2].end), first);
        say(one, OK);
        hears(s, c, OK);
        assert_int_equal(whole(s->proxy).http[HTTP_COUNT_REPEATED], 2 * i + 1);
        /* The next is also repeated, unless the new connection ends, too. */
        heard_and_ended(s, c, one, repeated[0].text, repeated[0].end, false);
        close(come(s, 0));
        assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 502 "));
        assert_true(nobody_came(s, 0));
        close(c);
    }
    assert_int_equal(whole(s->proxy).http[HTTP_COUNT_SERVER_BAD], 2 * N);
}

/* Requests that may have been processed, that are no longer stored, or that got part of a reply aren't repeated. */
static void no_other_request_is_repeated(void **state)
{
    struct scene *s = *state;
    static const char *const never[] = {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "PATCH / HTTP/1.1\r\nHost: a\r\n\r\n",
                                        "get / HTTP/1.1\r\nHost: a\r\n\r\n"};
    static const char *const answers[] = {"H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n"};
    int c, one;
    for (unsigned i = 0; i < 3; i++) {
        kept_pair(s, &c, &one);
        heard_and_ended(s, c, one, never[i], "\r\n\r\n", false);
        assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 502 "));
        close(c);
    }
    for (unsigned i = 0; i < 3; i++) {
        kept_pair(s, &c, &one);
        say(c, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
        heard(s, one, "\r\n\r\n");
        say(one, answers[i]);
        if (i == 2) heard(s, c, "Continue\r\n\r\n");
        shutdown(one, SHUT_WR);
        assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 502 "));
        close(c), close(one);
    }
    /* A body in two parts. */
    kept_pair(s, &c, &one);
    say(c, "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
    heard(s, one, "abc");
    heard_and_ended(s, c, one, "def", "def", false);
    assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 502 "));
    close(c);
    assert_true(nobody_came(s, 0));
    assert_int_equal(whole(s->proxy).http[HTTP_COUNT_REPEATED], 0);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SCENE(each_request_goes_where_its_host_and_path_say),
        SCENE(a_body_that_comes_byte_by_byte),
        SCENE(what_is_sent_ahead_is_answered_in_order),
        SCENE(a_client_of_http_1_0),
        SCENE(answers_without_a_body),
        SCENE(a_client_that_waits_for_100),
        SCENE(another_protocol_takes_over),
        SCENE(malformed_requests_reach_no_server),
        SCENE(a_malformed_body_ends_both),
        SCENE(a_client_of_http_2_is_sent_away),
        SCENE(answers_that_are_none),
        SCENE(an_answer_that_is_cut_cuts_the_client_s),
        SCENE(servers_that_are_away_or_silent),
        SCENE(a_request_that_is_not_whole_in_time),
        SCENE(a_client_that_goes_takes_its_server_along),
        SCENE(a_client_that_has_said_its_last_byte_is_answered),
        SCENE(an_idle_connection_ends_in_order),
        SCENE(the_last_proxy_answers),
        SCENE(a_server_that_goes_down_in_mid_request),
        SCENE(a_loop_builds_no_tables),
        SCENE(a_connection_of_before_a_reload_is_nobody_else_s),
        SCENE(a_request_whose_kept_connection_ends_is_repeated_once),
        SCENE(no_other_request_is_repeated),
        cmocka_unit_test_setup_teardown(a_service_says_how_long_it_may_be_idle, set_up_idle, tear_down),
        cmocka_unit_test_setup_teardown(each_end_has_a_time_of_its_own, set_up_times, tear_down),
        cmocka_unit_test_setup_teardown(fronts_are_believed, set_up_trust, tear_down),
        cmocka_unit_test_setup_teardown(a_front_is_believed_no_longer_after_a_reload, set_up_trust, tear_down),
        cmocka_unit_test_setup_teardown(a_pool_whose_connections_are_not_kept, set_up_keep_none, tear_down),
        cmocka_unit_test_setup_teardown(a_head_may_be_as_long_as_the_limit_says, set_up_largest, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
