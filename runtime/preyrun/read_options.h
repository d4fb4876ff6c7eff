/* The command line of preyrun. Its options are rows of options.def. */
#pragma once

#include <stdio.h>

#include "runtime/base/options/run_options.h"

enum options_result { OPTIONS_RUN, OPTIONS_DONE /* help or version printed */, OPTIONS_WRONG /* reason in err */ };

/* Read the command line; argv's strings are kept. OPTIONS_WRONG: one line in err, and *o has only the fields that
 * a closed end needs: interfaces and name, with on_exit OPTIONS_END_CLOSED. Call options_fini in any case. */
enum options_result options_parse(int argc, char *const argv[], struct options *o, FILE *out, char *err,
                                  size_t err_len);
void options_fini(struct options *o);
void options_help(FILE *out);
