/* Cookies in a request's head (RFC 6265, 4.2). */
#pragma once

#include "vm/stream/http.h"

/* The value of the first cookie of this name; at NULL: there is none. Names are as written, upper case is other than
 * lower. */
struct view cookie_value(const struct http_head *h, const uint8_t *bytes, const char *name);
/* A value of 16 hexadecimal digits in lower case; 0: it is none. */
uint64_t cookie_number(struct view value);
