/* The head of an HTTP/1 message: request or status line and fields, as spans of the bytes (RFC 9110, RFC 9112).
 *
 * The parser is strict, so that a server behind prey can't read a different message: faults that RFC 9112 lets a
 * recipient repair are rejected (README.md). Parsing waits for the complete head, but rejects a wrong line end and a
 * first line that is not a request at once. */
#pragma once

#include "vm/stream/stream.h"

enum { HTTP_FIELDS_MAX = 128, HTTP_METHOD_MAX = 32, HTTP_HOST_MAX = 253 };

/* Progress in reading a head; all zero at the start of a message. */
struct http_at {
    uint16_t seen; /* bytes scanned, in which no head ends */
    uint16_t line; /* offset of the line that `seen` ends in */
};

enum http_form { HTTP_ORIGIN, HTTP_ABSOLUTE, HTTP_AUTHORITY, HTTP_ASTERISK };

/* Length of the message's body (RFC 9112, 6.3). */
enum http_framing {
    HTTP_NO_BODY,
    HTTP_LENGTH, /* body of head.length bytes */
    HTTP_CHUNKED,
    HTTP_CLOSE,  /* response body until the server closes */
    HTTP_TUNNEL, /* bytes of another protocol in both directions, after a response to CONNECT or a 101 */
};

struct http_field {
    struct view_span name, value; /* value: without blanks around it */
};

/* Known names and options: bits of head.has. */
enum http_has {
    HTTP_HAS_HOST = 1 << 0,
    HTTP_HAS_LENGTH = 1 << 1,
    HTTP_HAS_CODING = 1 << 2,
    HTTP_HAS_UPGRADE = 1 << 3,  /* Upgrade, and `upgrade` in Connection; not to h2c, TLS or another HTTP */
    HTTP_HAS_CONTINUE = 1 << 4, /* Expect: 100-continue */
    HTTP_HAS_CLOSE = 1 << 5,    /* `close` in Connection */
    HTTP_HAS_KEEP = 1 << 6,     /* `keep-alive` in Connection */
    HTTP_HAS_NAMED = 1 << 7,    /* other names in Connection */
};

struct http_head {
    uint32_t len;    /* READ_WHOLE: bytes up to the body; READ_MORE: bytes needed in all, at least */
    uint64_t length; /* Content-Length */
    uint16_t status; /* status of a response */
    uint8_t reason;  /* enum stream_reason, after READ_BAD */
    uint8_t minor;   /* minor version: HTTP/1.minor */
    uint8_t form;    /* enum http_form, for requests */
    uint8_t framing; /* enum http_framing; for a response, as if to a GET: see http_response_framing */
    uint16_t has;    /* enum http_has */
    uint16_t start;  /* offset of the first line: 2 behind an empty line */
    struct view_span method, target;
    struct view_span host;  /* host without port and final dot; len 0: none. The target's, if the target names a host */
    uint16_t port;          /* port behind the host; 0: none was written */
    struct view_span path;  /* path of the target, without query, as written; CONNECT: empty; `*`: `*` */
    struct view_span query; /* query, from the `?` on */
    uint16_t fields;
    struct http_field field[HTTP_FIELDS_MAX];
};

/* Read the head of a request or of a response at the start of `bytes`. limit: most bytes of a head (at most
 * STREAM_MAX). READ_OTHER: the first line is not HTTP/1; head.reason gives the reason. */
enum stream_read http_request_read(struct http_head *h, struct http_at *at, const uint8_t *bytes, uint32_t n,
                                   uint32_t limit);
enum stream_read http_response_read(struct http_head *h, struct http_at *at, const uint8_t *bytes, uint32_t n,
                                    uint32_t limit);

/* Return the framing of a response to a request of this method. Responses 1xx other than 101 are interim: another
 * head follows. */
enum http_framing http_response_framing(const struct http_head *h, bool was_head, bool was_connect);

/* True if the connection stays open after this message, by this head (RFC 9112, 9.3). */
bool http_keeps(const struct http_head *h);

/* Find the next field of this lower-case name, from field *next on, and move *next behind it; it begins as 0. False at
 * the end. */
bool http_field_next(const struct http_head *h, const uint8_t *bytes, const char *name, unsigned *next,
                     struct view *value);

/* True if field i is hop-by-hop (RFC 9110, 7.6.1) and not forwarded: also fields named in Connection, except Host
 * and those that give the message's length. */
