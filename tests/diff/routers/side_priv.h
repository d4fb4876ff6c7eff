/* Parts that the files of a side share. */
#ifndef TESTS_DIFF_ROUTERS_SIDE_PRIV_H
#define TESTS_DIFF_ROUTERS_SIDE_PRIV_H

#include "tests/diff/routers/side.h"

/* Folder for sockets and programs, set by sides_begin. */
extern const char *side_dir;

/* Start a process in the side's namespace that ends with this one. It reads `in` and writes to `out`. */
pid_t side_start(const struct side *s, const char *const argv[], int in, int out);
/* Print a text as lines of a comment. */
void side_print_lines(const char *text);

#endif
