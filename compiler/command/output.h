/* Writer of the program file: all of it or nothing. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct compile;

/* Check that `path` may be written: it does not exist, or is a regular file or a link to one, and is none of the files
 * that the compile has read (`c` NULL: `input` alone is compared). Return 0, or -EINVAL after one line on standard
 * error. */
int output_allowed(const char *path, const char *input, const struct compile *c);

/* Print the names of all files that a good compile has read, as the rules lead to them from the working directory, one
 * a line, each once: rule files first, then lists of addresses, then captures of tests that ran. Standard input is
 * none. */
void output_files_read(const struct compile *c, FILE *out);

/* Replace `path` (or the target of the link at `path`) by `len` bytes: write a temporary file beside it, sync, rename.
 * A replaced file keeps its mode; a new file gets that of the umask. On failure leave nothing behind, print one line on
 * standard error, and return a negative errno. */
int output_write(const char *path, const uint8_t *bytes, size_t len);
