/* UTF-8 (RFC 3629): one code point at a time, no overlong forms, no surrogates. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Return the bytes of the code point at `s` (1 to 4), or 0 if the bytes up to `len` do not begin with a valid one. */
size_t utf8_next(const char *s, size_t len);

/* Return the offset of the first byte that is not valid UTF-8, or `len`. */
size_t utf8_valid_len(const char *s, size_t len);

/* Return the number of code points; an invalid byte counts as one. */
size_t utf8_count(const char *s, size_t len);

/* Return the code point of the `len` bytes that utf8_next found. */
unsigned utf8_code(const char *s, size_t len);

/* True for a code point that shows nothing or reorders the text around it, so that the text looks like another. */
bool utf8_invisible(const char *s, size_t len);
