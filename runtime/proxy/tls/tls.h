/* TLS in a side, with OpenSSL: where a client's TLS ends here (`tls cert "…" key "…"`), and towards servers (`tls to
 * server`). TLS 1.2 and 1.3; no renegotiation, no compression, no early data. */
#pragma once

#include "runtime/host/file/keypair.h"
#include "runtime/proxy/loop/side.h"
#include "runtime/proxy/told/counters.h"
#include "vm/stream/first.h"

/* What TLS adds to a connection that is idle, and at most to one that is not: the library's memory, as it was measured
 * (tests/e2e/live-proxy-tls.sh holds it; of 20 KiB 14 are its objects, the rest holes between them). */
enum { TLS_IDLE_BYTES = 20 << 10, TLS_MOST_BYTES = TLS_IDLE_BYTES + 2 * (17 << 10) };

/* ---- what a service shows its clients ----
 *
 * Certificates, protocols, and the keys of tickets. Counted: each loop and each connection that began with it holds it;
 * any thread may hold it or let go. */
struct tls_front;

/* pairs: [count], the first for names that no other fits; they stay the caller's. protocols: what is offered by ALPN
 * (RFC 7301), [protocols_len] bytes as they stand in the extension, a byte of length before each; none: the client's
 * offer is not answered. `only`: a client that offers nothing of it is refused; else it gets no protocol. before: of
 * the same service until now, whose tickets go on; NULL: none. NULL, with one line in err. */
struct tls_front *tls_front_new(const struct keypair pairs[], unsigned count, const uint8_t *protocols,
                                unsigned protocols_len, bool only, const struct tls_front *before, char *err,
                                size_t err_len);
struct tls_front *tls_front_get(struct tls_front *f);
void tls_front_put(struct tls_front *f); /* NULL is fine */

/* From now on the side speaks TLS; before its first byte was read. counts: [TLS_COUNTS] of the side's loop, what
 * becomes of the handshake. 0 or a negative errno. */
int tls_accept(struct side *s, struct tls_front *f, uint64_t *counts);

/* Another place for what becomes of its handshake. Without TLS, and once that was told: nothing. */
void tls_count_at(struct side *s, uint64_t *counts);

/* Once it has shaken hands: the name that the client asked for, nothing where it asked for none; the protocol that was
 * agreed on, with its byte of length in front, or nothing. They live as long as the side. */
struct view tls_name(const struct side *s);
struct view tls_protocol(const struct side *s);

struct tls_back;

/* How servers are spoken to. name: that they are asked for (SNI), and that their certificate must have; "": they are
 * asked for none. verify: the certificate must lead to one of the authorities in the PEM file of ca_fd, which stays the
 * caller's. NULL, with one line in err. */
struct tls_back *tls_back_new(const char *name, bool verify, int ca_fd, char *err, size_t err_len);
struct tls_back *tls_back_get(struct tls_back *b);
void tls_back_put(struct tls_back *b);

/* The same as tls_accept, of a connection to a server. server: where it is, by which its sessions are kept for the next
 * handshake; NULL: none is. */
int tls_connect(struct side *s, struct tls_back *b, const struct stream_addr *server, uint64_t *counts);

/* ---- of all services ----
 *
 * What each service of a program shows and asks. Counted like its parts; made by the main thread, which fills it before
 * others see it. */
struct tls_table {
    unsigned refs, count;
    struct tls_ends {
        struct tls_front *front; /* NULL: its clients speak plainly */
        struct tls_back *back;   /* NULL: so do its servers */
    } of[];                      /* [count], by the service's number */
};
struct tls_table *tls_table_new(unsigned count);
struct tls_table *tls_table_get(struct tls_table *t); /* NULL is fine */
void tls_table_put(struct tls_table *t);              /* likewise */
bool tls_table_any(const struct tls_table *t);        /* does some service speak TLS? */
