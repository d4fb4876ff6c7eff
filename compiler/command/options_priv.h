/* Reading the command line, and checking it as a whole. */
#pragma once

#include "compiler/command/options.h"

/* Print one line on standard error: the fault, its value, a remedy; the last two may be NULL. Return -EINVAL. */
int options_fault(const char *what, const char *value, const char *hint);
/* Check that the options go together. Return 0, or -EINVAL after a line of options_fault. */
int options_check(const struct options *o);
