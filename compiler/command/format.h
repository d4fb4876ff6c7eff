/* preyc --fmt: rule files in the standard layout. */
#pragma once

#include "compiler/command/options.h"
#include "lang/lang.h"

/* Print the formatted text of the one input; with -w rewrite each file that differs; with --check print the names of
 * such files. Files with syntax errors (in `d`) stay untouched. Return the exit status: 1 for errors or, with --check,
 * for a file that differs; 2 for files that can't be read or written, after a line on standard error. */
int format_files(const struct options *o, struct sources *sources, struct diags *d);
