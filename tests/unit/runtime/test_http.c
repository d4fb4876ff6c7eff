/* Parts of `mode proxy http` that can be tested alone: forwarded heads, messages in pieces, kept connections, pages,
 * lines of the access log. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/proxy/http/kept.h"
#include "runtime/proxy/told/log_line.h"
#include "runtime/proxy/http/message.h"
#include "runtime/proxy/http/page.h"
#include "runtime/proxy/http/rewrite.h"
#include "vm/stream/http.h"

static struct head_text text;

#define HOST(host)    "X-Forwarded-Host: " host "\r\n"
#define PROTO         "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n"
#define REAL          "X-Real-IP: 192.0.2.9\r\n"
#define FOR           "X-Forwarded-For: 192.0.2.9\r\n"
#define FORWARDED     "Forwarded: for=192.0.2.9;proto=http\r\n"
#define VIA           "Via: 1.1 prey\r\n\r\n"
#define TOLD_OF(host) HOST(host) PROTO REAL FOR FORWARDED VIA
#define TOLD          TOLD_OF("a")

static const struct sent_on {
    const char *head, *sent;
} requests[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" TOLD},
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" TOLD},
    /* Hop-by-hop fields. */
    {"GET / HTTP/1.1\r\nConnection: keep-alive, X-Mine\r\nHost: a\r\nX-Mine: 1\r\nX-Yours: 2\r\nKeep-Alive: "
     "timeout=5\r\n"
     "TE: trailers\r\nProxy-Connection: close\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\nX-Yours: 2\r\n" TOLD},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Host, X-Forwarded-For\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" TOLD},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: content-length\r\n\r\n",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n" TOLD},
    /* A host in the target becomes the host. */
    {"GET http://b:8080/x?y HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
     "GET /x?y HTTP/1.1\r\nHost: b:8080\r\nX: 1\r\n" TOLD_OF("b:8080")},
    {"GET http://b HTTP/1.1\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: b\r\n" TOLD_OF("b")},
    {"GET http://b?q HTTP/1.1\r\nHost: b\r\n\r\n", "GET /?q HTTP/1.1\r\nHost: b\r\n" TOLD_OF("b")},
    {"OPTIONS http://b HTTP/1.1\r\nHost: b\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: b\r\n" TOLD_OF("b")},
    {"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n" TOLD_OF("b:443")},
    /* Our version, whatever the client's is. */
    {"GET / HTTP/1.0\r\nExpect: 100-continue\r\nConnection: keep-alive\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n" HOST("192.0.2.1") PROTO REAL FOR FORWARDED "Via: 1.0 prey\r\n\r\n"},
    {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
     "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n" TOLD},
    /* The number of proxies that may still forward it. */
    {"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 5\r\n\r\n",
     "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 4\r\n" TOLD},
    {"TRACE / HTTP/1.1\r\nmax-forwards: 99999999999\r\nMax-Forwards: 7\r\nHost: a\r\n\r\n",
     "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 999999\r\n" TOLD},
    {"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n",
     "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n" TOLD},
    {"GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n" TOLD},
    {"GET / HTTP/1.1\r\nHost: a\r\nx-forwarded-proto: https\r\nX_Forwarded_Proto: https\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\n" TOLD},
    {"GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 10.0.0.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" TOLD},
    {"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded_For: 1.2.3.4\r\nx_forwarded-FOR: 1.2.3.4\r\nX_Forwarded-Proto: "
     "https\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\n" TOLD},
    /* Lists that others have begun. */
    {"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\nB: 1\r\nx-forwarded-for: 10.0.0.2, 10.0.0.3\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\nB: 1\r\n" HOST("a") PROTO REAL
     "X-Forwarded-For: 10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.9\r\n" FORWARDED VIA},
    {"GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=_x;by=\"q\\\"\"\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\n" HOST("a") PROTO REAL FOR
     "Forwarded: for=_x;by=\"q\\\"\", for=192.0.2.9;proto=http\r\n" VIA},
    {"GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=\"open\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" TOLD},
    {"GET / HTTP/1.1\r\nHost: a\r\nForwarded: \r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" TOLD},
    /* Other protocols, except those that would be HTTP again. */
    {"GET /s HTTP/1.1\r\nUpgrade: websocket\r\nHost: a\r\nConnection: Upgrade\r\nSec-WebSocket-Key: k\r\n\r\n",
     "GET /s HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: k\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" TOLD},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" TOLD},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\n" TOLD},
};

