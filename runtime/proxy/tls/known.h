/* TLS sessions by servers' tickets, each for one more handshake (RFC 8446, C.4). All share one name and one
 * verification (struct tls_back), and are found by the server's address. A session older than an hour is not used,
 * so that an expired certificate is not trusted for long. */
#pragma once

#include <openssl/ssl.h>

#include "vm/stream/first.h"

enum { KNOWN_SETS = 32, KNOWN_WAYS = 8 }; /* bounds the number kept; a server has at most one set */
#define KNOWN_NS (UINT64_C(3600) * 1000000000)

struct known;
struct known *known_new(void); /* NULL: out of memory */
void known_free(struct known *k);

/* Keep a session, which known_put then owns; if there is no room, the oldest is dropped. Take a session, which the
 * caller then owns; NULL: none (second function). For any thread. */
void known_put(struct known *k, const struct stream_addr *server, SSL_SESSION *session, uint64_t now_ns);
SSL_SESSION *known_take(struct known *k, const struct stream_addr *server, uint64_t now_ns);
