/* The head of an HTTP/1 message: request or status line and fields, as spans of the bytes (RFC 9110, RFC 9112).
 *
 * Strict, so that no server behind us can read it as another message than we do: what RFC 9112 lets a recipient repair
 * is refused (README.md). Nothing is parsed before the head is whole, but a line's wrong end and a first line that is
 * no request are told at once. */
#pragma once

#include "vm/stream/stream.h"

enum { HTTP_FIELDS_MAX = 128, HTTP_METHOD_MAX = 32, HTTP_HOST_MAX = 253 };

/* How far a head has been looked at; all zero at the beginning of a message. */
struct http_at {
    uint16_t seen; /* bytes in which no head ends */
    uint16_t line; /* where the line that they end in begins */
};

enum http_form { HTTP_ORIGIN, HTTP_ABSOLUTE, HTTP_AUTHORITY, HTTP_ASTERISK };

/* How long the message's body is (RFC 9112, 6.3). */
enum http_framing {
    HTTP_NO_BODY,
    HTTP_LENGTH, /* head.length bytes */
    HTTP_CHUNKED,
    HTTP_CLOSE,  /* a response's, until the server closes */
    HTTP_TUNNEL, /* bytes of another protocol in both directions, behind a response to CONNECT or 101 */
};

struct http_field {
    struct view_span name, value; /* the value without blanks around it */
};

/* Known names: bits of head.has. */
enum http_has {
    HTTP_HAS_HOST = 1 << 0,
    HTTP_HAS_LENGTH = 1 << 1,
    HTTP_HAS_CODING = 1 << 2,
    HTTP_HAS_UPGRADE = 1 << 3,  /* Upgrade, and `upgrade` in Connection; not to h2c, TLS or another HTTP */
    HTTP_HAS_CONTINUE = 1 << 4, /* Expect: 100-continue */
    HTTP_HAS_CLOSE = 1 << 5,    /* `close` in Connection */
    HTTP_HAS_KEEP = 1 << 6,     /* `keep-alive` in Connection */
    HTTP_HAS_NAMED = 1 << 7,    /* Connection names fields */
};

struct http_head {
    uint32_t len;    /* READ_WHOLE: bytes to the body; READ_MORE: fewer than these in all are not enough */
    uint64_t length; /* Content-Length */
    uint16_t status; /* of a response */
    uint8_t reason;  /* enum stream_reason, after READ_BAD */
    uint8_t minor;   /* HTTP/1.minor */
    uint8_t form;    /* enum http_form, of a request */
    uint8_t framing; /* enum http_framing; of a response as if it answered a GET: see http_response_framing */
    uint16_t has;    /* enum http_has */
    uint16_t start;  /* where the first line begins: 2 behind an empty line */
    struct view_span method, target;
    struct view_span host;  /* without port and final dot; len 0: none. The target's, where that names one */
    uint16_t port;          /* behind the host; 0: none was written */
    struct view_span path;  /* of the target, without query, as written; for CONNECT empty, for `*` that */
    struct view_span query; /* from the `?` on */
    uint16_t fields;
    struct http_field field[HTTP_FIELDS_MAX];
};

/* The head of a request, or of a response, at the beginning of `bytes`. limit: the most bytes that a head may have (at
 * most STREAM_MAX). READ_OTHER: the first line is none of HTTP/1, head.reason says why. */
enum stream_read http_request_read(struct http_head *h, struct http_at *at, const uint8_t *bytes, uint32_t n,
                                   uint32_t limit);
enum stream_read http_response_read(struct http_head *h, struct http_at *at, const uint8_t *bytes, uint32_t n,
                                    uint32_t limit);

/* The framing of a response to a request of this method. A 1xx other than 101 is no answer yet: another head follows.
 */
enum http_framing http_response_framing(const struct http_head *h, bool was_head, bool was_connect);

/* Does the connection stay open behind this message, as far as this head says (RFC 9112, 9.3)? */
bool http_keeps(const struct http_head *h);

/* The value of the next field of this name, written in lower case, from field *next on, which is moved behind it; begin
 * with 0. False: none is left. */
bool http_field_next(const struct http_head *h, const uint8_t *bytes, const char *name, unsigned *next,
                     struct view *value);

/* Is field i between two ends alone (RFC 9110, 7.6.1), so that it is not sent on? Those that Connection names, too, but
 * never Host and what says how long the message is. */
bool http_field_is_hop(const struct http_head *h, const uint8_t *bytes, unsigned i);

/* Is the word, in lower case, an element of this comma-separated list? */
bool http_list_has(struct view list, const char *word);

/* A path in normal form for comparison (RFC 3986, 6.2.2): escapes of letters, digits and `-._~` are decoded, others get
 * upper-case digits, `.` and `..` are taken out. `%2F` stays. `out` may point into `bytes`, where the path is normal
 * already, as most are; else into scratch. False: the path has no normal form that fits, or a malformed escape. */
bool http_path_normal(struct view path, uint8_t *scratch, uint32_t size, struct view *out);