static void heads_of_requests_as_they_are_sent_on(void **state)
{
    (void)state;
    const struct stream_addr client = {.addr = {0xc0000209}};
    struct told told;
    told_make(&told, &client, 80, false);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        const struct sent_on *r = &requests[i];
        struct http_head h;
        struct http_at at = {0};
        assert_int_equal(http_request_read(&h, &at, (const uint8_t *)r->head, (uint32_t)strlen(r->head), 4096),
                         READ_WHOLE);
        request_rewrite(&text, &h, (const uint8_t *)r->head, &told, "192.0.2.1", NAME_TRUST_UNSAID, false);
        text.bytes[text.n] = 0;
        assert_string_equal((const char *)text.bytes, r->sent);
        /* A server reads it with the same meaning. */
        struct http_head again;
        at = (struct http_at){0};
        assert_int_equal(http_request_read(&again, &at, text.bytes, text.n, 4096), READ_WHOLE);
        assert_int_equal(again.framing, h.framing);
        assert_int_equal(again.len, text.n);
    }
}

/* A client's claims, in any case, twice, as a list, and with `_`. */
#define CLAIMS                                                                                                         \
    "X-FORWARDED-PROTO: https\r\nx-forwarded-proto: https, http\r\nX-Real-Ip: 10.0.0.1\r\nx_real_ip: 10.0.0.1\r\n"     \
    "X-Forwarded-Port: 443\r\nX_Forwarded_Port: 443\r\nX-Forwarded-Host: evil.example\r\n"                             \
    "X-Forwarded-Host: evil.example, evil.example\r\nX_Forwarded_Host: evil.example\r\nX-Forwarded_Proto: https\r\n"

static const struct {
    const char *head, *unsaid, *untrusted, *trusted; /* NULL: the same as unsaid */
} claims[] = {
    {CLAIMS, TOLD, NULL,
     "X-FORWARDED-PROTO: https\r\nx-forwarded-proto: https, http\r\nX-Real-Ip: 10.0.0.1\r\nX-Forwarded-Port: 443\r\n"
     "X-Forwarded-Host: evil.example\r\nX-Forwarded-Host: evil.example, evil.example\r\n" FOR FORWARDED VIA},
    {"X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\nForwarded: for=10.0.0.1\r\n",
     HOST("a") PROTO REAL "X-Forwarded-For: 10.0.0.1, 10.0.0.2, 192.0.2.9\r\n"
                          "Forwarded: for=10.0.0.1, for=192.0.2.9;proto=http\r\n" VIA,
     TOLD,
     HOST("a") PROTO "X-Real-IP: 10.0.0.2\r\nX-Forwarded-For: 10.0.0.1, 10.0.0.2, 192.0.2.9\r\n"
                     "Forwarded: for=10.0.0.1, for=192.0.2.9;proto=http\r\n" VIA},
    /* Empty elements of a list name no host. */
    {"X-Forwarded-For: 10.0.0.1, , \r\n",
     HOST("a") PROTO REAL "X-Forwarded-For: 10.0.0.1, ,, 192.0.2.9\r\n" FORWARDED VIA, TOLD,
     HOST("a") PROTO "X-Real-IP: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.1, ,, 192.0.2.9\r\n" FORWARDED VIA},
    /* A front that only reports the protocol doesn't mean our port. */
    {"X-Forwarded-Proto: https\r\n", TOLD, NULL, "X-Forwarded-Proto: https\r\n" HOST("a") REAL FOR FORWARDED VIA},
    /* Others of that kind */
    {"X-Forwarded-Ssl: on\r\nX_FORWARDED_scheme: https\r\n",
     "X-Forwarded-Ssl: on\r\nX_FORWARDED_scheme: https\r\n" TOLD, TOLD, NULL},
    {"Connection: X-Forwarded-Proto, X-Forwarded-For\r\nX-Forwarded-Proto: https\r\n", TOLD, NULL,
     "X-Forwarded-Proto: https\r\n" HOST("a") REAL FOR FORWARDED VIA},
};

