/* HTTP/1 messages: the table of requests with two readings (tests/http/smuggling.t), complete and cut at every byte;
 * framing of responses, fields, paths in normal form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/stream/http.h"

enum { LIMIT = 16384, BYTES_MAX = 1 << 18, SAID_MAX = 256, CUT_MAX = 1024 };

/* ---- the table ---- */

static int hex(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

/* Expand the text up to `}` or its end, and move *text there. Returns the length. */
static size_t expand(const char **text, uint8_t *out)
{
    size_t n = 0;
    for (; **text && **text != '}'; ++*text) {
        if (**text != '\\') {
            out[n++] = (uint8_t) * *text;
            continue;
        }
        const char c = *++*text;
        if (c == 'x') {
            out[n++] = (uint8_t)(hex((*text)[1]) << 4 | hex((*text)[2]));
            *text += 2;
        } else if (c == '{') {
            char *rest;
            const unsigned long times = strtoul(*text + 1, &rest, 10);
            *text = rest + 1;
            const size_t len = expand(text, out + n);
            for (unsigned long i = 1; i < times; i++) memcpy(out + n + i * len, out + n, len);
            n += times * len;
            assert_int_equal(**text, '}');
        } else {
            out[n++] = (uint8_t)(c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c);
        }
    }
    return n;
}

static void say(char *said, const char *what)
{
    snprintf(said + strlen(said), SAID_MAX - strlen(said), "%s%s", said[0] ? ", " : "", what);
}

static void say_reason(char *said, unsigned reason)
{
    char what[64];
    snprintf(what, sizeof what, "%u %s", stream_reason_status(reason), stream_reason_name(reason));
    say(said, what);
}

static struct http_head head;

/* Read a head whose bytes end with their memory, so that reading past them is noticed. */
static enum stream_read read_head(struct http_at *at, const uint8_t *bytes, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    memcpy(exact, bytes, n);
    const enum stream_read said = http_request_read(&head, at, exact, (uint32_t)n, LIMIT);
    free(exact);
    return said;
}

/* Play a connection that sends the bytes `step` at a time, and record the outcome of each request. */
static void play(const uint8_t *bytes, size_t n, size_t step, char said[SAID_MAX])
{
    size_t done = 0, there = step < n ? step : n;
    bool in_body = false;
    struct http_at at = {0};
    struct body body;
    said[0] = '\0';
    while (done < n) {
        uint32_t used = 0;
        enum stream_read r;
        if (in_body)
            r = body_read_all(&body, bytes + done, (uint32_t)(there - done), &used);
        else
            r = read_head(&at, bytes + done, there - done);
        done += used;
        if (r == READ_MORE) {
            if (there == n) return say(said, "more");
            there = there + step < n ? there + step : n;
        } else if (r != READ_WHOLE) {
            return say_reason(said, in_body ? body.reason : head.reason);
        } else if (!in_body) {
            done += head.len;
            if (head.form == HTTP_AUTHORITY) return say(said, "ok");
            body_begin(&body, head.framing, head.length);
            in_body = true;
        }
        if (in_body && body_is_whole(&body)) {
            say(said, "ok");
            in_body = false;
            at = (struct http_at){0};
        } else if (in_body && done == n) {
            return say(said, "more");
        }
    }
}

static bool play_line(char *line)
{
    static uint8_t bytes[BYTES_MAX];
    char said[SAID_MAX], cut[SAID_MAX];
    char *expected = strstr(line, " | "), *text = expected ? strstr(expected + 3, " | ") : NULL;
    assert_non_null(text);
    *expected = *text = '\0';
    expected += 3;
    const char *at = text + 3;
    const size_t n = expand(&at, bytes);
    play(bytes, n, n, said);
    play(bytes, n, n > CUT_MAX ? 512 : 1, cut);
    if (strcmp(said, expected) == 0 && strcmp(said, cut) == 0) return true;
    printf("# %s: %s; cut: %s; expected: %s\n", line, said, cut, expected);
    return false;
}

static void smuggling(void **state)
{
    FILE *f = fopen("tests/http/smuggling.t", "r");
    char *line = NULL;
    size_t room = 0;
    unsigned read = 0, wrong = 0;
    (void)state;
    assert_non_null(f);
    while (getline(&line, &room, f) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (!line[0] || line[0] == '#') continue;
        read++;
        wrong += !play_line(line);
    }
    free(line);
    fclose(f);
    assert_int_equal(wrong, 0);
    assert_true(read > 200);
}

/* ---- heads ---- */

static enum stream_read request(const char *text)
{
    return http_request_read(&head, &(struct http_at){0}, (const uint8_t *)text, (uint32_t)strlen(text), LIMIT);
}

static enum stream_read response(const char *text)
{
    return http_response_read(&head, &(struct http_at){0}, (const uint8_t *)text, (uint32_t)strlen(text), LIMIT);
}

static void assert_span(const char *text, struct view_span s, const char *is)
{
    assert_true(view_is(view_of((const uint8_t *)text, s), is));
}

static void targets(void **state)
{
    static const struct {
        const char *text, *host, *path, *query;
        unsigned port, form;
    } t[] = {
        {"GET /a?b=c HTTP/1.1\r\nHost: H.example.\r\n\r\n", "H.example", "/a", "?b=c", 0, HTTP_ORIGIN},
        {"GET http://b:81/x?y HTTP/1.1\r\nHost: a:82\r\n\r\n", "b", "/x", "?y", 81, HTTP_ABSOLUTE},
        {"GET HTTPS://b?y HTTP/1.1\r\nHost: a\r\n\r\n", "b", "", "?y", 0, HTTP_ABSOLUTE},
        {"CONNECT [::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n", "[::1]", "", "", 443, HTTP_AUTHORITY},
        {"OPTIONS * HTTP/1.1\r\nHost: a:\r\n\r\n", "a", "*", "", 0, HTTP_ASTERISK},
        {"\r\nGET / HTTP/1.0\r\n\r\n", "", "/", "", 0, HTTP_ORIGIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_int_equal(request(t[i].text), READ_WHOLE);
        assert_span(t[i].text, head.host, t[i].host);
        assert_span(t[i].text, head.path, t[i].path);
        assert_span(t[i].text, head.query, t[i].query);
        assert_int_equal(head.port, t[i].port);
        assert_int_equal(head.form, t[i].form);
        assert_int_equal(head.len, strlen(t[i].text));
    }
}

static void fields(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Secret,Content-Length\r\n"
                               "X-Secret:  \t1 2 \t\r\nContent-Length: 3\r\nKeep-Alive: 5\r\nX-Other: \r\n\r\n";
    static const bool hop[] = {false, true, true, false, true, false};
    const uint8_t *bytes = (const uint8_t *)text;
    struct view v;
    unsigned next = 0;
    (void)state;
    assert_int_equal(request(text), READ_WHOLE);
    assert_int_equal(head.fields, sizeof hop / sizeof *hop);
    for (unsigned i = 0; i < head.fields; i++) assert_int_equal(http_field_is_hop(&head, bytes, i), hop[i]);
    assert_true(http_field_next(&head, bytes, "x-secret", &next, &v));
    assert_true(view_is(v, "1 2"));
    assert_int_equal(next, 3);
    assert_false(http_field_next(&head, bytes, "x-secret", &next, &v));
    next = 0;
    assert_true(http_field_next(&head, bytes, "x-other", &next, &v));
    assert_int_equal(v.len, 0);
    assert_int_equal(head.framing, HTTP_LENGTH);
    assert_int_equal(head.length, 3);
    assert_false(http_keeps(&head));
}

static void keeps(void **state)
{
    static const struct {
        const char *text;
        bool keeps;
    } t[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: ,CLOSE ,\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_int_equal(request(t[i].text), READ_WHOLE);
        assert_int_equal(http_keeps(&head), t[i].keeps);
    }
}

static void upgrades(void **state)
{
    static const struct {
        const char *fields;
        bool upgrade;
    } t[] = {
        {"Connection: Upgrade\r\nUpgrade: websocket\r\n", true},
        {"Connection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n", true},
        {"Connection: upgrade\r\nUpgrade: tcp\r\n", true},
        {"Upgrade: websocket\r\n", false},
        {"Connection: upgrade\r\n", false},
        {"Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n", false},
        {"Connection: upgrade\r\nUpgrade: websocket, h2c\r\n", false},
        {"Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", false},
        {"Connection: upgrade\r\nUpgrade: TLS/1.2\r\n", false},
        {"Connection: upgrade\r\nUpgrade: HTTP/2.0\r\n", false},
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", t[i].fields);
        assert_int_equal(request(text), READ_WHOLE);
        assert_int_equal((head.has & HTTP_HAS_UPGRADE) != 0, t[i].upgrade);
    }
}

static void responses(void **state)
{
    static const struct {
        const char *text;
        unsigned status, framing, to_head, to_connect;
    } t[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, HTTP_LENGTH, HTTP_NO_BODY, HTTP_TUNNEL},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, HTTP_NO_BODY, HTTP_NO_BODY, HTTP_TUNNEL},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, HTTP_CHUNKED, HTTP_NO_BODY, HTTP_TUNNEL},
        {"HTTP/1.0 404 Not \xc3\x9c\r\n\r\n", 404, HTTP_CLOSE, HTTP_NO_BODY, HTTP_CLOSE},
        {"HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n", 204, HTTP_NO_BODY, HTTP_NO_BODY, HTTP_NO_BODY},
        {"HTTP/1.1 304\r\nContent-Length: 5\r\n\r\n", 304, HTTP_NO_BODY, HTTP_NO_BODY, HTTP_NO_BODY},
        {"HTTP/1.1 300 Many\r\n\r\n", 300, HTTP_CLOSE, HTTP_NO_BODY, HTTP_CLOSE},
        {"HTTP/1.1 199 Odd\r\n\r\n", 199, HTTP_NO_BODY, HTTP_NO_BODY, HTTP_NO_BODY},
        {"HTTP/1.1 100 Continue\r\n\r\n", 100, HTTP_NO_BODY, HTTP_NO_BODY, HTTP_NO_BODY},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, HTTP_TUNNEL, HTTP_TUNNEL, HTTP_TUNNEL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_int_equal(response(t[i].text), READ_WHOLE);
        assert_int_equal(head.status, t[i].status);
        assert_int_equal(head.framing, t[i].framing);
        assert_int_equal(http_response_framing(&head, true, false), t[i].to_head);
        assert_int_equal(http_response_framing(&head, false, true), t[i].to_connect);
    }
}

