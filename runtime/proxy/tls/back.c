/* See tls.h: TLS to servers. A handshake fails unless the server's certificate has the name and a known authority. */
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/host/file/certificates.h"
#include "runtime/proxy/tls/known.h"
#include "runtime/proxy/tls/tls_priv.h"

struct tls_back {
    unsigned refs; /* atomic */
    SSL_CTX *ctx;
    struct known *known;
    char name[];
};

/* Keep a copy of a session: the connection's end may mark the original as not resumable */
static void session_keep(const SSL *ssl, const SSL_SESSION *session)
{
    const struct tls_one *one = tls_one_of(ssl);
    SSL_SESSION *copy = one->server.port && SSL_SESSION_is_resumable(session) ? SSL_SESSION_dup(session) : NULL;
    if (copy) known_put(one->back->known, &one->server, copy, clock_ns(CLOCK_MONOTONIC));
}

static int given(SSL *ssl, SSL_SESSION *session)
{
    session_keep(ssl, session);
    return 0; /* OpenSSL keeps the session */
}

/* Keep a TLS 1.2 session again: its ticket may be reused, and no new one arrives */
void tls_back_shaken(SSL *ssl)
{
    if (SSL_version(ssl) == TLS1_2_VERSION && SSL_session_reused(ssl)) session_keep(ssl, SSL_get0_session(ssl));
}

/* Set what verification requires: an authority, and the name if any */
static bool expect(SSL_CTX *ctx, const char *name, int ca_fd)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return certificates_trust(ca_fd, SSL_CTX_get_cert_store(ctx)) &&
           (!*name || X509_VERIFY_PARAM_set1_host(param, name, 0) == 1);
}

struct tls_back *tls_back_new(const char *name, bool verify, int ca_fd, char *err, size_t err_len)
{
    struct tls_back *b = calloc(1, sizeof *b + strlen(name) + 1);
    if (b) b->ctx = tls_context(TLS_client_method());
    if (b) b->known = known_new();
    if (b) b->refs = 1;
    if (b && b->ctx && b->known) {
        strcpy(b->name, name);
        SSL_CTX_set_session_cache_mode(b->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(b->ctx, given);
        if (!verify || expect(b->ctx, name, ca_fd)) return b;
        snprintf(err, err_len, "no certificate of an authority can be read");
    } else {
        snprintf(err, err_len, "out of memory");
    }
    if (b) tls_back_put(b);
    return NULL;
}

struct tls_back *tls_back_get(struct tls_back *b)
{
    __atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
    return b;
}

void tls_back_put(struct tls_back *b)
{
    if (!b || __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL)) return;
    SSL_CTX_free(b->ctx);
    known_free(b->known);
    free(b);
}

int tls_connect(struct side *s, struct tls_back *b, const struct stream_addr *server, uint64_t *counts)
{
    struct tls_one one = {.back = b, .counts = counts};
    if (server) one.server = *server;
    const int err = tls_side(s, b->ctx, &one);
    if (err) return err;
    SSL_set_connect_state(s->tls);
    if (server) {
        SSL_SESSION *session = known_take(one.back->known, &one.server, clock_ns(CLOCK_MONOTONIC));
        if (session) SSL_set_session(s->tls, session);
        SSL_SESSION_free(session);
    }
    return *b->name && SSL_set_tlsext_host_name(s->tls, b->name) != 1 ? -ENOMEM : 0;
}
