/* What the files of this room share. */
#pragma once

#include <openssl/ssl.h>

#include "runtime/proxy/tls/tls.h"

/* A context with what holds for clients and servers alike. NULL: memory is out. */
SSL_CTX *tls_context(const SSL_METHOD *method);
/* One connection, as long as its side is open. One of front and back is held. */
struct tls_one {
    struct tls_front *front;
    struct tls_back *back;
    uint64_t *counts;          /* NULL: its handshake is counted */
    struct stream_addr server; /* of a back; port 0: nobody knows it later */
    bool nameless;             /* no certificate has the name that the client asked for */
};
/* Put TLS into the side. 0 or a negative errno. */
int tls_side(struct side *s, SSL_CTX *ctx, const struct tls_one *one);
/* Why the handshake failed, with this negative errno, while the library's errors are those that it left. */
enum tls_count tls_fault(const SSL *ssl, int err);
/* Why the library did not do the last that it was asked for, in its words. */
const char *tls_why(void);
/* What the library reads and writes the side's socket by; the library's to free. NULL: memory is out. */
BIO *tls_bio(struct side *s);
static inline struct tls_one *tls_one_of(const SSL *ssl) { return SSL_get_app_data(ssl); }
/* The server has shaken hands: what it can be known by later. */
void tls_back_shaken(SSL *ssl);
/* A protocol as the front's list has it, its byte of length in front. */
struct view tls_front_protocol(const struct tls_front *f, const uint8_t *name, unsigned len);