static void bad_responses(void **state)
{
    static const struct {
        const char *text;
        unsigned reason;
    } t[] = {
        {"HTTP/1.1 20 OK\r\n\r\n", STREAM_HTTP_STATUS_LINE},
        {"HTTP/1.1 2/0 OK\r\n\r\n", STREAM_HTTP_STATUS_LINE},
        {"HTTP/1.1 2:0 OK\r\n\r\n", STREAM_HTTP_STATUS_LINE},
        {"HTTP/1.1 :00 OK\r\n\r\n", STREAM_HTTP_STATUS_LINE},
        {"HTTP", STREAM_NONE},
        {"HTTPS", STREAM_HTTP_STATUS_LINE},
        {"HTTP/1.1 2000 OK\r\n\r\n", STREAM_HTTP_STATUS_LINE},
        {"HTTP/1.1 099 OK\r\n\r\n", STREAM_HTTP_STATUS_LINE},
        {"HTTP/1.1  200 OK\r\n\r\n", STREAM_HTTP_STATUS_LINE},
        {"HTTX/1.1 200 OK\r\n\r\n", STREAM_HTTP_STATUS_LINE},
        {"HTTP/2.0 200 OK\r\n\r\n", STREAM_HTTP_VERSION},
        {"HTTP/1.1 200 O\x01K\r\n\r\n", STREAM_HTTP_CONTROL},
        {"HTTP/1.1 200 OK\nX: y\r\n\r\n", STREAM_HTTP_BARE_LF},
        {"HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n\r\n", STREAM_HTTP_OBS_FOLD},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", STREAM_HTTP_TWO_LENGTHS},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", STREAM_HTTP_TWO_LENGTHS},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", STREAM_HTTP_CODING},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", STREAM_HTTP_STATUS_LINE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const enum stream_read said = response(t[i].text);
        assert_int_equal(said == READ_BAD || said == READ_OTHER, t[i].reason != STREAM_NONE);
        assert_int_equal(head.reason, t[i].reason);
    }
}