static void what_a_client_claims_is_believed_of_the_trusted(void **state)
{
    (void)state;
    const struct stream_addr client = {.addr = {0xc0000209}};
    struct told told;
    told_make(&told, &client, 80, false);
    for (size_t i = 0; i < 3 * sizeof claims / sizeof *claims; i++) {
        const enum name_trust trust = i % 3;
        const char *own = trust == NAME_TRUSTED     ? claims[i / 3].trusted
                          : trust == NAME_UNTRUSTED ? claims[i / 3].untrusted
                                                    : NULL;
        char head[1000], sent[1000];
        struct http_head h;
        struct http_at at = {0};
        snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", claims[i / 3].head);
        snprintf(sent, sizeof sent, "GET / HTTP/1.1\r\nHost: a\r\n%s", own ? own : claims[i / 3].unsaid);
        assert_int_equal(http_request_read(&h, &at, (const uint8_t *)head, (uint32_t)strlen(head), 4096), READ_WHOLE);
        request_rewrite(&text, &h, (const uint8_t *)head, &told, "", trust, false);
        text.bytes[text.n] = 0;
        assert_string_equal((const char *)text.bytes, sent);
    }
}

static void an_ipv6_client_stands_in_brackets_and_quotes(void **state)
{
    (void)state;
    const struct stream_addr client = {.addr = {0x20010db8, 0, 0, 0x19}, .v6 = true};
    struct told told;
    told_make(&told, &client, 443, true);
    assert_memory_equal(told.text,
                        "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\nX-Real-IP: 2001:db8::19\r\n"
                        "X-Forwarded-For: 2001:db8::19\r\nForwarded: "
                        "for=\"[2001:db8::19]\";proto=https\r\n" VIA,
                        told.via.at + told.via.len);
}

static const struct answered {
    const char *head, *sent;
    enum after after;
    bool unchunk;
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", AFTER_KEEP, false},
    {"HTTP/1.0 200 OK\r\nConnection: close\r\nA: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n",
     AFTER_CLOSE, false},
    {"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", AFTER_KEEP_SAID, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
     AFTER_CLOSE, true},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
     "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", AFTER_SWITCH, false},
    {"HTTP/1.1 204\r\n\r\n", "HTTP/1.1 204\r\n\r\n", AFTER_KEEP, false},
};

static void heads_of_answers_as_they_are_sent_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct http_head h;
        struct http_at at = {0};
        const uint8_t *bytes = (const uint8_t *)answers[i].head;
        assert_int_equal(http_response_read(&h, &at, bytes, (uint32_t)strlen(answers[i].head), 4096), READ_WHOLE);
        response_rewrite(&text, &h, bytes, answers[i].after, answers[i].unchunk, "");
        text.bytes[text.n] = 0;
        assert_string_equal((const char *)text.bytes, answers[i].sent);
    }
}

