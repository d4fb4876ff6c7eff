/* Writing the program file: all of it or nothing. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct compile;

/* Whether `path` may be written at all: it does not exist yet, or is a regular file or a link to one, and none of the
 * files that the compile has read so far (`c` may be NULL: `input` alone is compared). On refusal one line goes to
 * standard error. Returns 0 or -EINVAL. */
int output_allowed(const char *path, const char *input, const struct compile *c);

/* Replace `path` (or what the link at `path` leads to) by `len` bytes: a temporary file beside it, synced, renamed. The
 * mode of a file that is replaced is kept; a new one has that of the umask. On failure nothing is left behind, one line
 * goes to standard error, and a negative errno is returned. */
int output_write(const char *path, const uint8_t *bytes, size_t len);