static void words(void **state)
{
    const struct view az = {.at = (const uint8_t *)"A@Z[az`", .len = 7};
    (void)state;
    assert_true(view_is_word(az, "a@z[az`"));
    assert_false(view_is_word(az, "a`z[az`"));
    assert_false(view_is_word(az, "b@z[az`"));
    assert_false(view_is_word(az, "a@z[az"));
    assert_false(view_is_word(az, "a@z[az`a"));
    assert_true(http_list_has((struct view){.at = (const uint8_t *)"a, B ,c", .len = 7}, "b"));
    assert_false(http_list_has((struct view){.at = (const uint8_t *)"ab, bc", .len = 6}, "b"));
}

/* ---- paths ---- */

static void paths(void **state)
{
    static const char *const t[][2] = {
        {"/", "/"},
        {"/a/b", "/a/b"},
        {"/a/./b", "/a/b"},
        {"/a/../b", "/b"},
        {"/x/../api", "/api"},
        {"/../../api", "/api"},
        {"/a/..", "/"},
        {"/a/.", "/a/"},
        {"/a/b/..", "/a/"},
        {"/a/../", "/"},
        {"/.", "/"},
        {"/..", "/"},
        {"/...", "/..."},
        {"/.a/..b", "/.a/..b"},
        {"/%61pi", "/api"},
        {"/x/%2e%2E/api", "/api"},
        {"/%2fapi", "/%2Fapi"},
        {"/x%2f../api", "/x%2F../api"},
        {"/a//b", "/a//b"},
        {"/a//../b", "/a/b"},
        {"/%c3%b6", "/%C3%B6"},
        {"/%7Ea", "/~a"},
        {"/a%20b", "/a%20b"},
        {"/%252e%252e/api", "/%252e%252e/api"},
        {"", "/"},
        {"*", "*"},
        {"/a/./", "/a/"},
        {"/a/b/../../../c", "/c"},
    };
    uint8_t scratch[64];
    struct view v;
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const struct view path = {.at = (const uint8_t *)t[i][0], .len = (uint32_t)strlen(t[i][0])};
        assert_true(http_path_normal(path, scratch, sizeof scratch, &v));
        if (!view_is(v, t[i][1])) printf("# %s: %.*s\n", t[i][0], (int)v.len, (const char *)v.at);
        assert_true(view_is(v, t[i][1]));
    }
    assert_false(http_path_normal((struct view){.at = (const uint8_t *)"/%6", .len = 3}, scratch, 64, &v));
    assert_false(http_path_normal((struct view){.at = (const uint8_t *)"/./././.", .len = 8}, scratch, 7, &v));
}

