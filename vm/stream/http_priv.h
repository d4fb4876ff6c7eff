/* Shared by the files that read HTTP heads: classes of characters, and the parts of a head. */
#pragma once

#include "vm/stream/http.h"

enum http_class {
    HTTP_TOKEN = 1 << 0,    /* allowed in a method or a field's name (RFC 9110, 5.6.2) */
    HTTP_TARGETED = 1 << 1, /* allowed in a request target: visible characters except `#` */
    HTTP_VALUE = 1 << 2,    /* allowed in a field's value: visible characters, blanks, bytes over 127 (RFC 9110, 5.5) */
    HTTP_NAME = 1 << 3,     /* letters, digits, `-._~`: unreserved (RFC 3986, 2.3), and the characters of host names */
    HTTP_HEX = 1 << 4,
};
extern const uint8_t http_classes[256];

static inline bool http_is(uint8_t c, enum http_class class) { return (http_classes[c] & class) != 0; }

/* Return the value of a hexadecimal digit. */
static inline uint8_t http_hex(uint8_t c) { return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); }

/* Return the number of bytes of the class from `at` on, not past `end`. */
static inline uint32_t http_run(const uint8_t *bytes, uint32_t at, uint32_t end, enum http_class class)
{
    const uint32_t begin = at;
    const uint8_t *const c = http_classes;
    /* Four at a time take half the time. */
    for (; at + 4 <= end; at += 4)
        if (!(c[bytes[at]] & c[bytes[at + 1]] & c[bytes[at + 2]] & c[bytes[at + 3]] & class)) break;
    while (at < end && http_is(bytes[at], class)) at++;
    return at - begin;
}

/* Return the reason why a byte is wrong: CR, LF, another control character, or `otherwise`. */
enum stream_reason http_wrong_byte(uint8_t c, enum stream_reason otherwise);

/* Read the target's parts; method, target and version are set. */
enum stream_reason http_target_read(struct http_head *h, const uint8_t *bytes);
/* Read a host with or without a port into head.host and head.port. False: malformed. */
bool http_host_read(struct http_head *h, const uint8_t *bytes, struct view_span text);

/* Read all lines from `at` to the empty line that ends at `end`; http_…_settle then checks them together. */
enum stream_reason http_fields_read(struct http_head *h, const uint8_t *bytes, uint32_t at, uint32_t end);
enum stream_reason http_request_settle(struct http_head *h, const uint8_t *bytes);
enum stream_reason http_response_settle(struct http_head *h, const uint8_t *bytes);
