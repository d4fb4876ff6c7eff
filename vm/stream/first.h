/* The facts from a connection's first bytes: one interface over this room's readers, for judging.
 *
 * Two structs, because there are many connections, and each worker reads one at a time:
 *
 *      struct first_at   progress of one connection's readers: small, kept beside its buffer
 *      struct first      facts from the bytes: large, one per worker; valid until its next first_read
 *
 *      first_read(f, &conn->at, bytes, n, &asked)
 *        READ_MORE    something asked is not known yet: keep the bytes, call again with more of them
 *        READ_WHOLE   all that was asked is known, or known to be absent
 *        READ_BAD     f->reason: close, or answer stream_reason_status
 *
 * Each thing asked is known, absent or not yet known. A rule waits if it needs something that is not yet known. At
 * the end (a deadline, or the client's FIN) an unknown thing is absent, but a started item that is not whole is bad,
 * because half a ClientHello is not another protocol. */
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
 * Reserved values (GREASE, RFC 8701) and unknown ones are skipped. An SSLv2 hello is another protocol. */

enum { HELLO_MAX = STREAM_MAX - 5 }; /* most bytes of a handshake message with its header, if it fills one record */

/* Progress in reading a hello; all zero at the start. */
struct hello_at {
    uint16_t record; /* offset of the next record */
    uint16_t got;    /* handshake bytes in the records before that record */
};

struct hello {
    uint32_t len;     /* READ_WHOLE: bytes of the records; READ_MORE: bytes needed in all, at least */
    struct view sni;  /* server name; `at` NULL: none was sent */
    struct view alpn; /* list of protocols, a length byte before each name; `at` NULL: none was sent */
    uint16_t version; /* highest version offered (0x0304: TLS 1.3); without the extension, the legacy field */
    uint8_t reason;   /* enum stream_reason, after READ_BAD */
};

/* Read the hello at the start of `bytes`. The views point into `bytes`, or, if the hello has more than one record,
 * into `scratch`, where it is joined. Parsing begins once the complete hello has come. */
enum stream_read hello_read(struct hello *h, struct hello_at *at, const uint8_t *bytes, uint32_t n,
                            uint8_t scratch[HELLO_MAX]);

/* True if the protocol is in the list, which has the form of hello.alpn. */
bool hello_offers(struct view alpn, const char *name, uint32_t len);

/* An instruction: the first bytes of a connection name its destination (the forwarder's protocol).
 *
 *      LL IP:PORT CC           20192.168.2.6:666600
 *      LL    two digits: the total length, at most 64
 *      CC    two check characters: with `check sum` the decimal sum of the bytes before them modulo 100
 *
 *      NAT IP PORT             padded with spaces to exactly 32 bytes
 *      NAT   1 keeps the client's address, 2 uses the balancer's
 *
 * An IPv6 address is in brackets. */

enum { INSTRUCTION_MAX = 64, INSTRUCTION_PADDED = 32 };

enum instruction_nat { INSTRUCTION_NAT_UNSAID, INSTRUCTION_NAT_KEEP, INSTRUCTION_NAT_OURS };

struct instruction {
    uint32_t len; /* READ_WHOLE: its bytes, to be removed; READ_MORE: bytes needed in all, at least */
    struct stream_addr target;
    uint8_t nat;    /* enum instruction_nat */
    bool sum_holds; /* true if the check characters are the sum, or the form has none */
};

/* Read an instruction at the start of `bytes`. READ_OTHER: the first byte is not a digit. READ_BAD:
 * `instruction-malformed`. A v4 address inside a v6 address is bad: it would evade lists of v4 addresses. */
enum stream_read instruction_read(struct instruction *i, const uint8_t *bytes, uint32_t n);

/* The PROXY header, versions 1 and 2, names a proxy's client (HAProxy's specification of the PROXY protocol, sections
 * 2.1 and 2.2). */

enum {
    PROXY_V1_BEGIN = 6,    /* bytes that identify version 1 */
    PROXY_BEGIN_MAX = 12,  /* bytes that identify version 2 */
    PROXY_V1_MAX = 107,    /* most bytes of version 1, with CRLF */
    PROXY_V2_MAX = 4096,   /* most accepted bytes of version 2: addresses and TLVs; most senders stay under 600 */
    PROXY_HEADER_OUT = 107 /* most bytes that we write */
};