/* ---- bodies ---- */

/* A client can't put prey's fields about the client behind its body, where some servers take them for the head's. */
static void trailers_tell_nothing_of_the_client(void **state)
{
    static const char *const never[] = {"X-Real-IP",        "x_real_ip",        "X-Forwarded-For",
                                        "x_forwarded_host", "X-Forwarded-Port", "X-Forwarded-A-Long-Name-Of-Another"};
    struct body b;
    uint32_t used;
    (void)state;
    for (unsigned i = 0; i < sizeof never / sizeof *never; i++) {
        char text[80];
        const int len = snprintf(text, sizeof text, "0\r\n%s: 10.0.0.1\r\n\r\n", never[i]);
        body_begin(&b, HTTP_CHUNKED, 0);
        assert_int_equal(body_read_all(&b, (const uint8_t *)text, (uint32_t)len, &used), READ_BAD);
    }
    body_begin(&b, HTTP_CHUNKED, 0);
    assert_int_equal(body_read_all(&b, (const uint8_t *)"0\r\nX-Forward: y\r\n\r\n", 19, &used), READ_WHOLE);
}

/* Only body bytes are reported as data, and a relay that doesn't read them ends at the same place. */
static void body_runs(void **state)
{
    static const char text[] = "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\nrest";
    const uint8_t *bytes = (const uint8_t *)text;
    char data[32] = "";
    struct body b, moved;
    struct body_run run;
    uint32_t at = 0, n = sizeof text - 1;
    (void)state;
    body_begin(&b, HTTP_CHUNKED, 0);
    body_begin(&moved, HTTP_CHUNKED, 0);
    for (enum stream_read said = READ_MORE; said == READ_MORE; at += run.len) {
        const uint64_t ahead = body_ahead(&moved);
        said = body_read(&b, bytes + at, n - at, &run);
        assert_int_equal(run.data, ahead > 0);
        if (run.data) {
            strncat(data, text + at, run.len);
            assert_int_equal(ahead, run.len);
            body_moved(&moved, ahead);
        } else {
            struct body_run other;
            assert_int_equal(body_read(&moved, bytes + at, n - at, &other), said);
            assert_int_equal(other.len, run.len);
        }
        assert_true(run.len > 0);
    }
    assert_string_equal(data, "hello world");
    assert_int_equal(b.data, 11);
    assert_string_equal(text + at, "rest");
    assert_true(body_is_whole(&b));
    assert_true(body_is_whole(&moved));
    /* Nothing more was moved, because its receiver has no room, so it stays complete. */
    body_begin(&b, HTTP_LENGTH, 5);
    body_moved(&b, 5);
    body_moved(&b, 0);
    assert_true(body_is_whole(&b));
}

