/* State of TLS in a side: ticket keys by time, sessions of servers, certificates by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after those that it needs */
#include <cmocka.h>

#include <openssl/x509v3.h>

#include "runtime/proxy/tls/known.h"
#include "runtime/proxy/tls/cert_names.h"
#include "runtime/proxy/tls/tickets.h"

#define HOUR UINT64_C(3600000000000)

/* ---- ticket keys ---- */

static void test_a_key_gives_for_half_a_day_and_takes_for_another(void **state)
{
    struct tickets *t = tickets_new(0);
    struct ticket_key first, now, found;
    bool old;
    (void)state;
    assert_true(tickets_give(t, 0, &first));
    assert_true(tickets_give(t, 12 * HOUR - 1, &now));
    assert_memory_equal(&first, &now, sizeof now);
    assert_true(tickets_take(t, 12 * HOUR - 1, first.name, &found, &old));
    assert_false(old);
    assert_true(tickets_give(t, 12 * HOUR, &now));
    assert_memory_not_equal(first.cipher, now.cipher, sizeof now.cipher);
    assert_true(tickets_take(t, 24 * HOUR - 1, first.name, &found, &old));
    assert_true(old);
    assert_memory_equal(&first, &found, sizeof found);
    assert_false(tickets_take(t, 24 * HOUR, first.name, &found, &old));
    assert_true(tickets_take(t, 24 * HOUR, now.name, &found, &old));
    /* Unused for two days: neither is valid any more. */
    assert_false(tickets_take(t, 72 * HOUR, now.name, &found, &old));
    assert_true(tickets_give(t, 72 * HOUR, &first));
    assert_true(tickets_take(t, 72 * HOUR, first.name, &found, &old));
    tickets_put(tickets_get(t));
    tickets_put(t);
}

/* ---- sessions of servers ---- */

static struct stream_addr server(uint16_t port) { return (struct stream_addr){.v6 = true, .port = port}; }

static void test_sessions_are_by_server_bounded_and_young(void **state)
{
    struct known *k = known_new();
    const struct stream_addr a = server(1), b = server(2);
    SSL_SESSION *all[KNOWN_WAYS + 1];
    (void)state;
    assert_null(known_take(k, &a, 0));
    for (unsigned i = 0; i <= KNOWN_WAYS; i++) {
        all[i] = SSL_SESSION_new();
        known_put(k, &a, all[i], i);
    }
    assert_null(known_take(k, &b, 100));
    /* The newest first, each once; the oldest was replaced. */
    for (unsigned i = KNOWN_WAYS; i >= 1; i--) {
        SSL_SESSION *one = known_take(k, &a, 100);
        assert_ptr_equal(one, all[i]);
        SSL_SESSION_free(one);
    }
    assert_null(known_take(k, &a, 100));
    known_put(k, &a, SSL_SESSION_new(), 0);
    assert_null(known_take(k, &a, HOUR + 1));
    SSL_SESSION_free(known_take(k, &a, HOUR));
    for (uint16_t i = 0; i < 2000; i++) {
        const struct stream_addr any = server(i);
        known_put(k, &any, SSL_SESSION_new(), i);
    }
    known_free(k);
}

/* ---- names ---- */

static X509 *named(const char *common, const char *names)
{
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)common, -1, -1, 0);
    if (!names) return x;
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    return x;
}

static void test_names_find_their_certificate(void **state)
{
    static const char *const certs[][2] = {{"first.example", "DNS:a.example,DNS:*.a.example"},
                                           {"second.example", NULL},
                                           {"x", "DNS:a.example,DNS:www.a.example,DNS:*.B.example"},
                                           {"mail.example", "email:me@mail.example"}};
    static const struct {
        const char *host;
        int cert;
    } all[] = {{"a.example", 0},
               {"A.Example", 0},
               {"www.a.example", 2},
               {"ftp.a.example", 0},
               {"x.y.a.example", -1},
               {"first.example", -1},
               {"second.example", 1},
               {"w.b.example", 2},
               {"b.example", -1},
               {"mail.example", 3},
               {"", -1},
               {".", -1},
               {".a.example", -1},
               {"*.a.example", 0},
               {"x", -1},
               {"zzz", -1}};
    struct cert_names n = {0};
    char far[300];
    (void)state;
    assert_int_equal(cert_names_find(&n, "a.example"), -1);
    for (unsigned i = 0; i < 4; i++) {
        X509 *x = named(certs[i][0], certs[i][1]);
        assert_true(cert_names_add(&n, x, i));
        X509_free(x);
    }
    cert_names_sort(&n);
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        if (cert_names_find(&n, all[i].host) != all[i].cert) fail_msg("%s", all[i].host);
    }
    memset(far, 'a', sizeof far - 1);
    far[sizeof far - 1] = 0;
    assert_int_equal(cert_names_find(&n, far), -1);
    cert_names_fini(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_gives_for_half_a_day_and_takes_for_another),
        cmocka_unit_test(test_sessions_are_by_server_bounded_and_young),
        cmocka_unit_test(test_names_find_their_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