struct proxy_header {
    uint32_t len;    /* READ_WHOLE: its bytes; READ_MORE: bytes needed in all, at least */
    uint8_t version; /* version: 1 or 2 */
    bool known;      /* true if src and dst are set: not with LOCAL, UNKNOWN, or families other than TCP over IP */
    bool tls;        /* the header states that the client came by TLS (PP2_TYPE_SSL) */
    struct stream_addr src, dst;
};

/* Read a PROXY header at the start of `bytes`. READ_OTHER: no header begins here. READ_BAD: `proxy-header-malformed`.
 * TLVs are checked and skipped; a CRC32c must be right. */
enum stream_read proxy_header_read(struct proxy_header *h, const uint8_t *bytes, uint32_t n);

/* Write a header of that version; return its length. src and dst have the same family; both NULL: the connection is the
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
    uint32_t limit; /* most bytes kept, and waited for by readers. 0, or more than STREAM_MAX: STREAM_MAX */
    uint8_t end;    /* enum first_end */
};

/* Progress of the readers; all zero at a connection's start. Valid only while bytes are appended. */
struct first_at {
    struct hello_at hello;
    struct http_at http;
};

enum first_known { FIRST_NOT_YET, FIRST_ABSENT, FIRST_KNOWN };

struct first {
    const uint8_t *bytes; /* all bytes given to the last first_read */
    uint32_t n;
    uint32_t need;  /* READ_MORE: bytes needed in total for the next fact; fewer may prove an item bad or absent */
    uint16_t skip;  /* bytes of the PROXY header, which are not delivered; the client's own bytes follow it */
    uint8_t reason; /* enum stream_reason, after READ_BAD */
    uint8_t tls, http, instruction, proxy; /* enum first_known of the structs below; tls: sni and alpn */
    /* ended: no more bytes may come; full: no more are kept; waits: the PROXY header is incomplete */
    bool ended, full, waits;
    struct view sni, alpn; /* alpn: as in the extension, a length byte before each name */
    struct view path;      /* path in normal form */
    struct hello hello;    /* set if the bytes are a ClientHello */
    struct http_head head; /* spans are relative to bytes + skip */
    struct instruction told;
    struct proxy_header from;
    uint8_t scratch[HELLO_MAX]; /* a joined hello, or a path in normal form */
};

/* Continue reading. `bytes`: all `n` bytes that the connection has sent; they may have moved since the last call.
 * Bytes seen before cost only a few nanoseconds per call, so that a client which sends byte by byte costs O(n). */
enum stream_read first_read(struct first *f, struct first_at *at, const uint8_t *bytes, uint32_t n,
                            const struct first_asked *asked);

/* Set the facts of a TLS handshake terminated here, instead of reading them from the bytes: FIRST_TLS is then known.
 * Call this after first_read without FIRST_TLS in `wants`; the views must live as long as they are asked for. sni.at
 * NULL: the client named no host. alpn: one protocol behind its length byte, or nothing. */
void first_tls(struct first *f, struct view sni, struct view alpn);

/* Read the server name. For this and the functions below, FIRST_KNOWN means that the output is set, valid until the
 * bytes move. */
enum first_known first_sni(const struct first *f, struct view *out);
/* Check if the client offers this protocol (ALPN). FIRST_KNOWN: the client sent a list, and *offers is the answer. */
enum first_known first_alpn(const struct first *f, const char *name, uint32_t len, bool *offers);
/* Read the host as the client wrote it, without port and final dot: the target's, if the target names a host. */
enum first_known first_host(const struct first *f, struct view *out);
/* Read the path without query, in normal form (http.h). */
enum first_known first_path(const struct first *f, struct view *out);
enum first_known first_method(const struct first *f, struct view *out);
/* Read the value of the next field of this name (lower case), from field *next on; *next moves behind it and begins
 * as 0. */
enum first_known first_header(const struct first *f, const char *name, unsigned *next, struct view *out);
/* Read the `len` bytes at offset `at` behind the PROXY header. */
enum first_known first_bytes(const struct first *f, uint32_t at, uint32_t len, struct view *out);
enum first_known first_instruction(const struct first *f, const struct instruction **out);
/* Read the PROXY header with client and destination; also absent with LOCAL or UNKNOWN. */
enum first_known first_proxy(const struct first *f, const struct proxy_header **out);
