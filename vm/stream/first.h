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

#include "vm/stream/http.h"
#include "vm/stream/reassemble.h"
#include "vm/stream/stream.h"
#include "vm/stream/wants.h"

/* TLS ClientHello: server name, protocols offered, versions (RFC 8446, 4.1.2; RFC 5246, 7.4.1.2; RFC 6066, 3; RFC
 * 7301).
 *
 *      record header 5 | handshake header 4 | version 2, random 32, session id, ciphers, compressions, extensions
 *                        `------- may be cut into many records, each with a header of its own -------------------'
 *
 * Values that RFC 8701 (GREASE) reserves are passed over like all that is unknown. An SSLv2 hello is another protocol.
 */

enum { HELLO_MAX = 1 << 14 }; /* bytes of the handshake message with its header, without those of records */

/* How far a hello has been looked at; all zero at the beginning. */
struct hello_at {
    uint16_t record; /* where the next record begins */
    uint16_t got;    /* handshake bytes in the records before it */
};

struct hello {
    uint32_t len;     /* READ_WHOLE: bytes of the records; READ_MORE: fewer bytes than these in all are not enough */
    struct view sni;  /* at NULL: none was sent */
    struct view alpn; /* the list, each name with a byte of length in front; at NULL: none was sent */
    uint16_t version; /* the highest that is offered, 0x0304 for TLS 1.3; without the extension the legacy field's */
    uint8_t reason;   /* enum stream_reason, after READ_BAD */
};

/* Read the hello at the beginning of `bytes`. What is longer than one record is put together in `scratch`, which the
 * views then point into; else they point into `bytes`. Nothing is parsed before all of it is there. */
enum stream_read hello_read(struct hello *h, struct hello_at *at, const uint8_t *bytes, uint32_t n,
                            uint8_t scratch[HELLO_MAX]);

/* Is the protocol in such a list? */
bool hello_offers(struct view alpn, const char *name, uint32_t len);

/* An instruction: the first bytes of a connection say where it goes (the forwarder's protocol).
 *
 *      LL IP:PORT CC           20192.168.2.6:666600
 *      LL    two digits: the length of all of it, at most 64
 *      CC    two check characters: with `check sum` the decimal sum of the bytes before them modulo 100
 *
 *      NAT IP PORT             padded with spaces to exactly 32 bytes
 *      NAT   1 keeps the client's address, 2 uses ours
 *
 * An IPv6 address stands in brackets. */

enum { INSTRUCTION_MAX = 64, INSTRUCTION_PADDED = 32 };

enum instruction_nat { INSTRUCTION_NAT_UNSAID, INSTRUCTION_NAT_KEEP, INSTRUCTION_NAT_OURS };

struct instruction {
    uint32_t len; /* READ_WHOLE: its bytes, to be taken off; READ_MORE: fewer than these in all are not enough */
    struct stream_addr target;
    uint8_t nat;    /* enum instruction_nat */
    bool sum_holds; /* the check characters are the sum; always so in the form that has none */
};

/* READ_OTHER: does not begin with a digit. READ_BAD is `instruction-malformed`. A v4 address inside a v6 one is bad: it
 * would reach what a list of v4 addresses forbids. */
enum stream_read instruction_read(struct instruction *i, const uint8_t *bytes, uint32_t n);

/* The PROXY header, versions 1 and 2: who the client of a proxy is (HAProxy's specification of the PROXY protocol,
 * sections 2.1 and 2.2). */

enum {
    PROXY_V1_BEGIN = 6,    /* bytes by which version 1 is known, */
    PROXY_BEGIN_MAX = 12,  /* and version 2 */
    PROXY_V1_MAX = 107,    /* with CRLF */
    PROXY_V2_MAX = 4096,   /* what we accept: addresses and TLVs, most senders stay under 600 */
    PROXY_HEADER_OUT = 107 /* the longest that we write */
};

struct proxy_header {
    uint32_t len;    /* READ_WHOLE: its bytes; READ_MORE: fewer than these in all are not enough */
    uint8_t version; /* 1 or 2 */
    bool known;      /* src and dst are set: not with LOCAL, UNKNOWN, or families other than TCP over IP */
    struct stream_addr src, dst;
};

/* READ_OTHER: no PROXY header begins here. READ_BAD is `proxy-header-malformed`. TLVs are checked and passed over; the
 * CRC32c of one that has it must be right. */
enum stream_read proxy_header_read(struct proxy_header *h, const uint8_t *bytes, uint32_t n);

/* Write a header of that version; returns its length. src and dst are of one family; both NULL: the connection is the
 * sender's own (LOCAL, in version 1 UNKNOWN). */
uint32_t proxy_header_write(uint8_t out[PROXY_HEADER_OUT], unsigned version, const struct stream_addr *src,
                            const struct stream_addr *dst);

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
