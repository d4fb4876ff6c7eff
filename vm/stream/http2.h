/* HTTP/2 as far as we speak it: to see that a client does, and to tell it to come again with HTTP/1.1 (RFC 9113, 3.4,
 * 6.5, 6.8 and 7). */
#pragma once

#include "vm/stream/stream.h"

enum { HTTP2_PREFACE_LEN = 24, HTTP2_GOAWAY_LEN = 9 + 17 };

/* READ_MORE: as far as it goes it is the preface, but fewer than its 24 bytes are there. */
enum stream_read http2_preface_read(const uint8_t *bytes, uint32_t n);

/* Our preface (an empty SETTINGS frame) and GOAWAY with no stream served and HTTP_1_1_REQUIRED: send it and close. */
extern const uint8_t http2_goaway[HTTP2_GOAWAY_LEN];
