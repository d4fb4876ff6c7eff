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

/* Where an HTTP/1 message ends: a machine that is fed the bytes behind its head, and says which of them are body, which
 * frame it, and which belong to what follows (RFC 9112, 6 and 7).
 *
 *      body_begin(&b, framing, length)
 *      body_read(&b, bytes, n, &run)      one run: bytes of one kind, as many as there are
 *        READ_MORE    the message goes on behind the run
 *        READ_WHOLE   it ends with the run; what is left of the bytes is not its
 *        READ_BAD     b.reason; the run is what came before the wrong byte
 *
 * Who moves body in the kernel asks body_ahead and tells body_moved. */

enum {
    BODY_SIZE_DIGITS = 16,      /* of a chunk's size */
    BODY_EXTENSION_MAX = 256,   /* bytes of one chunk's extensions */
    BODY_EXTENSIONS_MAX = 4096, /* of all of a message's */
    BODY_TRAILER_MAX = 8192,
    BODY_NAME_MAX = 19, /* the longest name that no trailer may have */
};

struct body {
    uint64_t left;       /* of the body (HTTP_LENGTH) or the chunk; the size that is being read */
    uint64_t data;       /* bytes of body so far */
    uint32_t extensions; /* bytes of extensions so far */
    uint16_t count;      /* digits of the size, bytes of this chunk's extensions, of the trailer */
    uint8_t state;
    uint8_t name_len; /* of the trailer field's name; past BODY_NAME_MAX it is not kept */
    uint8_t reason;   /* enum stream_reason, after READ_BAD */
    char name[BODY_NAME_MAX + 1];
};

struct body_run {
    uint32_t len;
    bool data; /* body; else sizes, extensions, line ends, trailer */
};

/* The body of a message whose head says this framing; length: with HTTP_LENGTH. HTTP_CLOSE and HTTP_TUNNEL never end by
 * themselves. */
void body_begin(struct body *b, enum http_framing framing, uint64_t length);

/* Is the message whole without another byte? True at once of a message without a body, and behind READ_WHOLE. */
bool body_is_whole(const struct body *b);

enum stream_read body_read(struct body *b, const uint8_t *bytes, uint32_t n, struct body_run *run);

/* All runs up to the end of the message or of the bytes: *used of them are the message's. */
enum stream_read body_read_all(struct body *b, const uint8_t *bytes, uint32_t n, uint32_t *used);

/* How many bytes of body come next, for sure: they may be moved unseen. UINT64_MAX: all that comes. Then tell how many
 * were, at most as many. */
uint64_t body_ahead(const struct body *b);
void body_moved(struct body *b, uint64_t n);

/* HTTP/2 as far as we speak it: to see that a client does, and to tell it to come again with HTTP/1.1 (RFC 9113, 3.4,
 * 6.5, 6.8 and 7). */

enum { HTTP2_PREFACE_LEN = 24, HTTP2_GOAWAY_LEN = 9 + 17 };

/* READ_MORE: as far as it goes it is the preface, but fewer than its 24 bytes are there. */
enum stream_read http2_preface_read(const uint8_t *bytes, uint32_t n);

/* Our preface (an empty SETTINGS frame) and GOAWAY with no stream served and HTTP_1_1_REQUIRED: send it and close. */
extern const uint8_t http2_goaway[HTTP2_GOAWAY_LEN];
