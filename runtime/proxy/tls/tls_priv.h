/* Parts shared by the files of this room */
#pragma once

#include <openssl/ssl.h>

#include "runtime/proxy/tls/tls.h"

/* Make a context with the settings common to clients and servers. NULL: out of memory. */
SSL_CTX *tls_context(const SSL_METHOD *method);
/* One connection, while its side is open. It holds one of front and back. */
struct tls_one {
    struct tls_front *front;
    struct tls_back *back;
    uint64_t *counts;          /* NULL: its handshake is counted */
    struct stream_addr server; /* with a back; port 0: sessions are not kept */
    bool nameless;             /* no certificate has the name that the client requested */
};
/* Put TLS into the side. Return 0 or a negative errno. */
int tls_side(struct side *s, SSL_CTX *ctx, const struct tls_one *one);
/* Return the reason of a failed handshake with this negative errno. Reads OpenSSL's error queue. */
enum tls_count tls_fault(const SSL *ssl, int err);
/* Return OpenSSL's text for the last failed call */
const char *tls_why(void);
/* Most bytes that a client may send before its handshake is complete: a ClientHello, and one more if it is asked for
 * another key (RFC 8446, 4.1.4). One further read may exceed this. */
enum { TLS_HELLO_MOST = 32 << 10 };
/* Return the BIO for the side's socket, which OpenSSL frees. NULL: out of memory. */
BIO *tls_bio(struct side *s);
static inline struct tls_one *tls_one_of(const SSL *ssl) { return SSL_get_app_data(ssl); }
/* Handle a server's finished handshake: keep its session */
void tls_back_shaken(SSL *ssl);
/* Return a protocol in the front's list, its length byte in front */
struct view tls_front_protocol(const struct tls_front *f, const uint8_t *name, unsigned len);
