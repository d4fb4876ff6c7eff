/* UTF-8 (RFC 3629): one code point at a time, no overlong forms, no surrogates. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the code point at `s` (1 to 4), or 0 if the bytes up to `len` do not begin with a valid one. */
size_t utf8_next(const char *s, size_t len);

/* Offset of the first byte that is not valid UTF-8, or `len`. */
size_t utf8_valid_len(const char *s, size_t len);

/* The code point of the `len` bytes that utf8_next found. */
unsigned utf8_code(const char *s, size_t len);

/* A code point that shows nothing or reorders what stands around it: text with it is not what it seems. */
bool utf8_invisible(const char *s, size_t len);
