/* TLS ClientHello: server name, protocols offered, versions (RFC 8446, 4.1.2; RFC 5246, 7.4.1.2; RFC 6066, 3; RFC
 * 7301).
 *
 *      record header 5 | handshake header 4 | version 2, random 32, session id, ciphers, compressions, extensions
 *                        `------- may be cut into many records, each with a header of its own -------------------'
 *
 * Values that RFC 8701 (GREASE) reserves are passed over like all that is unknown. An SSLv2 hello is another protocol.
 */
#pragma once

#include "vm/stream/stream.h"

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
