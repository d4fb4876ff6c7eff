/* The head of an HTTP/1 message (http.h): its end, and its first line. */
#include "vm/stream/http_priv.h"

#include <stddef.h>
#include <string.h>

enum { VERSION_LEN = 8, STATUS_LEN = 3 };

#define VISIBLE (HTTP_TARGETED | HTTP_VALUE)
const uint8_t http_classes[256] = {
    ['\t'] = HTTP_VALUE,
    [' '] = HTTP_VALUE,
    ['!'] = VISIBLE | HTTP_TOKEN,
    ['"'] = VISIBLE,
    ['#'] = HTTP_VALUE | HTTP_TOKEN,
    ['$' ... '\''] = VISIBLE | HTTP_TOKEN,
    ['(' ... ')'] = VISIBLE,
    ['*' ... '+'] = VISIBLE | HTTP_TOKEN,
    [','] = VISIBLE,
    ['-' ... '.'] = VISIBLE | HTTP_TOKEN | HTTP_NAME,
    ['/'] = VISIBLE,
    ['0' ... '9'] = VISIBLE | HTTP_TOKEN | HTTP_NAME | HTTP_HEX,
    [':' ... '@'] = VISIBLE,
    ['A' ... 'F'] = VISIBLE | HTTP_TOKEN | HTTP_NAME | HTTP_HEX,
    ['G' ... 'Z'] = VISIBLE | HTTP_TOKEN | HTTP_NAME,
    ['[' ... ']'] = VISIBLE,
    ['^'] = VISIBLE | HTTP_TOKEN,
    ['_'] = VISIBLE | HTTP_TOKEN | HTTP_NAME,
    ['`'] = VISIBLE | HTTP_TOKEN,
    ['a' ... 'f'] = VISIBLE | HTTP_TOKEN | HTTP_NAME | HTTP_HEX,
    ['g' ... 'z'] = VISIBLE | HTTP_TOKEN | HTTP_NAME,
    ['{'] = VISIBLE,
    ['|'] = VISIBLE | HTTP_TOKEN,
    ['}'] = VISIBLE,
    ['~'] = VISIBLE | HTTP_TOKEN | HTTP_NAME,
    [0x80 ... 0xff] = HTTP_VALUE,
};

enum stream_reason http_wrong_byte(uint8_t c, enum stream_reason otherwise)
{
    if (c == '\r') return STREAM_HTTP_BARE_CR;
    if (c == '\n') return STREAM_HTTP_BARE_LF;
    return (c < ' ' && c != '\t') || c == 0x7f ? STREAM_HTTP_CONTROL : otherwise;
}

static enum stream_read bad(struct http_head *h, enum stream_reason why)
{
    h->reason = (uint8_t)why;
    return READ_BAD;
}

static enum stream_read other(struct http_head *h, enum stream_reason why)
{
    h->reason = (uint8_t)why;
    return READ_OTHER;
}

/* Read `HTTP/1.0` or `HTTP/1.1` and nothing behind it; set head.minor. Return `otherwise` if the text is not a
 * version. */
static enum stream_reason read_version(struct http_head *h, const uint8_t *text, uint32_t len,
                                       enum stream_reason otherwise)
{
    if (len != VERSION_LEN || memcmp(text, "HTTP/", 5) != 0 || text[6] != '.') return otherwise;
    if (text[5] < '0' || text[5] > '9' || text[7] < '0' || text[7] > '9') return otherwise;
    if (text[5] != '1' || text[7] > '1') return STREAM_HTTP_VERSION;
    h->minor = (uint8_t)(text[7] - '0');
    return STREAM_NONE;
}

/* Read METHOD SP TARGET SP VERSION, from `at` to the CR at `end`. */
static enum stream_reason read_request_line(struct http_head *h, const uint8_t *bytes, uint32_t at, uint32_t end)
{
    const uint32_t method = http_run(bytes, at, end, HTTP_TOKEN);
    if (method == 0 || method > HTTP_METHOD_MAX || bytes[at + method] != ' ')
        return http_wrong_byte(at + method < end ? bytes[at + method] : ' ', STREAM_HTTP_REQUEST_LINE);
    h->method = (struct view_span){.at = (uint16_t)at, .len = (uint16_t)method};
    at += method + 1;
    const uint32_t target = http_run(bytes, at, end, HTTP_TARGETED);
    if (at + target == end) return STREAM_HTTP_REQUEST_LINE;
    if (target == 0 || bytes[at + target] != ' ')
        return http_wrong_byte(bytes[at + target], target ? STREAM_HTTP_TARGET : STREAM_HTTP_REQUEST_LINE);
    h->target = (struct view_span){.at = (uint16_t)at, .len = (uint16_t)target};
    at += target + 1;
    if (end - at == VERSION_LEN && view_is(view_of(bytes, h->method), "PRI") && !memcmp(bytes + at, "HTTP/2.0", 8))
        return STREAM_HTTP2;
    const enum stream_reason why = read_version(h, bytes + at, end - at, STREAM_HTTP_REQUEST_LINE);
    return why ? why : http_target_read(h, bytes);
}