bool http_field_is_hop(const struct http_head *h, const uint8_t *bytes, unsigned i);

/* True if the word, in lower case, is an element of this comma-separated list. */
bool http_list_has(struct view list, const char *word);

/* Give a path in normal form for comparison (RFC 3986, 6.2.2): escapes of letters, digits and `-._~` are decoded,
 * others get upper-case digits, `.` and `..` are removed. `%2F` stays. `out` points to the path itself if it is
 * normal, which is usual, else into scratch. False: no normal form fits, or an escape is malformed. */
bool http_path_normal(struct view path, uint8_t *scratch, uint32_t size, struct view *out);

/* The end of an HTTP/1 message: a state machine that reads the bytes behind the head and distinguishes body,
 * framing, and the following bytes (RFC 9112, 6 and 7).
 *
 *      body_begin(&b, framing, length)
 *      body_read(&b, bytes, n, &run)      one run: bytes of one kind, as many as there are
 *        READ_MORE    the message continues behind the run
 *        READ_WHOLE   the message ends with the run; the remaining bytes are not part of it
 *        READ_BAD     b.reason; the run ends before the wrong byte
 *
 * A caller that moves body in the kernel uses body_ahead and body_moved. */

enum {
    BODY_SIZE_DIGITS = 16,      /* most digits of a chunk's size */
    BODY_EXTENSION_MAX = 256,   /* most bytes of one chunk's extensions */
    BODY_EXTENSIONS_MAX = 4096, /* most bytes of all extensions of a message */
    BODY_TRAILER_MAX = 8192,
    BODY_NAME_MAX = 19, /* the longest name that no trailer may have */
};

struct body {
    uint64_t left;       /* bytes left of the body (HTTP_LENGTH) or chunk; while its size is read: the size */
    uint64_t data;       /* bytes of body so far */
    uint32_t extensions; /* bytes of extensions so far */
    uint16_t count;      /* digits of the size, bytes of this chunk's extensions, or bytes of the trailer */
    uint8_t state;
    uint8_t name_len; /* length of the trailer field's name; beyond BODY_NAME_MAX the name is not kept */
    uint8_t reason;   /* enum stream_reason, after READ_BAD */
    char name[BODY_NAME_MAX + 1];
};

struct body_run {
    uint32_t len;
    bool data; /* true: body; false: sizes, extensions, line ends, trailer */
};

/* Begin the body of a message with this framing; length: for HTTP_LENGTH. HTTP_CLOSE and HTTP_TUNNEL end only with
 * the connection. */
void body_begin(struct body *b, enum http_framing framing, uint64_t length);

/* True if the message needs no further byte: immediately if it has no body, and after READ_WHOLE. */
bool body_is_whole(const struct body *b);

enum stream_read body_read(struct body *b, const uint8_t *bytes, uint32_t n, struct body_run *run);

/* Read all runs up to the end of the message or of the bytes; *used is the number of bytes of the message. */
enum stream_read body_read_all(struct body *b, const uint8_t *bytes, uint32_t n, uint32_t *used);

/* Return the number of bytes that are certainly body and may be moved unread; UINT64_MAX: all that come. body_moved
 * then shows how many were moved, at most that many. */
uint64_t body_ahead(const struct body *b);
void body_moved(struct body *b, uint64_t n);

/* The part of HTTP/2 needed to recognise a client and make it retry with HTTP/1.1 (RFC 9113, 3.4, 6.5, 6.8 and 7). */

enum { HTTP2_PREFACE_LEN = 24, HTTP2_GOAWAY_LEN = 9 + 17 };

/* Read the preface. READ_MORE: the bytes match so far, but are fewer than its 24. */
enum stream_read http2_preface_read(const uint8_t *bytes, uint32_t n);

/* The preface of prey (an empty SETTINGS frame) and GOAWAY without a served stream, with HTTP_1_1_REQUIRED: send
 * these and close. */
extern const uint8_t http2_goaway[HTTP2_GOAWAY_LEN];

/* Return the value of the first cookie of this name in a request's head (RFC 6265, 4.2); `at` NULL: the head has
 * none. Names are case-sensitive. */
struct view cookie_value(const struct http_head *h, const uint8_t *bytes, const char *name);
/* Return the number written as 16 lower-case hexadecimal digits; 0: another value. */
uint64_t cookie_number(struct view value);