static void pages_are_answers_of_the_length_they_say(void **state)
{
    (void)state;
    char page[PAGE_TEXT_MAX];
    for (unsigned status = 400; status < 600; status++)
        for (int head_only = 0; head_only < 2; head_only++) {
            struct http_head h;
            struct http_at at = {0};
            const size_t n = http_page(page, status, status % 2, head_only, 784111777);
            assert_int_equal(http_response_read(&h, &at, (const uint8_t *)page, (uint32_t)n, 4096), READ_WHOLE);
            assert_int_equal(h.len + (head_only ? 0 : h.length), n);
            assert_int_equal(!http_keeps(&h), status % 2);
            assert_non_null(strstr(page, "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
        }
}

static struct view view(const char *s) { return (struct view){.at = (const uint8_t *)s, .len = (uint32_t)strlen(s)}; }

static void lines_of_the_log(void **state)
{
    (void)state;
    char line[LOG_LINE_MAX];
    struct log_entry e = {.at_ns = UINT64_C(1795294523123000000),
                          .took_ns = 2345678,
                          .bytes_out = 12,
                          .client = view("192.0.2.9"),
                          .port = 5000,
                          .line = view("GET /\"\\\n\x1b\xff HTTP/1.1"),
                          .host = view("a"),
                          .status = 200,
                          .service = "web",
                          .pool = "shop",
                          .server = "one"};
    line[log_common(line, &e)] = 0;
    assert_string_equal(line, "192.0.2.9 - - [21/Nov/2026:20:55:23 +0000] "
                              "\"GET /\\\"\\\\\\x0a\\x1b\\xff HTTP/1.1\" 200 12\n");
    line[log_json(line, &e)] = 0;
    assert_string_equal(
        line, "{\"time\":\"2026-11-21T20:55:23.123Z\",\"client\":\"192.0.2.9\",\"port\":5000,"
              "\"service\":\"web\",\"host\":\"a\",\"request\":\"GET /\\\"\\\\\\u000a\\u001b\\u00ff HTTP/1.1\","
              "\"status\":200,\"bytes_in\":0,\"bytes_out\":12,\"pool\":\"shop\",\"server\":\"one\","
              "\"wait_ms\":0.000,\"took_ms\":2.345}\n");
}

/* Whatever a line contains, it ends once, and its quotes are closed. */
static void a_line_of_the_log_is_one_line(void **state)
{
    (void)state;
    static char hostile[20000], line[LOG_LINE_MAX];
    for (size_t i = 0; i < sizeof hostile; i++) hostile[i] = (char)(i * 31 + i / 256);
    const struct view v = {.at = (const uint8_t *)hostile, .len = sizeof hostile};
    const struct log_entry e = {.client = v, .line = v, .host = v, .referrer = v, .agent = v, .service = "s"};
    for (int json = 0; json < 2; json++) {
        const size_t n = json ? log_json(line, &e) : log_common(line, &e);
        assert_in_range(n, 2, LOG_LINE_MAX);
        assert_ptr_equal(memchr(line, '\n', n), line + n - 1);
        unsigned quotes = 0;
        for (size_t i = 0; i < n; i++) {
            assert_in_range((uint8_t)line[i], i == n - 1 ? '\n' : 0x20, 0x7e);
            if (line[i] == '\\')
                i++;
            else
                quotes += line[i] == '"';
        }
        assert_int_equal(quotes % 2, 0);
    }
}

static void cookies(void **state)
{
    (void)state;
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nCookie: x=1; SID=\"abc\";sid=2\r\nCookie: y=3\r\n\r\n";
    struct http_head h;
    struct http_at at = {0};
    const uint8_t *bytes = (const uint8_t *)request;
    assert_int_equal(http_request_read(&h, &at, bytes, sizeof request - 1, 4096), READ_WHOLE);
    assert_true(view_is(cookie_value(&h, bytes, "SID"), "abc"));
    assert_true(view_is(cookie_value(&h, bytes, "sid"), "2"));
    assert_true(view_is(cookie_value(&h, bytes, "y"), "3"));
    assert_null(cookie_value(&h, bytes, "z").at);
    static const char *const none[] = {"0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcdeg"};
    const struct view good = {(const uint8_t *)"0123456789abcdef", 16};
    assert_true(cookie_number(good) == UINT64_C(0x0123456789abcdef));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_true(cookie_number((struct view){(const uint8_t *)none[i], (uint32_t)strlen(none[i])}) == 0);
}

/* ---- messages ---- */

struct bench {
    struct loop loop;
    struct slab buffers;
    struct task task;
    struct side from, to;
    int in, out; /* the far ends */
    struct way way;
};

static void nothing(struct task *t) { (void)t; }

static void bench_open(struct bench *b, uint32_t buffer)
{
    int a[2], z[2];
    *b = (struct bench){.task.run = nothing};
    assert_int_equal(loop_init(&b->loop), 0);
    buffers_init(&b->buffers, buffer, 8);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, z), 0);
    assert_int_equal(side_open(&b->from, &b->loop, a[0], &b->task), 0);
    assert_int_equal(side_open(&b->to, &b->loop, z[0], &b->task), 0);
    b->in = a[1];
    b->out = z[1];
    b->way = (struct way){.from = &b->from, .to = &b->to};
}

static void bench_close(struct bench *b)
{
    way_fini(&b->way, &b->buffers);
    side_close(&b->from);
    side_close(&b->to);
    close(b->in);
    if (b->out >= 0) close(b->out);
    assert_int_equal(b->buffers.used, 0);
    slab_fini(&b->buffers);
    loop_fini(&b->loop);
}

