/* The first bytes of a connection: the results, cut at every byte, at the end and beyond the limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "vm/stream/first.h"
#include "vm/stream/http.h"

static struct first f;
static struct first_at at;

/* Read all of a text in one call. */
static enum stream_read read_text(const char *text, struct first_asked asked)
{
    if (!asked.limit) asked.limit = 16384;
    at = (struct first_at){.hello = {0}};
    return first_read(&f, &at, (const uint8_t *)text, (uint32_t)strlen(text), &asked);
}

/* Read byte by byte, each time in a separate block that ends with the bytes; waits until they are all there. */
static enum stream_read read_cut(const uint8_t *bytes, uint32_t n, const struct first_asked *asked, uint8_t **last)
{
    enum stream_read said = READ_MORE;
    uint32_t need = 0;
    *last = NULL;
    at = (struct first_at){.hello = {0}};
    for (uint32_t i = 0; i <= n; i++) {
        free(*last);
        *last = malloc(i ? i : 1);
        memcpy(*last, bytes, i);
        said = first_read(&f, &at, *last, i, asked);
        if (said != READ_MORE) assert_true(i >= need);
        if (said == READ_MORE) {
            assert_true(f.need > i);
            need = f.need;
        }
        if (i < n) assert_int_equal(said, READ_MORE);
    }
    return said;
}

static void http(void **state)
{
    static const char text[] =
        "GET /a/%7eb/../c?x=1 HTTP/1.1\r\nHost: Shop.Example.:8080\r\nX-Key: one\r\nx-key: two\r\n\r\n";
    const struct first_asked asked = {.wants = FIRST_HTTP, .limit = 16384};
    struct view v;
    uint8_t *last;
    unsigned next = 0;
    (void)state;
    assert_int_equal(read_cut((const uint8_t *)text, sizeof text - 1, &asked, &last), READ_WHOLE);
    assert_int_equal(first_method(&f, &v), FIRST_KNOWN);
    assert_true(view_is(v, "GET"));
    assert_int_equal(first_host(&f, &v), FIRST_KNOWN);
    assert_true(view_is(v, "Shop.Example"));
    assert_int_equal(f.head.port, 8080);
    assert_int_equal(first_path(&f, &v), FIRST_KNOWN);
    assert_true(view_is(v, "/a/c"));
    assert_int_equal(first_header(&f, "x-key", &next, &v), FIRST_KNOWN);
    assert_true(view_is(v, "one"));
    assert_int_equal(first_header(&f, "x-key", &next, &v), FIRST_KNOWN);
    assert_true(view_is(v, "two"));
    assert_int_equal(first_header(&f, "x-key", &next, &v), FIRST_ABSENT);
    assert_int_equal(first_sni(&f, &v), FIRST_ABSENT);
    free(last);
}

static const uint8_t hello[] = {
    22, 3,  1,  0,  82, 1,  0,  0,   78,  3,  3, /* record, message, version */
    1,  2,  3,  4,  5,  6,  7,  8,   9,   10, 11, 12,  13,  14,  15,   16,   17,   18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29,  30,  31, 32, 0,   0,   4,   0x0a, 0x0a, 0x13, 1,  1,  0, /* session, ciphers,
                                                                                                 compressions */
    0,  33, 0,  0,  0,  11, 0,  9,   0,   0,  6,  'a', '.', 't', 'e',  's',  't',             /* server name */
    0,  16, 0,  5,  0,  3,  2,  'h', '2', 0,  43, 0,   5,   4,   0x1a, 0x1a, 3,    4          /* ALPN, versions */
};

static void tls(void **state)
{
    const struct first_asked asked = {.wants = FIRST_TLS, .limit = 16384};
    struct view v;
    uint8_t *last;
    bool offers;
    (void)state;
    assert_int_equal(sizeof hello, 87);
    assert_int_equal(read_cut(hello, sizeof hello, &asked, &last), READ_WHOLE);
    assert_int_equal(first_sni(&f, &v), FIRST_KNOWN);
    assert_true(view_is(v, "a.test"));
    assert_int_equal(first_alpn(&f, "h2", 2, &offers), FIRST_KNOWN);
    assert_true(offers);
    assert_int_equal(first_alpn(&f, "h3", 2, &offers), FIRST_KNOWN);
    assert_false(offers);
    assert_int_equal(f.hello.version, 0x0304);
    free(last);
}

/* The same message, in records of one byte each. */
static void tls_in_pieces(void **state)
{
    const struct first_asked asked = {.wants = FIRST_TLS, .limit = 16384};
    uint8_t cut[6 * sizeof hello], *last;
    uint32_t n = 0;
    struct view v;
    (void)state;
    for (unsigned i = 5; i < sizeof hello; i++) {
        memcpy(cut + n, (const uint8_t[]){22, 3, 1, 0, 1, hello[i]}, 6);
        n += 6;
    }
    assert_int_equal(read_cut(cut, n, &asked, &last), READ_WHOLE);
    assert_int_equal(first_sni(&f, &v), FIRST_KNOWN);
    assert_true(view_is(v, "a.test"));
    free(last);
}

