/* Between the files that read HTTP heads: classes of characters, and the parts of a head. */
#pragma once

#include "vm/stream/http.h"

enum http_class {
    HTTP_TOKEN = 1 << 0,    /* in a method or a field's name (RFC 9110, 5.6.2) */
    HTTP_TARGETED = 1 << 1, /* in a request target: what is visible, but `#` */
    HTTP_VALUE = 1 << 2,    /* in a field's value: what is visible, blanks, bytes over 127 (RFC 9110, 5.5) */
    HTTP_NAME = 1 << 3,     /* letters, digits, `-._~`: unreserved (RFC 3986, 2.3), and what hosts are named with */
    HTTP_HEX = 1 << 4,
};
extern const uint8_t http_classes[256];

static inline bool http_is(uint8_t c, enum http_class class) { return (http_classes[c] & class) != 0; }

/* How many bytes from `at` on are of the class; at most up to `end`. */
static inline uint32_t http_run(const uint8_t *bytes, uint32_t at, uint32_t end, enum http_class class)
{
    const uint32_t begin = at;
    const uint8_t *const c = http_classes;
    /* Four at a time: half the work. */
    for (; at + 4 <= end; at += 4)
        if (!(c[bytes[at]] & c[bytes[at + 1]] & c[bytes[at + 2]] & c[bytes[at + 3]] & class)) break;
    while (at < end && http_is(bytes[at], class)) at++;
    return at - begin;
}

/* Why a byte may not stand where it does: CR, LF, another control character, or `otherwise`. */
enum stream_reason http_wrong_byte(uint8_t c, enum stream_reason otherwise);

/* method, target and version are set: the target's parts. */
enum stream_reason http_target_read(struct http_head *h, const uint8_t *bytes);
/* A host with a port or none: into head.host and head.port. False: malformed. */
bool http_host_read(struct http_head *h, const uint8_t *bytes, struct view_span text);

/* All lines from `at` to the empty one that ends at `end`; then what they say together. */
enum stream_reason http_fields_read(struct http_head *h, const uint8_t *bytes, uint32_t at, uint32_t end);
enum stream_reason http_request_settle(struct http_head *h, const uint8_t *bytes);
enum stream_reason http_response_settle(struct http_head *h, const uint8_t *bytes);
