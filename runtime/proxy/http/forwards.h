/* Max-Forwards: how many more intermediaries an OPTIONS or a TRACE may pass (RFC 9110, 7.6.2). */
#pragma once

#include "vm/stream/first.h"

enum { FORWARDS_ANY = UINT32_MAX, FORWARDS_MOST = 1000000 };

/* What the request says; more than FORWARDS_MOST is that. FORWARDS_ANY: it says nothing that is a number, or has
 * another method. 0: who reads it answers it. */
uint32_t request_forwards(const struct http_head *h, const uint8_t *bytes);
