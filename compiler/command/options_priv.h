/* Reading the command line and judging it as a whole. */
#pragma once

#include "compiler/command/options.h"

/* One line on standard error: what is wrong, with which value, what to write instead; the last two may be NULL. Returns
 * -EINVAL. */
int options_fault(const char *what, const char *value, const char *hint);
/* 0, or -EINVAL after such a line. */
int options_check(const struct options *o);
