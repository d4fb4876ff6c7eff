/* The end of an HTTP/1 message (http.h). */
#include <string.h>

#include "vm/stream/http.h"
#include "vm/stream/http_priv.h"

enum state {
    DATA,      /* `left` bytes of body, then the end */
    FOREVER,   /* body until the connection ends */
    SIZE,      /* digits of a chunk's size */
    EXTENSION, /* a chunk's extension, up to CR */
    SIZE_LF,
    CHUNK, /* `left` bytes of a chunk, then CRLF */
    CHUNK_CR,
    CHUNK_LF,
    TRAILER, /* start of a trailer line */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
    WHOLE,
};

void body_begin(struct body *b, enum http_framing framing, uint64_t length)
{
    static const uint8_t first[] = {
        [HTTP_NO_BODY] = WHOLE, [HTTP_LENGTH] = DATA,    [HTTP_CHUNKED] = SIZE,
        [HTTP_CLOSE] = FOREVER, [HTTP_TUNNEL] = FOREVER,
    };
    *b = (struct body){.state = first[framing], .left = framing == HTTP_LENGTH ? length : 0};
    if (b->state == DATA && length == 0) b->state = WHOLE;
}

bool body_is_whole(const struct body *b) { return b->state == WHOLE; }

uint64_t body_ahead(const struct body *b)
{
    if (b->state == FOREVER) return UINT64_MAX;
    return b->state == DATA || b->state == CHUNK ? b->left : 0;
}

void body_moved(struct body *b, uint64_t n)
{
    b->data += n;
    if (b->state == FOREVER || !n) return;
    b->left -= n;
    if (b->left) return;
    b->state = b->state == DATA ? WHOLE : CHUNK_CR;
}

/* Take a digit of the size, or the byte that ends the digits. False: bad. */
static bool take_size(struct body *b, uint8_t c)
{
    if (http_is(c, HTTP_HEX)) {
        b->left = b->left << 4 | http_hex(c);
        return ++b->count <= BODY_SIZE_DIGITS && b->left <= INT64_MAX;
    }
    if (b->count == 0) return false;
    b->count = 0;
    b->state = c == '\r' ? SIZE_LF : EXTENSION;
    return c == '\r' || c == ';';
}

/* Take a byte of an extension: text, and nothing that a server may read as the end of a line. */
static bool take_extension(struct body *b, uint8_t c)
{
    if (c == '\r') {
        b->state = SIZE_LF;
        return true;
    }
    return http_is(c, HTTP_VALUE) && c < 0x80 && ++b->count <= BODY_EXTENSION_MAX &&
           ++b->extensions <= BODY_EXTENSIONS_MAX;
}

/* True if a trailer may have the field. Fields about framing, routing, authentication or handling of the message may
 * not be there (RFC 9110, 6.5.1): some servers merge them into the head's fields, unchecked. */
static bool name_may_trail(const struct body *b)
{
    static const char *const never[] = {"content-length",
                                        "transfer-encoding",
                                        "host",
                                        "connection",
                                        "trailer",
                                        "te",
                                        "upgrade",
                                        "expect",
                                        "forwarded",
                                        "x-real-ip",
                                        "cookie",
                                        "authorization",
                                        "max-forwards",
                                        "proxy-authorization",
                                        "content-type",
                                        "content-range",
                                        "content-encoding"};
    static const char begins[] = "x-forwarded-";
    const struct view name = {.at = (const uint8_t *)b->name, .len = b->name_len};
    const struct view first = {.at = name.at, .len = sizeof begins - 1};
    if (name.len >= first.len && view_is_word(first, begins)) return false;
    for (unsigned i = 0; i < sizeof never / sizeof *never; i++)
        if (view_is_word(name, never[i])) return false;
    return true;
}

static bool take_name(struct body *b, uint8_t c)
{
    if (http_is(c, HTTP_TOKEN)) {
        if (b->name_len < BODY_NAME_MAX) b->name[b->name_len] = c == '_' ? '-' : (char)c; /* as CGI maps it */
        if (b->name_len <= BODY_NAME_MAX) b->name_len++;
        b->state = TRAILER_NAME;
        return true;
    }
    b->state = TRAILER_VALUE;
    return c == ':' && b->name_len > 0 && name_may_trail(b);
}

static bool take_trailer(struct body *b, uint8_t c)
{
    if (++b->count > BODY_TRAILER_MAX) return false;
    switch (b->state) {
    case TRAILER:
        b->name_len = 0;
        if (c != '\r') return take_name(b, c);
        b->state = LAST_LF;
        return true;
    case TRAILER_NAME: return take_name(b, c);
    case TRAILER_VALUE:
        if (c == '\r') b->state = TRAILER_LF;
        return c == '\r' || http_is(c, HTTP_VALUE);
    case TRAILER_LF: b->state = TRAILER; return c == '\n';
    default: b->state = WHOLE; return c == '\n';
    }
}

/* Take one byte that is not body. */
static bool take_framing(struct body *b, uint8_t c)
{
    switch (b->state) {
    case SIZE: return take_size(b, c);
    case EXTENSION: return take_extension(b, c);
    case SIZE_LF:
        b->count = 0;
        b->state = b->left ? CHUNK : TRAILER; /* the trailer is behind the last chunk, which is empty */
        return c == '\n';
    case CHUNK_CR: b->state = CHUNK_LF; return c == '\r';
    case CHUNK_LF: b->state = SIZE; return c == '\n';
    default: return take_trailer(b, c);
    }
}

enum stream_read body_read(struct body *b, const uint8_t *bytes, uint32_t n, struct body_run *run)
{
    const uint64_t ahead = body_ahead(b);
    *run = (struct body_run){.data = ahead > 0};
    if (ahead) {
        run->len = ahead < n ? (uint32_t)ahead : n;
        body_moved(b, run->len);
        return b->state == WHOLE ? READ_WHOLE : READ_MORE;
    }
    for (; run->len < n && b->state != WHOLE && !body_ahead(b); run->len++) {
        const bool in_trailer = b->state >= TRAILER;
        if (take_framing(b, bytes[run->len])) continue;
        b->reason = in_trailer ? STREAM_HTTP_BAD_TRAILER : STREAM_HTTP_BAD_CHUNK;
        return READ_BAD;
    }
    return b->state == WHOLE ? READ_WHOLE : READ_MORE;
}

enum stream_read body_read_all(struct body *b, const uint8_t *bytes, uint32_t n, uint32_t *used)
{
    enum stream_read said = b->state == WHOLE ? READ_WHOLE : READ_MORE;
    for (*used = 0; said == READ_MORE && *used < n;) {
        struct body_run run;
        said = body_read(b, bytes + *used, n - *used, &run);
        *used += run.len;
    }
    return said;
}