/* Send everything in pieces drawn from *seed; returns the result, and appends the output to `got`. */
static enum way_result carry(struct bench *b, struct message *m, const char *bytes, size_t n, unsigned *seed, char *got,
                             size_t *got_n)
{
    enum way_result r = WAY_WAITS;
    *got_n = 0;
    for (size_t at = 0, turns = 0; turns < 100000; turns++) {
        const size_t piece = (size_t)rand_r(seed) % 700 + 1, left = n - at;
        const ssize_t sent = left ? write(b->in, bytes + at, piece < left ? piece : left) : 0;
        if (sent > 0) at += (size_t)sent;
        if (at == n && left) shutdown(b->in, SHUT_WR);
        loop_turn(&b->loop, 0);
        if (r == WAY_WAITS || r == WAY_AGAIN) r = message_move(m, &b->buffers);
        const ssize_t came = read(b->out, got + *got_n, 8192);
        if (came > 0) *got_n += (size_t)came;
        if (r != WAY_WAITS && r != WAY_AGAIN && came <= 0) return r;
    }
    fail_msg("the message doesn't end");
    return r;
}

static void a_message_ends_where_it_says(void **state)
{
    (void)state;
    static char body[70000], got[100000], sent[100000];
    static const char chunked[] = "5\r\nhello\r\n3;a=b\r\n, w\r\n0\r\nT: u\r\n\r\nNEXT";
    memset(body, 'x', sizeof body);
    for (unsigned seed = 1; seed < 40; seed++) {
        unsigned draw = seed;
        struct bench b;
        size_t n;
        const uint64_t length = (uint64_t)rand_r(&draw) % (seed % 2 ? 65000 : 500);
        bench_open(&b, 4096);
        struct message m = {.way = &b.way};
        body_begin(&m.body, HTTP_LENGTH, length);
        memcpy(sent, body, length);
        memcpy(sent + length, "NEXT", 4);
        assert_int_equal(carry(&b, &m, sent, length + 4, &draw, got, &n), WAY_DONE);
        assert_int_equal(n, length);
        bench_close(&b);

        for (int unchunk = 0; unchunk < 2; unchunk++) {
            bench_open(&b, 4096);
            m = (struct message){.way = &b.way, .unchunk = unchunk};
            body_begin(&m.body, HTTP_CHUNKED, 0);
            assert_int_equal(carry(&b, &m, chunked, sizeof chunked - 1, &draw, got, &n), WAY_DONE);
            assert_int_equal(n, unchunk ? 8 : sizeof chunked - 1 - 4);
            assert_memory_equal(got, unchunk ? "hello, w" : chunked, n);
            bench_close(&b);
        }
        bench_open(&b, 4096);
        m = (struct message){.way = &b.way};
        body_begin(&m.body, HTTP_CLOSE, 0);
        assert_int_equal(carry(&b, &m, body, length, &draw, got, &n), WAY_DONE);
        assert_int_equal(n, length);
        bench_close(&b);
    }
}

static void a_message_that_is_cut_or_malformed_is_said_to_be(void **state)
{
    (void)state;
    static char got[10000];
    unsigned draw = 1;
    size_t n;
    struct bench b;
    bench_open(&b, 4096);
    struct message m = {.way = &b.way};
    body_begin(&m.body, HTTP_LENGTH, 10);
    assert_int_equal(carry(&b, &m, "123", 3, &draw, got, &n), WAY_CUT);
    assert_int_equal(n, 3);
    bench_close(&b);
    bench_open(&b, 4096);
    m = (struct message){.way = &b.way};
    body_begin(&m.body, HTTP_CHUNKED, 0);
    assert_int_equal(carry(&b, &m, "3\r\nabc\r\nzz\r\n", 12, &draw, got, &n), WAY_BAD);
    assert_int_equal(n, 8);
    assert_int_equal(m.body.reason, STREAM_HTTP_BAD_CHUNK);
    bench_close(&b);
}

/* ---- kept connections ---- */

struct keeper {
    struct loop loop;
    struct slab sides;
    struct kept kept;
    struct task task; /* task of the one that takes a connection */
};

static struct side *open_side(struct keeper *k, int *far)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct side *s = slab_take(&k->sides);
    assert_int_equal(side_open(s, &k->loop, pair[0], &k->task), 0);
    *far = pair[1];
    return s;
}

