/* preyc --fmt: rule files in the one layout. */
#pragma once

#include "compiler/command/options.h"
#include "lang/lang.h"

/* Print the formatted text of the one input, or with -w rewrite each that differs, or with --check print the names of
 * those. Files with syntax errors (in `d`) stay untouched. Returns the exit status: 1 for errors or, with --check, for
 * a file that differs; 2 for what can't be read or written, after a line on standard error. */
int format_files(const struct options *o, struct sources *sources, struct diags *d);
