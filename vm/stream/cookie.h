/* Cookies in a request's head (RFC 6265, 4.2). */
#pragma once

#include "vm/stream/http.h"

/* Return the value of the first cookie of this name; at NULL: no such cookie. Names are case-sensitive. */
struct view cookie_value(const struct http_head *h, const uint8_t *bytes, const char *name);
/* Return the number that 16 lower-case hexadecimal digits stand for; 0: another value. */
uint64_t cookie_number(struct view value);
