/* What the files of this room share. */
#ifndef RUNTIME_PROXY_TLS_TLS_PRIV_H
#define RUNTIME_PROXY_TLS_TLS_PRIV_H

#include <openssl/ssl.h>

#include "runtime/proxy/tls/tls.h"

/* A context with what holds for clients and servers alike. NULL: memory is out. */
SSL_CTX *tls_context(const SSL_METHOD *method);
/* Put TLS into the side; one of front and back is held until it is closed. 0 or a negative errno. */
int tls_side(struct side *s, SSL_CTX *ctx, struct tls_front *front, struct tls_back *back);
/* What the library reads and writes the side's socket by; the library's to free. NULL: memory is out. */
BIO *tls_bio(struct side *s);
/* A protocol as the front's list has it, its byte of length in front. */
struct view tls_front_protocol(const struct tls_front *f, const uint8_t *name, unsigned len);

#endif
