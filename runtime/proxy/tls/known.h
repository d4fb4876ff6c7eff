/* Servers that are known: sessions that they gave tickets for, each for one handshake more (RFC 8446, C.4). Of one name
 * and one way of verifying (struct tls_back), by the server's address; a session that is older than an hour is not
 * taken, so that a certificate that has ended is not believed for long. */
#pragma once

#include <openssl/ssl.h>

#include "vm/stream/first.h"

enum { KNOWN_SETS = 32, KNOWN_WAYS = 8 }; /* bounds what is kept: a server has at most the ways of one set */
#define KNOWN_NS (UINT64_C(3600) * 1000000000)

struct known;
struct known *known_new(void); /* NULL: memory is out */
void known_free(struct known *k);

/* Any thread. put: the session is k's from now on; the oldest
 * makes place. take: the caller's; NULL: there is none. */
void known_put(struct known *k, const struct stream_addr *server, SSL_SESSION *session, uint64_t now_ns);
SSL_SESSION *known_take(struct known *k, const struct stream_addr *server, uint64_t now_ns);
