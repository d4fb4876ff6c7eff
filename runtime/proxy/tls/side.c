/* A side with TLS in it. The loop tells of changes of the socket; the library may hold bytes that the socket no longer
 * has, so `may read` goes away only when the library asks for more. Its buffers are given back while they are empty
 * (SSL_MODE_RELEASE_BUFFERS): an idle connection holds none. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/proxy/tls/tls_priv.h"

/* Who shows or asks for certificates, of one connection. */
struct holds {
    struct tls_front *front;
    struct tls_back *back;
};

/* What the Mozilla foundation calls intermediate, less what has no forward secrecy or no authenticated cipher. */
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20", groups[] = "X25519:P-256:P-384";

SSL_CTX *tls_context(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    if (!ctx) return NULL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1); /* a record costs one read, not two */
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(ctx, ciphers) == 1 &&
        SSL_CTX_set1_groups_list(ctx, groups) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

const char *tls_why(void)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    return why ? why : "the other end has closed it";
}

/* Why the library did not do it: -EAGAIN, and what is waited for is no longer said to be there; 0: the end; or a
 * negative errno. */
static int why_not(struct side *s, int result)
{
    switch (SSL_get_error(s->tls, result)) {
    case SSL_ERROR_WANT_READ: s->flags &= (uint16_t)~SIDE_MAY_READ; return -EAGAIN;
    case SSL_ERROR_WANT_WRITE: s->flags &= (uint16_t)~SIDE_MAY_WRITE; return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_SYSCALL: return errno ? -errno : -ECONNRESET;
    default: return -EPROTO; /* also an end that was not said to be one: bytes may be missing (RFC 8446, 6.1) */
    }
}

static void forget_errors(void)
{
    ERR_clear_error();
    errno = 0;
}

static int tls_shake(struct side *s)
{
    forget_errors();
    const int done = SSL_do_handshake(s->tls);
    if (done == 1) {
        s->flags |=
            SIDE_MAY_READ; /* what follows the handshake may have come with its end, before the loop told of it */
        return 0;
    }
    const int err = why_not(s, done);
    return err ? err : -ECONNRESET;
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

/* The other end may still send (RFC 8446, 6.1). */
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

/* An end in order is announced, too, where nobody has said it before: else the other end could not tell it from a
 * connection that was cut off. Where the socket has no room now it stays unsaid. */
static void announce_end(struct side *s)
{
    if (s->flags & (SIDE_SHUT | SIDE_RESETS | SIDE_FAILED) || !SSL_is_init_finished(s->tls)) return;
    forget_errors();
    SSL_shutdown(s->tls);
}

static void tls_close(struct side *s)
{
    struct holds *h = SSL_get_app_data((SSL *)s->tls);
    announce_end(s);
    SSL_free(s->tls);
    s->tls = NULL;
    tls_front_put(h->front);
    tls_back_put(h->back);
    free(h);
}

static const struct side_ops side_tls = {"tls", tls_shake, tls_read, tls_write, tls_shut, tls_close};

int tls_side(struct side *s, SSL_CTX *ctx, struct tls_front *front, struct tls_back *back)
{
    struct holds *h = calloc(1, sizeof *h);
    SSL *ssl = h ? SSL_new(ctx) : NULL;
    BIO *bio = ssl ? tls_bio(s) : NULL;
    if (!bio) {
        SSL_free(ssl);
        free(h);
        return -ENOMEM;
    }
    SSL_set_bio(ssl, bio, bio);
    h->front = front ? tls_front_get(front) : NULL;
    h->back = back ? tls_back_get(back) : NULL;
    SSL_set_app_data(ssl, h);
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
    const struct holds *h = SSL_get_app_data((SSL *)s->tls);
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(s->tls, &protocol, &len);
    return len ? tls_front_protocol(h->front, protocol, len) : (struct view){NULL, 0};
}