static void put(struct keeper *k, uint32_t server, int *far)
{
    struct side *s = open_side(k, far);
    struct kept_one *one = kept_room(&k->kept);
    assert_non_null(one);
    s->task = kept_task(one);
    kept_put(&k->kept, one, (struct kept_key){.server = server}, s, 50000000);
}

static struct side *take(struct keeper *k, uint32_t server)
{
    return kept_take(&k->kept, (struct kept_key){.server = server}, &k->task);
}

static void keeper_open(struct keeper *k, uint32_t most)
{
    *k = (struct keeper){.task.run = nothing};
    assert_int_equal(loop_init(&k->loop), 0);
    slab_init(&k->sides, sizeof(struct side), 16);
    kept_init(&k->kept, &k->loop, &k->sides, most);
}

static void keeper_close(struct keeper *k)
{
    kept_fini(&k->kept);
    assert_int_equal(k->sides.used, 0);
    slab_fini(&k->sides);
    loop_fini(&k->loop);
}

static void give_side(struct keeper *k, struct side *s)
{
    side_close(s);
    slab_give(&k->sides, s);
}

static void a_kept_connection_is_taken_for_its_server_alone(void **state)
{
    (void)state;
    struct keeper k;
    int far[2];
    keeper_open(&k, 4);
    put(&k, 1, &far[0]);
    put(&k, 2, &far[1]);
    loop_turn(&k.loop, 0);
    assert_null(take(&k, 3));
    struct side *s = take(&k, 2);
    assert_non_null(s);
    assert_null(take(&k, 2));
    assert_int_equal(write(far[1], "x", 1), 1);
    char c;
    loop_turn(&k.loop, 0);
    assert_int_equal(side_read(s, &c, 1), 1);
    give_side(&k, s);
    keeper_close(&k);
    close(far[0]), close(far[1]);
}

/* Data that a server sends without a request must never be read as the next client's reply. */
static void a_kept_connection_that_speaks_or_ends_is_lost(void **state)
{
    (void)state;
    for (int turn = 0; turn < 2; turn++)
        for (int speaks = 0; speaks < 2; speaks++) {
            struct keeper k;
            int far;
            keeper_open(&k, 4);
            put(&k, 1, &far);
            loop_turn(&k.loop, 0);
            if (speaks)
                assert_int_equal(write(far, "HTTP/1.1 200 OK\r\n", 17), 17);
            else
                shutdown(far, SHUT_WR);
            if (turn) loop_turn(&k.loop, 0); /* without one, the loop wasn't informed of it yet */
            assert_null(take(&k, 1));
            assert_int_equal(k.kept.lost, 1);
            keeper_close(&k);
            close(far);
        }
}

static void the_longest_kept_makes_room_and_time_ends_all(void **state)
{
    (void)state;
    struct keeper k;
    int far[3];
    keeper_open(&k, 2);
    for (uint32_t i = 0; i < 3; i++) put(&k, i, &far[i]);
    assert_null(take(&k, 0));
    struct side *s = take(&k, 1);
    assert_non_null(s);
    give_side(&k, s);
    for (unsigned i = 0; k.kept.oldest && i < 100; i++) loop_turn(&k.loop, 10);
    assert_null(k.kept.oldest);
    assert_null(take(&k, 2));
    keeper_close(&k);
    for (unsigned i = 0; i < 3; i++) close(far[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_of_requests_as_they_are_sent_on),
        cmocka_unit_test(what_a_client_claims_is_believed_of_the_trusted),
        cmocka_unit_test(an_ipv6_client_stands_in_brackets_and_quotes),
        cmocka_unit_test(heads_of_answers_as_they_are_sent_on),
        cmocka_unit_test(pages_are_answers_of_the_length_they_say),
        cmocka_unit_test(lines_of_the_log),
        cmocka_unit_test(a_line_of_the_log_is_one_line),
        cmocka_unit_test(cookies),
        cmocka_unit_test(a_message_ends_where_it_says),
        cmocka_unit_test(a_message_that_is_cut_or_malformed_is_said_to_be),
        cmocka_unit_test(a_kept_connection_is_taken_for_its_server_alone),
        cmocka_unit_test(a_kept_connection_that_speaks_or_ends_is_lost),
        cmocka_unit_test(the_longest_kept_makes_room_and_time_ends_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
