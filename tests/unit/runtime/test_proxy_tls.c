/* TLS in a side: handshakes, certificates by name, protocols, tickets, ends, over a pair of sockets. The library
 * itself is the other end; certificates are made here. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
/* after those that it needs */
#include <cmocka.h>

#include "runtime/proxy/tls/tls.h"

/* ---- certificates ---- */

static void add_to(X509 *cert, int what, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, what, value);
    assert_non_null(e);
    X509_add_ext(cert, e, -1);
    X509_EXTENSION_free(e);
}

/* Make a certificate. names: "DNS:a.example,DNS:*.b.example"; "" for an authority. `by` signs it, or itself. */
static struct keypair made_by(const char *names, const struct keypair *by)
{
    struct keypair k = {.cert = X509_new(), .chain = sk_X509_new_null(), .key = EVP_EC_gen("P-256")};
    X509_set_version(k.cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(k.cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(k.cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(k.cert), 3600);
    X509_set_pubkey(k.cert, k.key);
    const char *common = *names ? names : by ? "between" : "root";
    X509_NAME_add_entry_by_txt(X509_get_subject_name(k.cert), "CN", MBSTRING_ASC, (const unsigned char *)common, -1, -1,
                               0);
    X509_set_issuer_name(k.cert, X509_get_subject_name(by ? by->cert : k.cert));
    add_to(k.cert, *names ? NID_subject_alt_name : NID_basic_constraints, *names ? names : "critical,CA:TRUE");
    assert_int_not_equal(X509_sign(k.cert, by ? by->key : k.key, EVP_sha256()), 0);
    return k;
}
static struct keypair made(const char *names) { return made_by(names, NULL); }

static struct tls_front *front_of(const struct keypair pairs[], unsigned count, const char *protocols, bool only)
{
    char err[200];
    struct tls_front *f = tls_front_new(pairs, count, (const uint8_t *)protocols, (unsigned)strlen(protocols), only,
                                        NULL, err, sizeof err);
    if (!f) fail_msg("%s", err);
    return f;
}

static uint64_t counts[TLS_COUNTS];
static const struct stream_addr far = {.addr = {1}, .port = 443};

/* ---- a side of ours, and the library at the other end ---- */

struct bench {
    struct loop loop;
    struct task task;
    struct side side;
    int other;
    SSL_CTX *ctx;
    SSL *ssl;
    int shaken; /* the last result of our handshake */
};

static void run(struct task *t)
{
    struct bench *b = (struct bench *)((char *)t - offsetof(struct bench, task));
    if (b->shaken == -EAGAIN) b->shaken = side_shake(&b->side);
}

static void set_up(struct bench *b, const SSL_METHOD *method)
{
    int fds[2];
    *b = (struct bench){.task.run = run, .shaken = -EAGAIN};
    assert_int_equal(loop_init(&b->loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(side_open(&b->side, &b->loop, fds[0], &b->task), 0);
    b->other = fds[1];
    b->ctx = SSL_CTX_new(method);
    b->ssl = SSL_new(b->ctx);
    SSL_set_fd(b->ssl, b->other);
}

static void tear_down(struct bench *b)
{
    side_close(&b->side);
    loop_turn(&b->loop, 0);
    SSL_free(b->ssl);
    SSL_CTX_free(b->ctx);
    close(b->other);
    loop_fini(&b->loop);
}

/* Shake hands on both ends as far as possible. True if both are done. */
static bool shake(struct bench *b)
{
    int other = 0;
    for (unsigned i = 0; i < 20 && (other != 1 || b->shaken == -EAGAIN); i++) {
        if (other != 1) other = SSL_do_handshake(b->ssl);
        loop_turn(&b->loop, 0);
    }
    return other == 1 && !b->shaken;
}

static void set_client(struct bench *b, struct tls_front *f, const char *name)
{
    set_up(b, TLS_client_method());
    assert_int_equal(tls_accept(&b->side, f, counts), 0);
    SSL_set_connect_state(b->ssl);
    if (name) SSL_set_tlsext_host_name(b->ssl, name);
}

static ssize_t heard(struct bench *b, void *to, size_t n)
{
    for (unsigned i = 0; i < 20; i++) {
        const ssize_t got = side_read(&b->side, to, n);
        if (got != -EAGAIN) return got;
        loop_turn(&b->loop, 0);
    }
    return -EAGAIN;
}

static void carries(struct bench *b)
{
    char got[100];
    assert_int_equal(SSL_write(b->ssl, "question", 8), 8);
    assert_int_equal(heard(b, got, sizeof got), 8);
    assert_memory_equal(got, "question", 8);
    assert_int_equal(side_write(&b->side, "answer", 6), 6);
    assert_int_equal(SSL_read(b->ssl, got, sizeof got), 6);
    assert_memory_equal(got, "answer", 6);
}

/* ---- tests ---- */

static void test_both_versions_and_no_older_one(void **state)
{
    static const struct {
        int version;
        bool good;
    } all[] = {{TLS1_3_VERSION, true}, {TLS1_2_VERSION, true}, {TLS1_1_VERSION, false}};
    struct keypair k = made("DNS:a.example");
    struct tls_front *f = front_of(&k, 1, "", false);
    (void)state;
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        struct bench b;
        set_client(&b, f, "a.example");
        SSL_CTX_set_security_level(b.ctx, 0);
        SSL_set_security_level(b.ssl, 0);
        SSL_set_min_proto_version(b.ssl, all[i].version);
        SSL_set_max_proto_version(b.ssl, all[i].version);
        assert_int_equal(shake(&b), all[i].good);
        if (all[i].good) carries(&b);
        tear_down(&b);
    }
    tls_front_put(f);
    keypair_fini(&k);
}

/* The end of a handshake and later data arrive in one read, which the loop hasn't reported yet. */
static void test_what_follows_the_handshake_is_read(void **state)
{
    struct keypair k = made("DNS:a.example");
    struct tls_front *f = front_of(&k, 1, "", false);
    struct bench b;
    char got[100];
    (void)state;
    set_client(&b, f, NULL);
    assert_int_equal(SSL_do_handshake(b.ssl), -1);
    loop_turn(&b.loop, 0);
    assert_int_equal(b.shaken, -EAGAIN);
    assert_int_equal(SSL_do_handshake(b.ssl), 1);
    b.shaken = 0; /* the loop reports, and our handshake doesn't continue yet */
    loop_turn(&b.loop, 0);
    assert_int_equal(SSL_write(b.ssl, "question", 8), 8);
    assert_int_equal(side_shake(&b.side), 0);
    assert_int_equal(heard(&b, got, sizeof got), 8);
    tear_down(&b);
    tls_front_put(f);
    keypair_fini(&k);
}

static void test_the_name_chooses_the_certificate(void **state)
{
    static const struct {
        const char *name;
        unsigned which;
    } all[] = {{"a.example", 0},     {"x.b.example", 1},    {"c.b.example", 2}, {"C.B.EXAMPLE", 2},
               {"x.y.b.example", 0}, {"elsewhere.test", 0}, {NULL, 0}};
    struct keypair k[3] = {made("DNS:a.example"), made("DNS:*.b.example"), made("DNS:c.b.example")};
    struct tls_front *f = front_of(k, 3, "", false);
    (void)state;
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        struct bench b;
        set_client(&b, f, all[i].name);
        assert_true(shake(&b));
        X509 *shown = SSL_get1_peer_certificate(b.ssl);
        assert_int_equal(X509_cmp(shown, k[all[i].which].cert), 0);
        X509_free(shown);
        const struct view name = tls_name(&b.side);
        assert_int_equal(name.len, all[i].name ? strlen(all[i].name) : 0);
        if (name.len) assert_memory_equal(name.at, all[i].name, name.len);
        tear_down(&b);
    }
    tls_front_put(f);
    for (unsigned i = 0; i < 3; i++) keypair_fini(&k[i]);
}

static void test_protocols_are_agreed_on(void **state)
{
    static const struct {
        const char *offers; /* the client */
        bool only, good;
        const char *agreed;
    } all[] = {{"\x02h2\x08http/1.1", false, true, "\x08http/1.1"},
               {"\x02h2", false, true, ""},
               {"\x02h2", true, false, ""},
               {"", true, true, ""}};
    struct keypair k = made("DNS:a.example");
    (void)state;
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        struct tls_front *f = front_of(&k, 1, "\x08http/1.1\x03xyz", all[i].only);
        struct bench b;
        set_client(&b, f, "a.example");
        if (*all[i].offers) SSL_set_alpn_protos(b.ssl, (const uint8_t *)all[i].offers, (unsigned)strlen(all[i].offers));
        assert_int_equal(shake(&b), all[i].good);
        if (all[i].good) {
            const struct view v = tls_protocol(&b.side);
            assert_int_equal(v.len, strlen(all[i].agreed));
            if (v.len) assert_memory_equal(v.at, all[i].agreed, v.len);
        }
        tls_front_put(f); /* the connection holds it */
        tear_down(&b);
    }
    keypair_fini(&k);
}

/* The client's hello in two pieces, cut after each of its bytes. */
static void test_a_hello_may_be_cut_anywhere(void **state)
{
    struct keypair k = made("DNS:a.example");
    struct tls_front *f = front_of(&k, 1, "", false);
    uint8_t bytes[4096];
    int len = 2;
    (void)state;
    for (int cut = 1; cut < len; cut++) {
        struct bench b;
        set_client(&b, f, "a.example");
        BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
        SSL_set_bio(b.ssl, in, out);
        assert_int_equal(SSL_do_handshake(b.ssl), -1);
        len = BIO_read(out, bytes, sizeof bytes);
        assert_true(len > 100);
        assert_int_equal(send(b.other, bytes, (size_t)cut, 0), cut);
        loop_turn(&b.loop, 0);
        assert_int_equal(b.shaken, -EAGAIN);
        assert_int_equal(send(b.other, bytes + cut, (size_t)(len - cut), 0), len - cut);
        loop_turn(&b.loop, 0);
        SSL_set_fd(b.ssl, b.other);
        if (!shake(&b)) fail_msg("cut behind byte %d of %d", cut, len);
        carries(&b);
        tear_down(&b);
    }
    tls_front_put(f);
    keypair_fini(&k);
}

static void test_keys_are_changed_on_the_way(void **state)
{
    struct keypair k = made("DNS:a.example");
    struct tls_front *f = front_of(&k, 1, "", false);
    struct bench b;
    (void)state;
    set_client(&b, f, NULL);
    assert_true(shake(&b));
    for (unsigned i = 0; i < 3; i++) {
        carries(&b);
        assert_int_equal(SSL_key_update(b.ssl, i ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    }
    carries(&b);
    tear_down(&b);
    tls_front_put(f);
    keypair_fini(&k);
}

static void test_nothing_is_negotiated_anew(void **state)
{
    struct keypair k = made("DNS:a.example");
    struct tls_front *f = front_of(&k, 1, "", false);
    const uint64_t shaken = counts[TLS_COUNT_SHAKEN];
    struct bench b;
    char got[10];
    (void)state;
    set_client(&b, f, NULL);
    SSL_set_max_proto_version(b.ssl, TLS1_2_VERSION);
    assert_true(shake(&b));
    assert_int_equal(SSL_renegotiate(b.ssl), 1);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_not_equal(SSL_do_handshake(b.ssl), 1);
        assert_true(heard(&b, got, sizeof got) <= 0); /* the client decides what it does then */
    }
    assert_int_equal(counts[TLS_COUNT_SHAKEN], shaken + 1);
    tear_down(&b);
    tls_front_put(f);
    keypair_fini(&k);
}

static SSL_SESSION *ticket; /* the last one that a client got */
static int keep_ticket(SSL *ssl, SSL_SESSION *s)
{
    (void)ssl;
    SSL_SESSION_free(ticket);
    ticket = s;
    return 1;
}

/* Connect, with the ticket if there is one; true if it was resumed. */
static bool resumes(struct tls_front *f, int version)
{
    struct bench b;
    set_client(&b, f, "a.example");
    SSL_set_max_proto_version(b.ssl, version);
    SSL_CTX_set_session_cache_mode(b.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(b.ctx, keep_ticket);
    if (ticket) assert_int_equal(SSL_set_session(b.ssl, ticket), 1);
    assert_true(shake(&b));
    carries(&b); /* the ticket comes before */
    const bool reused = SSL_session_reused(b.ssl);
    SSL_shutdown(b.ssl); /* otherwise the ticket is discarded */
    tear_down(&b);
    return reused;
}

static void test_tickets_outlive_a_reload(void **state)
{
    static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    struct keypair k = made("DNS:a.example");
    char err[200];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct tls_front *f = front_of(&k, 1, "", false);
        assert_false(resumes(f, versions[i]));
        assert_true(resumes(f, versions[i]));
        struct tls_front *next = tls_front_new(&k, 1, NULL, 0, false, f, err, sizeof err);
        assert_non_null(next);
        tls_front_put(f);
        assert_true(resumes(next, versions[i]));
        tls_front_put(next);
        struct tls_front *other = front_of(&k, 1, "", false);
        assert_false(resumes(other, versions[i]));
        tls_front_put(other);
        SSL_SESSION_free(ticket);
        ticket = NULL;
    }
    keypair_fini(&k);
}

/* Anybody could resend bytes from before the handshake's end: they are rejected. */
static void test_no_byte_is_taken_early(void **state)
{
    struct keypair k = made("DNS:a.example");
    struct tls_front *f = front_of(&k, 1, "", false);
    struct bench b;
    size_t put;
    (void)state;
    assert_false(resumes(f, TLS1_3_VERSION));
    assert_int_equal(SSL_SESSION_get_max_early_data(ticket), 0);
    SSL_SESSION_set_max_early_data(ticket, 1000);
    set_client(&b, f, "a.example");
    assert_int_equal(SSL_set_session(b.ssl, ticket), 1);
    assert_int_equal(SSL_write_early_data(b.ssl, "early", 5, &put), 1);
    assert_true(shake(&b));
    assert_int_equal(SSL_get_early_data_status(b.ssl), SSL_EARLY_DATA_REJECTED);
    carries(&b);
    tear_down(&b);
    SSL_SESSION_free(ticket);
    ticket = NULL;
    tls_front_put(f);
    keypair_fini(&k);
}

/* ---- counters ---- */

/* Check that only this row has grown, by one. */
static void assert_counted(const uint64_t before[], enum tls_count what)
{
    for (unsigned i = 0; i < TLS_COUNTS; i++)
        if (counts[i] - before[i] != (i == what)) fail_msg("row %u, not row %u", i, what);
}

static int refuse(int good, X509_STORE_CTX *ctx)
{
    (void)good;
    X509_STORE_CTX_set_error(ctx, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    return 0;
}

static void set_old(SSL *ssl)
{
    SSL_set_security_level(ssl, 0);
    SSL_set_max_proto_version(ssl, TLS1_1_VERSION);
}
static void set_other_cipher(SSL *ssl)
{
    SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
    SSL_set_cipher_list(ssl, "AES128-SHA256");
}
static void set_other_group(SSL *ssl) { SSL_set1_groups_list(ssl, "P-521"); }
static void set_other_protocol(SSL *ssl) { SSL_set_alpn_protos(ssl, (const uint8_t *)"\x02h2", 3); }
static void set_no_trust(SSL *ssl) { SSL_set_verify(ssl, SSL_VERIFY_PEER, refuse); }
static int stop(int good, X509_STORE_CTX *ctx)
{
    (void)good;
    X509_STORE_CTX_set_error(ctx, X509_V_ERR_UNSPECIFIED);
    return 0;
}
static void set_stop(SSL *ssl) { SSL_set_verify(ssl, SSL_VERIFY_PEER, stop); }
static void set_other_name(SSL *ssl) { SSL_set_tlsext_host_name(ssl, "b.example"); }

static void test_failures_of_clients_are_counted(void **state)
{
    static const struct {
        void (*set)(SSL *);
        enum tls_count is;
    } all[] = {{set_old, TLS_COUNT_NOT_VERSION},        {set_other_cipher, TLS_COUNT_NOT_CIPHER},
               {set_other_group, TLS_COUNT_NOT_CIPHER}, {set_other_protocol, TLS_COUNT_NOT_PROTOCOL},
               {set_no_trust, TLS_COUNT_NOT_LIKED},     {set_stop, TLS_COUNT_ALERTED}};
    struct keypair k = made("DNS:a.example");
    struct tls_front *f = front_of(&k, 1, "\x08http/1.1", true);
    uint64_t before[TLS_COUNTS];
    struct bench b;
    (void)state;
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        memcpy(before, counts, sizeof before);
        set_client(&b, f, "a.example");
        all[i].set(b.ssl);
        assert_false(shake(&b));
        assert_counted(before, all[i].is);
        tear_down(&b);
        assert_counted(before, all[i].is);
    }
    /* Cases without the library: no TLS, an end, a reset, silence. */
    static const struct {
        const char *says;
        bool ends;
        enum tls_count is;
    } raw[] = {{"GET / HTTP/1.1\r\n\r\n", false, TLS_COUNT_BAD},
               {"\x16\x03\x01\x02", true, TLS_COUNT_CUT},
               {"", true, TLS_COUNT_CUT},
               {"\x16\x03\x01\x02", false, TLS_COUNT_LATE}};
    for (unsigned i = 0; i < sizeof raw / sizeof *raw; i++) {
        memcpy(before, counts, sizeof before);
        set_client(&b, f, NULL);
        const size_t n = strlen(raw[i].says);
        assert_int_equal(send(b.other, raw[i].says, n, MSG_NOSIGNAL), n);
        if (raw[i].ends) shutdown(b.other, SHUT_WR);
        for (unsigned j = 0; j < 5; j++) loop_turn(&b.loop, 0);
        tear_down(&b);
        assert_counted(before, raw[i].is);
    }
    tls_front_put(f);
    keypair_fini(&k);
}

/* A reload may move the counters during a handshake. */
static void test_what_is_counted_elsewhere(void **state)
{
    struct keypair k = made("DNS:a.example");
    struct tls_front *f = front_of(&k, 1, "", false);
    uint64_t before[TLS_COUNTS], elsewhere[TLS_COUNTS] = {0};
    struct bench b;
    (void)state;
    memcpy(before, counts, sizeof before);
    set_client(&b, f, "a.example");
    tls_count_at(&b.side, elsewhere);
    assert_true(shake(&b));
    tls_count_at(&b.side, counts);
    tear_down(&b);
    assert_memory_equal(counts, before, sizeof before);
    assert_int_equal(elsewhere[TLS_COUNT_SHAKEN], 1);
    tls_front_put(f);
    keypair_fini(&k);
}

static void test_names_nobody_has_are_counted(void **state)
{
    struct keypair k = made("DNS:a.example");
    struct tls_front *f = front_of(&k, 1, "", false);
    const uint64_t before = counts[TLS_COUNT_NAMELESS], shaken = counts[TLS_COUNT_SHAKEN];
    struct bench b;
    (void)state;
    set_client(&b, f, "a.example");
    assert_true(shake(&b));
    tear_down(&b);
    assert_int_equal(counts[TLS_COUNT_NAMELESS], before);
    set_client(&b, f, NULL);
    set_other_name(b.ssl);
    assert_true(shake(&b));
    tear_down(&b);
    assert_int_equal(counts[TLS_COUNT_NAMELESS], before + 1);
    assert_int_equal(counts[TLS_COUNT_SHAKEN], shaken + 2);
    tls_front_put(f);
    keypair_fini(&k);
}

static void test_ends_are_told_apart(void **state)
{
    struct keypair k = made("DNS:a.example");
    struct tls_front *f = front_of(&k, 1, "", false);
    char got[10];
    struct bench b;
    (void)state;
    /* Closed in order; the other direction continues. */
    set_client(&b, f, "a.example");
    assert_true(shake(&b));
    SSL_shutdown(b.ssl);
    assert_int_equal(heard(&b, got, sizeof got), 0);
    assert_int_equal(side_write(&b.side, "more", 4), 4);
    assert_int_equal(SSL_read(b.ssl, got, sizeof got), 4);
    assert_int_equal(side_shut(&b.side), 0);
    assert_int_equal(SSL_read(b.ssl, got, sizeof got), 0);
    assert_int_equal(SSL_get_error(b.ssl, 0), SSL_ERROR_ZERO_RETURN);
    tear_down(&b);
    /* A close in order is announced; a reset isn't. */
    static const struct {
        uint16_t flags;
        int hears;
    } closed[] = {{0, SSL_ERROR_ZERO_RETURN}, {SIDE_RESETS, SSL_ERROR_SSL}};
    for (unsigned i = 0; i < 2; i++) {
        set_client(&b, f, "a.example");
        assert_true(shake(&b));
        b.side.flags |= closed[i].flags;
        side_close(&b.side);
        assert_int_equal(SSL_read(b.ssl, got, sizeof got), 0);
        assert_int_equal(SSL_get_error(b.ssl, 0), closed[i].hears);
        tear_down(&b);
    }
    /* Cut off: that may not look like a proper end. */
    set_client(&b, f, "a.example");
    assert_true(shake(&b));
    shutdown(b.other, SHUT_WR);
    assert_int_equal(heard(&b, got, sizeof got), -EPROTO);
    tear_down(&b);
    tls_front_put(f);
    keypair_fini(&k);
}

static void test_garbage_is_no_handshake(void **state)
{
    struct keypair k = made("DNS:a.example");
    struct tls_front *f = front_of(&k, 1, "", false);
    struct bench b;
    (void)state;
    set_client(&b, f, NULL);
    assert_int_equal(send(b.other, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
    for (unsigned i = 0; i < 5; i++) loop_turn(&b.loop, 0);
    assert_int_equal(b.shaken, -EPROTO);
    tear_down(&b);
    /* Half a hello, then nothing: it waits. */
    set_client(&b, f, NULL);
    assert_int_equal(send(b.other, "\x16\x03\x01\x02\x00\x01", 6, MSG_NOSIGNAL), 6);
    for (unsigned i = 0; i < 5; i++) loop_turn(&b.loop, 0);
    assert_int_equal(b.shaken, -EAGAIN);
    tear_down(&b);
    tls_front_put(f);
    keypair_fini(&k);
}

/* 1 MB there and back, in any pieces: nothing is lost between the library's memory and the socket's. */
static void test_a_lot_arrives(void **state)
{
    enum { LOT = 1 << 20 };
    struct keypair k = made("DNS:a.example");
    struct tls_front *f = front_of(&k, 1, "", false);
    uint8_t *sent = malloc(LOT), *got = malloc(LOT);
    struct bench b;
    size_t out = 0, in = 0, back = 0;
    (void)state;
    for (unsigned i = 0; i < LOT; i++) sent[i] = (uint8_t)(i * 2654435761u >> 24);
    set_client(&b, f, NULL);
    SSL_set_mode(b.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
    assert_true(shake(&b));
    for (unsigned i = 0; i < 100000 && back < LOT; i++) {
        size_t n = 0;
        if (out < LOT && SSL_write_ex(b.ssl, sent + out, LOT - out, &n)) out += n;
        loop_turn(&b.loop, 0);
        ssize_t r = side_read(&b.side, got + in, LOT - in < 1000 ? LOT - in : 1000);
        if (in < LOT && r > 0) in += (size_t)r;
        if (back < in) {
            r = side_write(&b.side, got + back, in - back);
            if (r > 0) back += (size_t)r;
        }
        uint8_t drop[20000];
        while (SSL_read_ex(b.ssl, drop, sizeof drop, &n)) {}
    }
    assert_int_equal(back, LOT);
    assert_memory_equal(sent, got, LOT);
    tear_down(&b);
    free(sent);
    free(got);
    tls_front_put(f);
    keypair_fini(&k);
}

/* ---- servers ---- */

static int pem_of(const struct keypair *k)
{
    const int fd = memfd_create("ca", MFD_CLOEXEC);
    FILE *file = fdopen(dup(fd), "w");
    PEM_write_X509(file, k->cert);
    fclose(file);
    return fd;
}

static void test_servers_are_verified(void **state)
{
    static const struct {
        const char *name;
        bool verify, trusted, good, over; /* over: the certificate has expired */
        enum tls_count is;
    } all[] = {{"a.example", true, true, true, false, TLS_COUNT_SERVER_SHAKEN},
               {"b.example", true, true, false, false, TLS_COUNT_SERVER_NAME},
               {"a.example", true, false, false, false, TLS_COUNT_SERVER_CA},
               {"b.example", false, false, true, false, TLS_COUNT_SERVER_SHAKEN},
               {"", true, true, true, false, TLS_COUNT_SERVER_SHAKEN},
               {"a.example", true, true, false, true, TLS_COUNT_SERVER_TIME}};
    struct keypair k = made("DNS:a.example"), other = made("DNS:a.example");
    uint64_t before[TLS_COUNTS];
    (void)state;
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        char err[200];
        if (all[i].over) {
            X509_gmtime_adj(X509_getm_notAfter(k.cert), -60);
            X509_sign(k.cert, k.key, EVP_sha256());
        }
        memcpy(before, counts, sizeof before);
        const int ca = pem_of(all[i].trusted ? &k : &other);
        struct tls_back *back = tls_back_new(all[i].name, all[i].verify, ca, err, sizeof err);
        assert_non_null(back);
        close(ca);
        struct bench b;
        set_up(&b, TLS_server_method());
        SSL_use_certificate(b.ssl, k.cert);
        SSL_use_PrivateKey(b.ssl, k.key);
        SSL_set_accept_state(b.ssl);
        assert_int_equal(tls_connect(&b.side, back, &far, counts), 0);
        tls_back_put(back);
        assert_int_equal(shake(&b), all[i].good);
        assert_counted(before, all[i].is);
        if (all[i].good) {
            const char *asked = SSL_get_servername(b.ssl, TLSEXT_NAMETYPE_host_name);
            assert_string_equal(asked ? asked : "", all[i].name);
            carries(&b);
        }
        tear_down(&b);
    }
    keypair_fini(&k);
    keypair_fini(&other);
}

/* A chain through an intermediate authority must be sent, and is. */
static void test_chains_are_shown_and_followed(void **state)
{
    struct keypair root = made(""), between = made_by("", &root), k = made_by("DNS:a.example", &between);
    char err[200];
    const int ca = pem_of(&root);
    struct tls_back *back = tls_back_new("a.example", true, ca, err, sizeof err);
    struct bench b;
    (void)state;
    close(ca);
    for (unsigned whole = 0; whole < 2; whole++) {
        const uint64_t before = counts[TLS_COUNT_SERVER_CA];
        set_up(&b, TLS_server_method());
        SSL_use_certificate(b.ssl, k.cert);
        SSL_use_PrivateKey(b.ssl, k.key);
        if (whole) SSL_add1_chain_cert(b.ssl, between.cert);
        SSL_set_accept_state(b.ssl);
        assert_int_equal(tls_connect(&b.side, back, &far, counts), 0);
        assert_int_equal(shake(&b), whole);
        assert_int_equal(counts[TLS_COUNT_SERVER_CA] - before, !whole);
        tear_down(&b);
    }
    tls_back_put(back);
    X509_up_ref(between.cert);
    sk_X509_push(k.chain, between.cert);
    struct tls_front *f = front_of(&k, 1, "", false);
    set_client(&b, f, "a.example");
    X509_STORE_add_cert(SSL_CTX_get_cert_store(b.ctx), root.cert);
    SSL_set_verify(b.ssl, SSL_VERIFY_PEER, NULL);
    SSL_set1_host(b.ssl, "a.example");
    assert_true(shake(&b));
    tear_down(&b);
    tls_front_put(f);
    keypair_fini(&k);
    keypair_fini(&between);
    keypair_fini(&root);
}

/* Connect to the server; true if it resumed an earlier session. */
static bool goes_on(SSL_CTX *server, struct tls_back *back)
{
    struct bench b;
    char got[10];
    set_up(&b, TLS_server_method());
    SSL_free(b.ssl);
    b.ssl = SSL_new(server);
    SSL_set_fd(b.ssl, b.other);
    SSL_set_accept_state(b.ssl);
    assert_int_equal(tls_connect(&b.side, back, &far, counts), 0);
    assert_true(shake(&b));
    assert_int_equal(SSL_write(b.ssl, "answer", 6), 6); /* tickets come before */
    assert_int_equal(heard(&b, got, sizeof got), 6);
    const bool again = SSL_session_reused(b.ssl);
    b.side.flags |= SIDE_RESETS; /* this kind of end sends nothing more of its session */
    tear_down(&b);
    return again;
}

static void test_sessions_of_servers_go_on(void **state)
{
    static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    struct keypair k = made("DNS:a.example");
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        char err[200];
        const int ca = pem_of(&k);
        struct tls_back *back = tls_back_new("a.example", true, ca, err, sizeof err),
                        *other = tls_back_new("", true, ca, err, sizeof err);
        close(ca);
        SSL_CTX *server = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate(server, k.cert);
        SSL_CTX_use_PrivateKey(server, k.key);
        SSL_CTX_set_max_proto_version(server, versions[i]);
        const uint64_t before = counts[TLS_COUNT_SERVER_RESUMED];
        assert_false(goes_on(server, back));
        for (unsigned j = 0; j < 3; j++) assert_true(goes_on(server, back));
        assert_false(goes_on(server, other));
        assert_int_equal(counts[TLS_COUNT_SERVER_RESUMED], before + 3);
        SSL_CTX_free(server);
        tls_back_put(back);
        tls_back_put(other);
    }
    keypair_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_versions_and_no_older_one),
        cmocka_unit_test(test_what_follows_the_handshake_is_read),
        cmocka_unit_test(test_the_name_chooses_the_certificate),
        cmocka_unit_test(test_protocols_are_agreed_on),
        cmocka_unit_test(test_tickets_outlive_a_reload),
        cmocka_unit_test(test_ends_are_told_apart),
        cmocka_unit_test(test_garbage_is_no_handshake),
        cmocka_unit_test(test_a_lot_arrives),
        cmocka_unit_test(test_servers_are_verified),
        cmocka_unit_test(test_sessions_of_servers_go_on),
        cmocka_unit_test(test_chains_are_shown_and_followed),
        cmocka_unit_test(test_a_hello_may_be_cut_anywhere),
        cmocka_unit_test(test_keys_are_changed_on_the_way),
        cmocka_unit_test(test_nothing_is_negotiated_anew),
        cmocka_unit_test(test_no_byte_is_taken_early),
        cmocka_unit_test(test_failures_of_clients_are_counted),
        cmocka_unit_test(test_names_nobody_has_are_counted),
        cmocka_unit_test(test_what_is_counted_elsewhere),
    };
    signal(SIGPIPE, SIG_IGN); /* for the other end, which writes to a closed socket */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