static void ends(void **state)
{
    const struct first_asked late = {.wants = FIRST_TLS, .end = FIRST_LATE, .limit = 16384};
    struct view v;
    (void)state;
    assert_int_equal(read_text("", late), READ_WHOLE);
    assert_int_equal(first_sni(&f, &v), FIRST_ABSENT);
    assert_int_equal(read_text("\x16\x03", late), READ_BAD);
    assert_int_equal(f.reason, STREAM_FIRST_LATE);
    assert_int_equal(read_text("GET", (struct first_asked){.wants = FIRST_HTTP, .end = FIRST_CLOSED}), READ_BAD);
    assert_int_equal(f.reason, STREAM_FIRST_CUT);
    assert_int_equal(read_text("GET / HTTP/1.1\r\n", (struct first_asked){.wants = FIRST_HTTP, .limit = 10}), READ_BAD);
    assert_int_equal(f.reason, STREAM_HTTP_HEAD_TOO_LONG);
    assert_int_equal(read_text("\x16\x03\x01", (struct first_asked){.wants = FIRST_TLS, .limit = 3}), READ_BAD);
    assert_int_equal(f.reason, STREAM_FIRST_TOO_LONG);
    assert_int_equal(read_text("SSH-2.0", (struct first_asked){.wants = FIRST_TLS}), READ_WHOLE);
}

