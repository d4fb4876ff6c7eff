/* TLS ClientHellos: those of OpenSSL, cut into records of every length; malformed ones; other data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "vm/stream/first.h"

static uint8_t scratch[HELLO_MAX];

/* Write the bytes that OpenSSL as a client sends first; returns their length. alpn: as on the wire, or NULL. */
static uint32_t openssl_hello(uint8_t *out, size_t room, const char *name, const char *alpn, int highest)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    BIO *in = BIO_new(BIO_s_mem()), *sent = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, in, sent);
    SSL_set_max_proto_version(ssl, highest);
    if (name) SSL_set_tlsext_host_name(ssl, name);
    if (alpn) SSL_set_alpn_protos(ssl, (const uint8_t *)alpn, (unsigned)strlen(alpn));
    SSL_connect(ssl);
    const int n = BIO_read(sent, out, (int)room);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    assert_true(n > 0);
    return (uint32_t)n;
}

/* Read byte by byte, each time in a block that ends with the bytes. *last: the last block, which the caller frees. */
static enum stream_read read_cut(struct hello *h, const uint8_t *bytes, uint32_t n, uint8_t **last)
{
    struct hello_at at = {0};
    enum stream_read said = READ_MORE;
    uint32_t need = 0;
    *last = NULL;
    for (uint32_t i = 0; i <= n && said == READ_MORE; i++) {
        free(*last);
        *last = malloc(i ? i : 1);
        memcpy(*last, bytes, i);
        said = hello_read(h, &at, *last, i, scratch);
        if (said == READ_WHOLE) assert_true(i == n && i >= need);
        if (said != READ_MORE) continue;
        assert_true(h->len > i && h->len >= need);
        need = h->len;
    }
    return said;
}

static void assert_hello(const uint8_t *bytes, uint32_t n, const char *name, const char *alpn, unsigned version)
{
    struct hello h;
    uint8_t *last;
    assert_int_equal(read_cut(&h, bytes, n, &last), READ_WHOLE);
    assert_int_equal(h.len, n);
    assert_int_equal(h.version, version);
    if (name)
        assert_true(view_is(h.sni, name));
    else
        assert_null(h.sni.at);
    if (alpn)
        assert_true(view_is(h.alpn, alpn));
    else
        assert_null(h.alpn.at);
    free(last);
}

/* Cut the same message into records of `part` bytes. */
static uint32_t cut_records(const uint8_t *hello, uint32_t n, uint32_t part, uint8_t *out)
{
    uint32_t to = 0;
    for (uint32_t at = 5; at < n; at += part) {
        const uint32_t len = n - at < part ? n - at : part;
        memcpy(out + to, (const uint8_t[]){22, 3, 3, (uint8_t)(len >> 8), (uint8_t)len}, 5);
        memcpy(out + to + 5, hello + at, len);
        to += 5 + len;
    }
    return to;
}

static void of_openssl(void **state)
{
    uint8_t hello[4096], cut[6 * 4096];
    (void)state;
    assert_hello(hello, openssl_hello(hello, sizeof hello, NULL, NULL, TLS1_3_VERSION), NULL, NULL, 0x0304);
    assert_hello(hello, openssl_hello(hello, sizeof hello, "a.test", NULL, TLS1_2_VERSION), "a.test", NULL, 0x0303);
    const uint32_t n = openssl_hello(hello, sizeof hello, "shop.example", "\x02h2\x08http/1.1", TLS1_3_VERSION);
    assert_hello(hello, n, "shop.example", "\x02h2\x08http/1.1", 0x0304);
    for (uint32_t part = 1; part < n; part += part < 8 ? 1 : 37)
        assert_hello(cut, cut_records(hello, n, part, cut), "shop.example", "\x02h2\x08http/1.1", 0x0304);
}

/* Make a hello with these extensions. */
static uint32_t make(uint8_t *out, const void *extensions, uint32_t len)
{
    const uint32_t message = 2 + 32 + 1 + 4 + 2 + 2 + len;
    memset(out, 0, 256);
    memcpy(out,
           (const uint8_t[]){22, 3, 1, (uint8_t)((message + 4) >> 8), (uint8_t)(message + 4), 1, 0,
                             (uint8_t)(message >> 8), (uint8_t)message, 3, 3},
           11);
    memcpy(out + 11 + 32, (const uint8_t[]){0, 0, 2, 0x13, 1, 1, 0, (uint8_t)(len >> 8), (uint8_t)len}, 9);
    memcpy(out + 52, extensions, len);
    return 52 + len;
}

static enum stream_read read_made(const void *extensions, uint32_t len, struct hello *h)
{
    static uint8_t made[512];
    const uint32_t n = make(made, extensions, len);
    return hello_read(h, &(struct hello_at){0}, made, n, scratch);
}
#define READ_MADE(text, h) read_made(text, sizeof(text) - 1, h)