/* Read VERSION SP STATUS [SP REASON]. Many servers leave out the space when the reason is empty. */
static enum stream_reason read_status_line(struct http_head *h, const uint8_t *bytes, uint32_t at, uint32_t end)
{
    if (end - at < VERSION_LEN + 1 + STATUS_LEN || bytes[at + VERSION_LEN] != ' ') return STREAM_HTTP_STATUS_LINE;
    const enum stream_reason why = read_version(h, bytes + at, VERSION_LEN, STREAM_HTTP_STATUS_LINE);
    if (why) return why;
    at += VERSION_LEN + 1;
    for (unsigned i = 0; i < STATUS_LEN; i++) {
        if (bytes[at + i] < '0' || bytes[at + i] > '9') return STREAM_HTTP_STATUS_LINE;
        h->status = (uint16_t)(10 * h->status + bytes[at + i] - '0');
    }
    if (h->status < 100) return STREAM_HTTP_STATUS_LINE;
    at += STATUS_LEN;
    if (at < end && bytes[at] != ' ') return STREAM_HTTP_STATUS_LINE;
    at += http_run(bytes, at, end, HTTP_VALUE);
    return at < end ? http_wrong_byte(bytes[at], STREAM_HTTP_STATUS_LINE) : STREAM_NONE;
}

typedef enum stream_reason first_line_read(struct http_head *h, const uint8_t *bytes, uint32_t at, uint32_t end);

/* Scan the lines completed since the last call for the empty line. Each must end in CRLF, and the first must be
 * HTTP/1's. */
static enum stream_read find_end(struct http_head *h, struct http_at *at, const uint8_t *bytes, uint32_t n,
                                 first_line_read *first_line)
{
    while (at->seen < n) {
        const uint8_t *lf = memchr(bytes + at->seen, '\n', n - at->seen);
        const uint32_t end = lf ? (uint32_t)(lf - bytes) : n, line = at->line;
        at->seen = (uint16_t)(lf ? end + 1 : n);
        if (!lf) break;
        if (end == line || bytes[end - 1] != '\r') return bad(h, STREAM_HTTP_BARE_LF);
        at->line = (uint16_t)(end + 1);
        if (line == 0 && end == 1) continue;
        if (line == h->start) {
            const enum stream_reason why = first_line(h, bytes, line, end - 1);
            if (why == STREAM_HTTP_REQUEST_LINE || why == STREAM_HTTP_STATUS_LINE) return other(h, why);
            if (why) return bad(h, why);
        } else if (end == line + 1) {
            at->seen = at->line = (uint16_t)line; /* a later call, for something else, then finds the end again */
            h->len = end + 1;
            return READ_WHOLE;
        }
    }
    h->len = n + 1;
    return READ_MORE;
}

/* True if the first line, as far as it has come, may be HTTP/1. */
static bool may_begin(const uint8_t *bytes, uint32_t at, uint32_t n, bool response)
{
    if (n == 1 && bytes[0] == '\r') return true;
    if (response) return memcmp(bytes + at, "HTTP/", n - at < 5 ? n - at : 5) == 0;
    const uint32_t method = http_run(bytes, at, n - at > HTTP_METHOD_MAX ? at + HTTP_METHOD_MAX : n, HTTP_TOKEN);
    return at + method == n || (method > 0 && bytes[at + method] == ' ');
}

static enum stream_read read_head(struct http_head *h, struct http_at *at, const uint8_t *bytes, uint32_t n,
                                  uint32_t limit, bool response)
{
    first_line_read *const first_line = response ? read_status_line : read_request_line;
    const uint32_t bound = limit < STREAM_MAX ? limit : STREAM_MAX, there = n < bound ? n : bound;
    const bool first_seen = at->line > 2;
    memset(h, 0, offsetof(struct http_head, field));
    /* One empty line before a request is skipped (RFC 9112, 2.2). */
    h->start = !response && there > 1 && bytes[0] == '\r' && bytes[1] == '\n' ? 2 : 0;
    if (!may_begin(bytes, h->start, there, response))
        return other(h, response ? STREAM_HTTP_STATUS_LINE : STREAM_HTTP_REQUEST_LINE);
    const enum stream_read said = find_end(h, at, bytes, there, first_line);
    if (said == READ_MORE && there == bound) return bad(h, STREAM_HTTP_HEAD_TOO_LONG);
    if (said != READ_WHOLE) return said;
    const uint8_t *cr = memchr(bytes + h->start, '\n', h->len - h->start);
    const uint32_t line_end = (uint32_t)(cr - bytes) - 1;
    enum stream_reason why = first_seen ? first_line(h, bytes, h->start, line_end) : STREAM_NONE;
    if (!why) why = http_fields_read(h, bytes, line_end + 2, h->len);
    if (!why) why = response ? http_response_settle(h, bytes) : http_request_settle(h, bytes);
    return why ? bad(h, why) : READ_WHOLE;
}

enum stream_read http_request_read(struct http_head *h, struct http_at *at, const uint8_t *bytes, uint32_t n,
                                   uint32_t limit)
{
    return read_head(h, at, bytes, n, limit, false);
}

enum stream_read http_response_read(struct http_head *h, struct http_at *at, const uint8_t *bytes, uint32_t n,
                                    uint32_t limit)
{
    return read_head(h, at, bytes, n, limit, true);
}