static void preface(void **state)
{
    static const char text[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    bool offers;
    (void)state;
    assert_int_equal(read_text("PRI * HTT", (struct first_asked){.wants = FIRST_TLS}), READ_MORE);
    assert_int_equal(f.need, 10);
    assert_int_equal(read_text(text, (struct first_asked){.wants = FIRST_TLS}), READ_WHOLE);
    assert_int_equal(first_alpn(&f, "h2", 2, &offers), FIRST_KNOWN);
    assert_true(offers);
    assert_int_equal(read_text(text, (struct first_asked){.wants = FIRST_HTTP}), READ_BAD);
    assert_int_equal(f.reason, STREAM_HTTP2);
}

/* Frames, field by field (RFC 9113, 4.1). */
static void goaway(void **state)
{
    static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    static const uint8_t away[] = {0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0d};
    (void)state;
    assert_int_equal(sizeof settings + sizeof away, HTTP2_GOAWAY_LEN);
    assert_memory_equal(http2_goaway, settings, sizeof settings);
    assert_memory_equal(http2_goaway + sizeof settings, away, sizeof away);
}

static void limits(void **state)
{
    static uint8_t many[70000];
    (void)state;
    memset(many, 'a', sizeof many);
    memcpy(many, "GET / HTTP/1.1\r\nX: ", 19);
    for (uint32_t limit = 0; limit <= 65536; limit += 65536) {
        const struct first_asked asked = {.wants = FIRST_HTTP, .limit = limit};
        at = (struct first_at){.hello = {0}};
        assert_int_equal(first_read(&f, &at, many, STREAM_MAX - 1, &asked), READ_MORE);
        assert_int_equal(first_read(&f, &at, many, sizeof many, &asked), READ_BAD);
        assert_int_equal(f.reason, STREAM_HTTP_HEAD_TOO_LONG);
    }
}

/* A complete head stays complete while another reader waits. */
static void one_waits(void **state)
{
    static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n\r\n\r\nbody\n";
    const struct first_asked asked = {.wants = FIRST_HTTP | (sizeof text - 1) << FIRST_BYTES_SHIFT};
    uint8_t *last;
    struct view v;
    (void)state;
    assert_int_equal(read_cut((const uint8_t *)text, sizeof text - 1, &asked, &last), READ_WHOLE);
    assert_int_equal(first_host(&f, &v), FIRST_KNOWN);
    assert_int_equal(f.head.len, sizeof text - 1 - 9);
    free(last);
}

/* Facts from a handshake that ended here are added to the request's. */
static void ended_tls(void **state)
{
    struct view v;
    bool offers;
    (void)state;
    assert_int_equal(read_text("GET / HTTP/1.1\r\nHost: a\r\n\r\n", (struct first_asked){.wants = FIRST_HTTP}),
                     READ_WHOLE);
    first_tls(&f, (struct view){.at = (const uint8_t *)"b.test", .len = 6}, (struct view){.at = NULL});
    assert_int_equal(first_sni(&f, &v), FIRST_KNOWN);
    assert_true(view_is(v, "b.test"));
    assert_int_equal(first_alpn(&f, "http/1.1", 8, &offers), FIRST_ABSENT);
    assert_int_equal(first_host(&f, &v), FIRST_KNOWN);
}

static void instruction(void **state)
{
    static const char text[] = "20192.168.2.6:666600rest";
    const struct instruction *i;
    (void)state;
    assert_int_equal(read_text("2", (struct first_asked){.wants = FIRST_INSTRUCTION}), READ_MORE);
    assert_int_equal(read_text(text, (struct first_asked){.wants = FIRST_INSTRUCTION}), READ_WHOLE);
    assert_int_equal(first_instruction(&f, &i), FIRST_KNOWN);
    assert_int_equal(i->len, 20);
    assert_int_equal(i->target.addr[0], 0xc0a80206);
    assert_int_equal(i->target.port, 6666);
    assert_int_equal(read_text(text, (struct first_asked){.wants = FIRST_INSTRUCTION | FIRST_SUM}), READ_BAD);
    assert_int_equal(f.reason, STREAM_INSTRUCTION_MALFORMED);
    assert_int_equal(read_text("GET", (struct first_asked){.wants = FIRST_INSTRUCTION}), READ_WHOLE);
    assert_int_equal(first_instruction(&f, &i), FIRST_ABSENT);
}

static void behind_proxy_header(void **state)
{
    static const char text[] = "PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const struct first_asked asked = {.wants = FIRST_PROXY | FIRST_HTTP | 3 << FIRST_BYTES_SHIFT, .limit = 16384};
    const struct proxy_header *h;
    struct view v;
    uint8_t *last;
    (void)state;
    assert_int_equal(read_cut((const uint8_t *)text, sizeof text - 1, &asked, &last), READ_WHOLE);
    assert_int_equal(first_proxy(&f, &h), FIRST_KNOWN);
    assert_int_equal(h->src.addr[0], 0xc0000201);
    assert_int_equal(h->dst.port, 80);
    assert_int_equal(f.skip, 40);
    assert_int_equal(first_host(&f, &v), FIRST_KNOWN);
    assert_true(view_is(v, "a"));
    assert_int_equal(first_bytes(&f, 0, 3, &v), FIRST_KNOWN);
    assert_true(view_is(v, "GET"));
    free(last);
    assert_int_equal(read_text(text, (struct first_asked){.wants = FIRST_PROXY_NEVER | FIRST_HTTP}), READ_BAD);
    assert_int_equal(f.reason, STREAM_PROXY_UNTRUSTED);
    assert_int_equal(read_text(text + 40, (struct first_asked){.wants = FIRST_PROXY | FIRST_HTTP}), READ_BAD);
    assert_int_equal(f.reason, STREAM_PROXY_MISSING);
}

/* Bytes that may still become a header from a source that may not send one are waited for, and no longer. */
static void no_proxy_header(void **state)
{
    static const char second[] = "\r\n\r\n\0\r\nQUIT\n";
    const struct first_asked asked = {.wants = FIRST_PROXY_NEVER};
    (void)state;
    assert_int_equal(read_text("PROXY", asked), READ_MORE);
    assert_int_equal(read_text("PROXY ", asked), READ_BAD);
    assert_int_equal(f.reason, STREAM_PROXY_UNTRUSTED);
    assert_int_equal(read_text("PROXX", asked), READ_WHOLE);
    for (uint32_t n = 0; n < sizeof second; n++) {
        at = (struct first_at){.hello = {0}};
        const enum stream_read said = first_read(&f, &at, (const uint8_t *)second, n, &asked);
        assert_int_equal(said, n == 0 ? READ_WHOLE : n < 12 ? READ_MORE : READ_BAD);
    }
    assert_int_equal(f.reason, STREAM_PROXY_UNTRUSTED);
}

static void bytes(void **state)
{
    struct view v;
    (void)state;
    assert_int_equal(read_text("abc", (struct first_asked){.wants = 4 << FIRST_BYTES_SHIFT}), READ_MORE);
    assert_int_equal(f.need, 4);
    assert_int_equal(first_bytes(&f, 1, 2, &v), FIRST_KNOWN);
    assert_true(view_is(v, "bc"));
    assert_int_equal(first_bytes(&f, 1, 3, &v), FIRST_NOT_YET);
    assert_int_equal(read_text("abcd", (struct first_asked){.wants = 4 << FIRST_BYTES_SHIFT}), READ_WHOLE);
    assert_int_equal(read_text("abc", (struct first_asked){.wants = 4 << FIRST_BYTES_SHIFT, .end = FIRST_CLOSED}),
                     READ_WHOLE);
    assert_int_equal(first_bytes(&f, 1, 3, &v), FIRST_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http),          cmocka_unit_test(tls),
        cmocka_unit_test(tls_in_pieces), cmocka_unit_test(ends),
        cmocka_unit_test(preface),       cmocka_unit_test(goaway),
        cmocka_unit_test(limits),        cmocka_unit_test(ended_tls),
        cmocka_unit_test(one_waits),     cmocka_unit_test(no_proxy_header),
        cmocka_unit_test(instruction),   cmocka_unit_test(behind_proxy_header),
        cmocka_unit_test(bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