static void extensions(void **state)
{
    struct hello h;
    (void)state;
    assert_int_equal(READ_MADE("", &h), READ_WHOLE);
    assert_int_equal(h.version, 0x0303);
    assert_int_equal(READ_MADE("\x0a\x0a\0\0\0\0\0\6\0\4\0\0\1a\x2a\x2a\0\1\0", &h), READ_WHOLE); /* GREASE around it */
    assert_true(view_is(h.sni, "a"));
    assert_int_equal(READ_MADE("\0\x2b\0\x7\6\x7a\x7a\3\4\3\3", &h), READ_WHOLE);
    assert_int_equal(h.version, 0x0304);
    assert_int_equal(READ_MADE("\0\x2b\0\3\2\x1a\x0a", &h), READ_WHOLE); /* nearly GREASE */
    assert_int_equal(h.version, 0x1a0a);
    /* a name of another type beside the host's */
    assert_int_equal(READ_MADE("\0\0\0\x0b\0\x09\1\0\1x\0\0\2ab", &h), READ_WHOLE);
    assert_true(view_is(h.sni, "ab"));
}

static void bad_extensions(void **state)
{
    static const struct {
        const char *bytes;
        uint32_t len;
    } t[] = {
#define ROW(text) {text, sizeof(text) - 1}
        ROW("\0"),                                     /* cut in a type */
        ROW("\0\0\0"),                                 /* in a length */
        ROW("\0\0\0\1"),                               /* in a body */
        ROW("\0\0\0\0"),                               /* a server name extension without a list */
        ROW("\0\0\0\2\0\0"),                           /* with an empty list */
        ROW("\0\0\0\6\0\4\0\0\2a"),                    /* a name past its list */
        ROW("\0\0\0\5\0\3\0\0\0"),                     /* an empty name */
        ROW("\0\0\0\6\0\4\0\0\1\0"),                   /* a zero byte */
        ROW("\0\0\0\6\0\4\0\0\1 "),                    /* a blank */
        ROW("\0\0\0\7\0\4\0\0\1aa"),                   /* bytes behind the list */
        ROW("\0\0\0\x0a\0\x08\0\0\1a\0\0\1b"),         /* two hosts in a list */
        ROW("\0\0\0\6\0\4\0\0\1a\0\0\0\6\0\4\0\0\1b"), /* two extensions of one type */
        ROW("\0\x10\0\2\0\0"),                         /* ALPN: an empty list */
        ROW("\0\x10\0\3\0\1\0"),                       /* an empty protocol */
        ROW("\0\x10\0\4\0\2\2h"),                      /* a protocol past its list */
        ROW("\0\x10\0\5\0\3\2h2\0\x10\0\5\0\3\2h2"),   /* twice */
        ROW("\0\x2b\0\1\0"),                           /* versions: an empty list */
        ROW("\0\x2b\0\2\1\3"),                         /* half a version */
        ROW("\0\x2b\0\3\2\3\4\0\x2b\0\3\2\3\3"),       /* twice */
#undef ROW
    };
    struct hello h;
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_int_equal(read_made(t[i].bytes, t[i].len, &h), READ_BAD);
        assert_int_equal(h.reason, STREAM_HELLO_MALFORMED);
    }
}

/* Read a hello with these bytes after its version and random, with a record and a message around it. */
static enum stream_read read_behind(const void *bytes, uint32_t len, struct hello *h)
{
    static uint8_t made[512];
    memset(made, 0, sizeof made);
    memcpy(made, (const uint8_t[]){22, 3, 1, 0, (uint8_t)(38 + len), 1, 0, 0, (uint8_t)(34 + len), 3, 1}, 11);
    memcpy(made + 43, bytes, len);
    return hello_read(h, &(struct hello_at){0}, made, 43 + len, scratch);
}

static void messages(void **state)
{
    static const struct {
        const char *bytes;
        uint32_t len, said;
    } t[] = {
#define ROW(text, said) {text, sizeof(text) - 1, said}
        ROW("\0\0\2\x13\1\1\0", READ_WHOLE), /* no extensions */
        ROW("\2ab\0\4\x13\1\x13\2\2\0\1\0\0", READ_WHOLE),
        ROW("\x20"
            "abcdefghijklmnopqrstuvwxyzabcdef\0\2\x13\1\1\0",
            READ_WHOLE),
        ROW("\x21"
            "abcdefghijklmnopqrstuvwxyzabcdefg\0\2\x13\1\1\0",
            READ_BAD),                          /* a long session */
        ROW("\0\0\3\x13\1\2\1\0", READ_BAD),    /* half a cipher */
        ROW("\0\0\0\1\0", READ_BAD),            /* no cipher */
        ROW("\0\0\2\x13\1\0", READ_BAD),        /* no compression */
        ROW("\0\0\2\x13\1", READ_BAD),          /* cut */
        ROW("\0\0\2\x13\1\1\0\0", READ_BAD),    /* half a length */
        ROW("\0\0\2\x13\1\1\0\0\1", READ_BAD),  /* extensions past the message */
        ROW("\0\0\2\x13\1\1\0\0\0x", READ_BAD), /* bytes behind them */
        ROW("", READ_BAD),
#undef ROW
    };
    struct hello h;
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_int_equal(read_behind(t[i].bytes, t[i].len, &h), t[i].said);
}

