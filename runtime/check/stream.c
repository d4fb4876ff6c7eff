/* A talk on a connection: connect, PROXY header and TLS handshake if wanted, send, receive. A server that floods is
 * read in parts up to a bound; a server that replies byte by byte gets no more time. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "runtime/check/probe.h"
#include "vm/stream/first.h"

enum { HEAR_AT_ONCE = 16384, HEAR_MOST = 256 * 1024 };

enum probe_result stream_begin(struct probe *p)
{
    const enum probe_result r = probe_connect(p, SOCK_STREAM);
    p->stage = STREAM_CONNECT;
    p->writes = true;
    return r;
}

/* Return the result of an OpenSSL call that failed */
static enum probe_result tls_failed(struct probe *p, int returned)
{
    const int saved = errno;
    const long verified = SSL_get_verify_result(p->ssl);
    switch (SSL_get_error(p->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
        p->reads = true;
        p->writes = false;
        return PROBE_GOES_ON;
    case SSL_ERROR_WANT_WRITE:
        p->reads = false;
        p->writes = true;
        return PROBE_GOES_ON;
    case SSL_ERROR_ZERO_RETURN: return probe_bad(p, "the server closed the connection before it replied");
    case SSL_ERROR_SYSCALL:
        if (saved) return probe_errno(p, saved);
        return probe_bad(p, "the server closed the connection without ending TLS");
    default: break;
    }
    if (verified != X509_V_OK) return probe_bad(p, "certificate: %s", X509_verify_cert_error_string(verified));
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return probe_bad(p, "TLS: %s", reason ? reason : "the handshake failed");
}

/* Report in a PROXY header that the connection is the sender's own. A new socket has room for it. */
static enum probe_result say_header(struct probe *p)
{
    uint8_t bytes[PROXY_HEADER_OUT];
    const uint32_t len = proxy_header_write(bytes, p->header, NULL, NULL);
    const int more = p->ssl || p->talk.say_len ? MSG_MORE : 0;
    const ssize_t n = send(p->fd, bytes, len, MSG_NOSIGNAL | more);
    return n == (ssize_t)len ? PROBE_GOES_ON : probe_errno(p, n < 0 ? errno : EIO);
}

static enum probe_result connected(struct probe *p)
{
    int err = 0;
    socklen_t len = sizeof err;
    if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &err, &len)) err = errno;
    if (err) return probe_errno(p, err);
    p->stage = p->ssl ? STREAM_TLS : STREAM_SAY;
    return p->header ? say_header(p) : PROBE_GOES_ON;
}

static enum probe_result shake_hands(struct probe *p)
{
    ERR_clear_error();
    errno = 0;
    const int done = SSL_connect(p->ssl);
    if (done != 1) return tls_failed(p, done);
    p->stage = STREAM_SAY;
    return PROBE_GOES_ON;
}

/* Send bytes. Return their number; 0: none now, or a failure in *r. */
static size_t say_some(struct probe *p, enum probe_result *r)
{
    if (p->ssl) {
        ERR_clear_error();
        errno = 0;
        const int n = SSL_write(p->ssl, p->talk.say + p->said, (int)(p->talk.say_len - p->said));
        if (n <= 0) *r = tls_failed(p, n);
        return n > 0 ? (size_t)n : 0;
    }
    const ssize_t n = send(p->fd, p->talk.say + p->said, p->talk.say_len - p->said, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) *r = probe_errno(p, errno);
    p->writes = true;
    return n > 0 ? (size_t)n : 0;
}

static enum probe_result say_all(struct probe *p)
{
    enum probe_result r = PROBE_GOES_ON;
    do {
        while (p->said < p->talk.say_len && r == PROBE_GOES_ON) {
            const size_t n = say_some(p, &r);
            if (!n) return r;
            p->said += n;
        }
    } while (p->talk.say_next && p->talk.say_next(p));
    if (!p->talk.hear) return PROBE_GOOD;
    p->stage = STREAM_HEAR;
    p->reads = true;
    p->writes = false;
    return r;
}

static enum probe_result stream_hear(struct probe *p)
{
    uint8_t bytes[HEAR_AT_ONCE];
    ssize_t n;
    if (p->ssl) {
        ERR_clear_error();
        errno = 0;
        n = SSL_read(p->ssl, bytes, sizeof bytes);
        if (n <= 0 && SSL_get_error(p->ssl, (int)n) != SSL_ERROR_ZERO_RETURN) return tls_failed(p, (int)n);
        if (n < 0) n = 0;
    } else {
        n = recv(p->fd, bytes, sizeof bytes, 0);
        if (n < 0) return errno == EAGAIN ? PROBE_GOES_ON : probe_errno(p, errno);
    }
    p->heard += (size_t)n;
    const enum probe_result r = p->talk.hear(p, bytes, (size_t)n);
    if (r != PROBE_GOES_ON || n == 0) return r;
    if (!p->talk.hear || (p->talk.say_next && p->talk.say_next(p))) {
        /* Send the bytes that follow the received ones. */
        p->stage = STREAM_SAY;
        p->reads = false;
        return say_all(p);
    }
    return p->heard > HEAR_MOST ? p->talk.endless(p) : r;
}

enum probe_result stream_step(struct probe *p)
{
    enum probe_result r = PROBE_GOES_ON;
    if (p->stage == STREAM_CONNECT) r = connected(p);
    if (p->stage == STREAM_TLS && r == PROBE_GOES_ON) r = shake_hands(p);
    if (p->stage == STREAM_SAY && r == PROBE_GOES_ON) r = say_all(p);
    if (p->stage != STREAM_HEAR || r != PROBE_GOES_ON) return r;
    /* decrypted bytes inside OpenSSL do not make the descriptor readable */
    do r = stream_hear(p);
    while (r == PROBE_GOES_ON && p->stage == STREAM_HEAR && p->ssl && SSL_pending(p->ssl));
    return r;
}
