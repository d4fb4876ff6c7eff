/* TLS in a side, by OpenSSL: a client's TLS that ends here (`tls cert "…" key "…"`), and TLS to servers (`tls to
 * server`). TLS 1.2 and 1.3; no renegotiation, no compression, no early data. */
#pragma once

#include "runtime/host/file/keypair.h"
#include "runtime/proxy/loop/side.h"
#include "runtime/proxy/told/proxy_counters.h"
#include "vm/stream/first.h"

/* Memory that TLS adds to an idle connection, and at most to a busy one, as measured for OpenSSL (checked by
 * tests/e2e/live-proxy-tls.sh; of 20 KiB, 14 are objects and the rest holes between them) */
enum { TLS_IDLE_BYTES = 20 << 10, TLS_MOST_BYTES = TLS_IDLE_BYTES + 2 * (17 << 10) };

/* ---- TLS for clients of a service ----
 *
 * Certificates, protocols, and the keys of tickets. Counted, for any thread: held by each loop, and by each connection
 * begun with it. */
struct tls_front;

/* Make the TLS settings for a service's clients. pairs: [count], the first for names that fit no other; they stay the
 * caller's. protocols: offered by ALPN (RFC 7301), [protocols_len] bytes in the extension's form, a length byte before
 * each; none: ALPN is ignored. `only`: refuse a client that offers none of them, instead of choosing no protocol.
 * before: the service's former settings, whose tickets stay valid; NULL: none. NULL, with one line in err. */
struct tls_front *tls_front_new(const struct keypair pairs[], unsigned count, const uint8_t *protocols,
                                unsigned protocols_len, bool only, const struct tls_front *before, char *err,
                                size_t err_len);
struct tls_front *tls_front_get(struct tls_front *f);
void tls_front_put(struct tls_front *f); /* NULL is fine */

/* Make the side speak TLS, before its first byte is read. counts: [TLS_COUNTS] of the side's loop, for the handshake's
 * result. Return 0 or a negative errno. */
int tls_accept(struct side *s, struct tls_front *f, uint64_t *counts);

/* Set another place for the handshake's result; no effect without TLS, or after it was counted */
void tls_count_at(struct side *s, uint64_t *counts);

/* After the handshake: return the name that the client requested, or an empty view; return the chosen protocol with
 * its length byte in front, or an empty view (second function). Both live as long as the side. */
struct view tls_name(const struct side *s);
struct view tls_protocol(const struct side *s);

struct tls_back;

/* Make the TLS settings for servers. name: sent as SNI, and required in the certificate; "": none. verify: the
 * certificate must lead to an authority of the PEM file ca_fd, which stays the caller's. NULL, with one line in err. */
struct tls_back *tls_back_new(const char *name, bool verify, int ca_fd, char *err, size_t err_len);
struct tls_back *tls_back_get(struct tls_back *b);
void tls_back_put(struct tls_back *b);

/* The same as tls_accept, for a connection to a server. server: its address, by which sessions are kept for the next
 * handshake; NULL: not kept. */
int tls_connect(struct side *s, struct tls_back *b, const struct stream_addr *server, uint64_t *counts);

/* ---- TLS of all services ----
 *
 * TLS settings of each service of a program. Counted like its parts; the main thread fills it before others see it. */
struct tls_table {
    unsigned refs, count;
    struct tls_ends {
        struct tls_front *front; /* NULL: no TLS with clients */
        struct tls_back *back;   /* NULL: no TLS to servers */
    } of[];                      /* [count], by the service's number */
};
struct tls_table *tls_table_new(unsigned count);
struct tls_table *tls_table_get(struct tls_table *t); /* NULL is fine */
void tls_table_put(struct tls_table *t);              /* NULL is fine */
bool tls_table_any(const struct tls_table *t);        /* true if some service speaks TLS */
