/* The preface of HTTP/2, and the reply that refuses it (http.h). */
#include <assert.h>
#include <string.h>

#include "vm/stream/http.h"

enum stream_read http2_preface_read(const uint8_t *bytes, uint32_t n)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static_assert(sizeof preface - 1 == HTTP2_PREFACE_LEN, "the preface has 24 bytes");
    const uint32_t there = n < HTTP2_PREFACE_LEN ? n : HTTP2_PREFACE_LEN;
    if (there && memcmp(bytes, preface, there) != 0) return READ_OTHER;
    return there < HTTP2_PREFACE_LEN ? READ_MORE : READ_WHOLE;
}

const uint8_t http2_goaway[HTTP2_GOAWAY_LEN] = {
    0, 0, 0, 4, 0, 0, 0, 0,    0, /* length 0, SETTINGS, no flags, stream 0 */
    0, 0, 8, 7, 0, 0, 0, 0,    0, /* length 8, GOAWAY, no flags, stream 0 */
    0, 0, 0, 0, 0, 0, 0, 0x0d,    /* last stream 0, HTTP_1_1_REQUIRED */
};