static void offers(void **state)
{
    const struct view list = {.at = (const uint8_t *)"\2h2\x08http/1.1\3abc", .len = 16};
    (void)state;
    assert_true(hello_offers(list, "h2", 2) && hello_offers(list, "http/1.1", 8) && hello_offers(list, "abc", 3));
    assert_false(hello_offers(list, "http/1.0", 8) || hello_offers(list, "ab", 2) || hello_offers(list, "2", 1));
    assert_false(hello_offers((struct view){.at = NULL}, "h2", 2));
}

static void records(void **state)
{
    static const struct {
        const char *bytes;
        uint32_t len;
        unsigned said, reason;
    } t[] = {
#define ROW(text, said, reason) {text, sizeof(text) - 1, said, reason}
        ROW("", READ_MORE, 0),
        ROW("\x16", READ_MORE, 0),
        ROW("GET", READ_OTHER, 0),
        ROW("\x16\x02", READ_OTHER, 0),
        ROW("\x80\x2e\x01\x03\x01", READ_OTHER, 0),                              /* SSLv2 */
        ROW("\x15\x03\x01\0\2\2\x28", READ_OTHER, 0),                            /* an alert */
        ROW("\x16\x03\x01\0\0", READ_BAD, STREAM_HELLO_MALFORMED),               /* an empty record */
        ROW("\x16\x03\x01\x40\1", READ_BAD, STREAM_HELLO_MALFORMED),             /* too long a record */
        ROW("\x16\x03\x01\0\5\2", READ_BAD, STREAM_HELLO_MALFORMED),             /* a ServerHello */
        ROW("\x16\x03\x01\0\1\1\x17", READ_BAD, STREAM_HELLO_MALFORMED),         /* data before its end */
        ROW("\x16\x03\x01\0\1\1\x16\3\1\0\0", READ_BAD, STREAM_HELLO_MALFORMED), /* an empty record inside */
        ROW("\x16\x03\x01\0\4\1\1\0\0", READ_BAD, STREAM_HELLO_TOO_LONG),        /* 64 KiB */
        ROW("\x16\x03\x01\0\4\1\0\0\0", READ_BAD, STREAM_HELLO_MALFORMED),       /* no message */
        ROW("\x16\x03\x01\0\4\1\0\xff\xf6", READ_MORE, 0),                       /* the longest */
        ROW("\x16\x03\x01\0\4\1\0\xff\xf7", READ_BAD, STREAM_HELLO_TOO_LONG),
#undef ROW
    };
    struct hello h;
    uint8_t *last;
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_int_equal(read_cut(&h, (const uint8_t *)t[i].bytes, t[i].len, &last), t[i].said);
        assert_int_equal(h.reason, t[i].reason);
        free(last);
    }
}

/* Hellos of 60,000 bytes, like those of a client with many keys and a long list of pre-shared ones, in records of 16
 * KiB. */
static void long_hellos(void **state)
{
    enum { MESSAGE = 60000, PART = 1 << 14, REST = MESSAGE - 47 - 4 - 15 };
    static uint8_t all[MESSAGE], bytes[MESSAGE + 100];
    static const uint8_t head[] = {1, 0, (MESSAGE - 4) >> 8, (MESSAGE - 4) & 255, 3, 3},
                         suites[] = {0, 0, 2, 0x13, 1, 1, 0, (MESSAGE - 47) >> 8, (MESSAGE - 47) & 255},
                         other[] = {0x5a, 0x5a, REST >> 8, REST & 255},
                         name[] = {0, 0, 0, 11, 0, 9, 0, 0, 6, 'a', '.', 't', 'e', 's', 't'};
    struct hello h;
    struct hello_at at = {0};
    uint32_t n = 0;
    (void)state;
    memcpy(all, head, sizeof head);
    memcpy(all + 38, suites, sizeof suites);
    memcpy(all + 47, other, sizeof other);
    memcpy(all + MESSAGE - sizeof name, name, sizeof name);
    for (uint32_t from = 0; from < MESSAGE; from += PART) {
        const uint32_t len = MESSAGE - from < PART ? MESSAGE - from : PART;
        memcpy(bytes + n, (const uint8_t[]){22, 3, 1, (uint8_t)(len >> 8), (uint8_t)len}, 5);
        memcpy(bytes + n + 5, all + from, len);
        n += 5 + len;
    }
    assert_int_equal(hello_read(&h, &at, bytes, n - 1, scratch), READ_MORE);
    assert_int_equal(h.len, n);
    assert_int_equal(hello_read(&h, &at, bytes, n, scratch), READ_WHOLE);
    assert_true(view_is(h.sni, "a.test"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_openssl),  cmocka_unit_test(extensions), cmocka_unit_test(bad_extensions),
        cmocka_unit_test(messages),    cmocka_unit_test(offers),     cmocka_unit_test(records),
        cmocka_unit_test(long_hellos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