static void body_kinds(void **state)
{
    struct body b;
    uint32_t used;
    (void)state;
    body_begin(&b, HTTP_NO_BODY, 0);
    assert_true(body_is_whole(&b));
    body_begin(&b, HTTP_LENGTH, 0);
    assert_true(body_is_whole(&b));
    body_begin(&b, HTTP_LENGTH, 3);
    assert_int_equal(body_read_all(&b, (const uint8_t *)"ab", 2, &used), READ_MORE);
    assert_int_equal(body_read_all(&b, (const uint8_t *)"cd", 2, &used), READ_WHOLE);
    assert_int_equal(used, 1);
    assert_int_equal(body_read_all(&b, (const uint8_t *)"e", 1, &used), READ_WHOLE);
    assert_int_equal(used, 0);
    body_begin(&b, HTTP_CLOSE, 0);
    assert_int_equal(body_read_all(&b, (const uint8_t *)"abcd", 4, &used), READ_MORE);
    assert_int_equal(used, 4);
    assert_int_equal(body_ahead(&b), UINT64_MAX);
    assert_int_equal(b.data, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smuggling),     cmocka_unit_test(targets),
        cmocka_unit_test(fields),        cmocka_unit_test(keeps),
        cmocka_unit_test(upgrades),      cmocka_unit_test(responses),
        cmocka_unit_test(bad_responses), cmocka_unit_test(words),
        cmocka_unit_test(paths),         cmocka_unit_test(trailers_tell_nothing_of_the_client),
        cmocka_unit_test(body_runs),     cmocka_unit_test(body_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
