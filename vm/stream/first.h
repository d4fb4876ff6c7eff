/* What is known of a connection from its first bytes: one face over the readers of this room, for who judges.
 *
 * Two structs, because connections are many and those being read this moment one a worker:
 *
 *      struct first_at   how far the readers of one connection have come: small, lies beside its buffer
 *      struct first      what the bytes say: large, a worker has one; it holds until its next first_read
 *
 *      first_read(f, &conn->at, bytes, n, &asked)
 *        READ_MORE    something asked is not known yet: keep the bytes, call again with more of them
 *        READ_WHOLE   all that was asked is known, or known to be absent
 *        READ_BAD     f->reason: close, or answer stream_reason_status
 *
 * Each thing asked is known, absent or not yet known. A rule that meets what is not yet known waits; one that can
 * decide without it need not. At the end (a deadline, or the client's FIN) what is not yet known is absent, but what
 * was begun and is not whole is bad: half a ClientHello is no other protocol. */
#pragma once

#include "vm/stream/hello.h"
#include "vm/stream/http.h"
#include "vm/stream/instruction.h"
#include "vm/stream/proxy_header.h"
#include "vm/stream/stream.h"
#include "vm/stream/wants.h"

enum first_end {
    FIRST_OPEN,   /* more bytes may come */
    FIRST_LATE,   /* the deadline passed */
    FIRST_CLOSED, /* the client sent its FIN */
};

struct first_asked {
    uint32_t wants; /* enum first_wants */
    uint32_t limit; /* the most bytes that are kept, more are not waited for; 0, or more than STREAM_MAX: so many */
    uint8_t end;    /* enum first_end */
};

/* How far the readers are; all zero at a connection's beginning. Only for the same bytes, grown at their end. */
struct first_at {
    struct hello_at hello;
    struct http_at http;
};

enum first_known { FIRST_NOT_YET, FIRST_ABSENT, FIRST_KNOWN };

struct first {
    const uint8_t *bytes; /* of the last first_read: all of them */
    uint32_t n;
    uint32_t need;  /* READ_MORE: fewer bytes in all make nothing known; but what is asked may prove bad or absent */
    uint16_t skip;  /* bytes of the PROXY header: what is asked begins behind it. Never delivered */
    uint8_t reason; /* enum stream_reason, after READ_BAD */
    uint8_t tls, http, instruction, proxy; /* enum first_known: struct of that name below; tls: sni and alpn */
    bool ended, full, waits;               /* no more may come; no more are kept; the PROXY header is not whole */
    struct view sni, alpn;                 /* alpn: as in the extension, a byte of length before each */
    struct view path;                      /* in normal form */
    struct hello hello;                    /* set if the bytes are a ClientHello */
    struct http_head head;                 /* spans of `bytes + skip` */
    struct instruction told;
    struct proxy_header from;
    uint8_t scratch[HELLO_MAX]; /* a hello put together, or a path in normal form */
};

/* Read on. `bytes`: all `n` that the connection has sent, from the first; they may lie elsewhere than at the last call.
 * Costs a few nanoseconds for bytes that were seen before, so that a client which sends byte by byte costs O(n). */
enum stream_read first_read(struct first *f, struct first_at *at, const uint8_t *bytes, uint32_t n,
                            const struct first_asked *asked);

/* What a TLS handshake that ended here said, in place of the bytes: then FIRST_TLS is known, whatever first_read is
 * given. The views must live as long as they are asked for. Call behind first_read, without FIRST_TLS in its `wants`.
 * sni.at NULL: the client named no host. alpn: one protocol with its byte of length in front, or nothing. */
void first_tls(struct first *f, struct view sni, struct view alpn);

/* What the conditions of rules ask. FIRST_KNOWN: `out` is set, valid until the bytes move. */
enum first_known first_sni(const struct first *f, struct view *out);
/* Does the client offer this protocol (ALPN)? FIRST_KNOWN: it said what it offers, and *offers is the answer. */
enum first_known first_alpn(const struct first *f, const char *name, uint32_t len, bool *offers);
/* Host without port and without a dot at its end, as the client wrote it; the target's, where that names one. */
enum first_known first_host(const struct first *f, struct view *out);
/* The path without query, in normal form (http.h). */
enum first_known first_path(const struct first *f, struct view *out);
enum first_known first_method(const struct first *f, struct view *out);
/* The value of the next field of this name (lower case) from field *next on, which is moved behind it; begin with 0. */
enum first_known first_header(const struct first *f, const char *name, unsigned *next, struct view *out);
/* `len` bytes at `at`, counted behind the PROXY header. */
enum first_known first_bytes(const struct first *f, uint32_t at, uint32_t len, struct view *out);
enum first_known first_instruction(const struct first *f, const struct instruction **out);
/* Whom a PROXY header names as client and as destination; absent, too, where it says LOCAL or UNKNOWN. */
enum first_known first_proxy(const struct first *f, const struct proxy_header **out);
