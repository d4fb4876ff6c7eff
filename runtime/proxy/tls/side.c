/* A side with TLS. OpenSSL may have bytes after the socket is empty, so SIDE_MAY_READ is cleared only when OpenSSL
 * needs more. Its empty buffers are freed (SSL_MODE_RELEASE_BUFFERS): an idle connection has none. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/proxy/tls/tls_priv.h"

/* Mozilla's "intermediate" set, restricted to forward secrecy and authenticated ciphers */
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20", groups[] = "X25519:P-256:P-384";

SSL_CTX *tls_context(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    if (!ctx) return NULL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1); /* one read, not two, for a record */
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(ctx, ciphers) == 1 &&
        SSL_CTX_set1_groups_list(ctx, groups) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

const char *tls_why(void)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    return why ? why : "out of memory";
}

/* Return the reason of a failed call: -EAGAIN, with the flag of the awaited event cleared; 0: the end; or a negative
 * errno */
static int why_not(struct side *s, int result)
{
    switch (SSL_get_error(s->tls, result)) {
    case SSL_ERROR_WANT_READ: s->flags &= (uint16_t)~SIDE_MAY_READ; return -EAGAIN;
    case SSL_ERROR_WANT_WRITE: s->flags &= (uint16_t)~SIDE_MAY_WRITE; return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_SYSCALL: return errno ? -errno : -ECONNRESET;
    default: return -EPROTO; /* also an unannounced end: bytes may be missing (RFC 8446, 6.1) */
    }
}

static void forget_errors(void)
{
    ERR_clear_error();
    errno = 0;
}

/* Count the result of the handshake, once */
static void side_count(const struct side *s, enum tls_count what)
{
    struct tls_one *one = tls_one_of(s->tls);
    if (one->counts) count_up(&one->counts[what], 1);
    one->counts = NULL;
}

void tls_count_at(struct side *s, uint64_t *counts)
{
    struct tls_one *one = s->tls ? tls_one_of(s->tls) : NULL;
    if (one && one->counts) one->counts = counts;
}

static int tls_shake(struct side *s)
{
    forget_errors();
    const int done = SSL_do_handshake(s->tls);
    if (done == 1) {
        s->flags |= SIDE_MAY_READ; /* bytes may have come with the handshake's end, before an event */
        struct tls_one *one = tls_one_of(s->tls);
        const bool server = one->back;
        if (server && one->counts) tls_back_shaken(s->tls);
        if (one->counts && SSL_session_reused(s->tls))
            count_up(&one->counts[server ? TLS_COUNT_SERVER_RESUMED : TLS_COUNT_RESUMED], 1);
        if (one->counts && one->nameless) count_up(&one->counts[TLS_COUNT_NAMELESS], 1);
        side_count(s, server ? TLS_COUNT_SERVER_SHAKEN : TLS_COUNT_SHAKEN);
        return 0;
    }
    const int why = why_not(s, done), err = why ? why : -ECONNRESET;
    if (err != -EAGAIN) side_count(s, tls_fault(s->tls, err));
    return err;
}

static ssize_t tls_read(struct side *s, void *to, size_t n)
{
    size_t got;
    forget_errors();
    const int done = SSL_read_ex(s->tls, to, n, &got);
    return done == 1 ? (ssize_t)got : why_not(s, done);
}

static ssize_t tls_write(struct side *s, const void *from, size_t n)
{
    size_t put;
    forget_errors();
    const int done = SSL_write_ex(s->tls, from, n, &put);
    if (done == 1) return (ssize_t)put;
    const int err = why_not(s, done);
    return err ? err : -EPIPE;
}

/* Send the end; the peer may still send (RFC 8446, 6.1) */
static int tls_shut(struct side *s)
{
    forget_errors();
    const int done = SSL_shutdown(s->tls);
    if (done < 0) {
        const int err = why_not(s, done);
        if (err) return err;
    }
    return shutdown(s->fd, SHUT_WR) && errno != ENOTCONN ? -errno : 0;
}

static void tls_close(struct side *s)
{
    struct tls_one *one = tls_one_of(s->tls);
    side_count(s, one->back ? TLS_COUNT_SERVER_LATE : TLS_COUNT_LATE); /* counts only an unfinished handshake */
    if (!(s->flags & (SIDE_SHUT | SIDE_RESETS | SIDE_FAILED)) && SSL_is_init_finished(s->tls)) {
        /* Announce an orderly end if not done before: else the peer takes it for a broken connection. Skipped if the
         * socket has no room. */
        forget_errors();
        SSL_shutdown(s->tls);
    }
    SSL_free(s->tls);
    s->tls = NULL;
    tls_front_put(one->front);
    tls_back_put(one->back);
    free(one);
}

static const struct side_ops side_tls = {tls_shake, tls_read, tls_write, tls_shut, tls_close};

int tls_side(struct side *s, SSL_CTX *ctx, const struct tls_one *says)
{
    struct tls_one *one = malloc(sizeof *one);
    SSL *ssl = one ? SSL_new(ctx) : NULL;
    BIO *bio = ssl ? tls_bio(s) : NULL;
    if (!bio) {
        SSL_free(ssl);
        free(one);
        return -ENOMEM;
    }
    SSL_set_bio(ssl, bio, bio);
    *one = *says;
    if (one->front) tls_front_get(one->front);
    if (one->back) tls_back_get(one->back);
    SSL_set_app_data(ssl, one);
    s->tls = ssl;
    s->ops = &side_tls;
    return 0;
}

struct view tls_name(const struct side *s)
{
    const char *name = SSL_get_servername(s->tls, TLSEXT_NAMETYPE_host_name);
    return name ? (struct view){(const uint8_t *)name, (uint32_t)strlen(name)} : (struct view){NULL, 0};
}

struct view tls_protocol(const struct side *s)
{
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(s->tls, &protocol, &len);
    return len ? tls_front_protocol(tls_one_of(s->tls)->front, protocol, len) : (struct view){NULL, 0};
}
