/* OpenSSL's access to a side's socket. As in a plain side, a short read has emptied the socket, which saves a read:
 * further reads report "wait" until the loop reports an event. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <sys/socket.h>

#include "runtime/proxy/tls/tls_priv.h"

static int bio_read(BIO *b, char *to, size_t n, size_t *got)
{
    struct side *s = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    /* A client has sent too much without a handshake: OpenSSL would hold a ClientHello of 128 KiB. */
    if (BIO_number_read(b) > TLS_HELLO_MOST && s->tls && SSL_is_server(s->tls) && !SSL_is_init_finished(s->tls)) {
        errno = EMSGSIZE;
        return 0;
    }
    const ssize_t r = s->flags & SIDE_DRY ? -1 : recv(s->fd, to, n, 0);
    if (r > 0) {
        if ((size_t)r < n && !(s->flags & SIDE_HUNG)) s->flags |= SIDE_DRY;
        *got = (size_t)r;
        return 1;
    }
    if (r == 0)
        BIO_set_flags(b, BIO_FLAGS_IN_EOF);
    else if (s->flags & SIDE_DRY || errno == EAGAIN)
        BIO_set_retry_read(b);
    return 0;
}

static int bio_write(BIO *b, const char *from, size_t n, size_t *put)
{
    const struct side *s = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    const ssize_t r = send(s->fd, from, n, MSG_NOSIGNAL | (s->flags & SIDE_MORE ? MSG_MORE : 0));
    if (r > 0) *put = (size_t)r;
    if (r < 0 && errno == EAGAIN) BIO_set_retry_write(b);
    return r > 0;
}

static long bio_ctrl(BIO *b, int what, long number, void *at)
{
    if (what == BIO_CTRL_EOF) return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
    return what == BIO_CTRL_FLUSH; /* no bytes are buffered here */
}

static BIO_METHOD *method;
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void make_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "side");
    if (m && BIO_meth_set_read_ex(m, bio_read) && BIO_meth_set_write_ex(m, bio_write) && BIO_meth_set_ctrl(m, bio_ctrl))
        method = m;
}

BIO *tls_bio(struct side *s)
{
    BIO *b = CRYPTO_THREAD_run_once(&once, make_method) && method ? BIO_new(method) : NULL;
    if (!b) return NULL;
    BIO_set_data(b, s);
    BIO_set_init(b, 1);
    return b;
}
