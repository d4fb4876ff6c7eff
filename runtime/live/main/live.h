/* Live traffic: preyrun -i IF … RULES.pbc, from the checks at the start to the last counters. */
#pragma once

#include "runtime/base/options/run_options.h"

/* Run live traffic. Return the exit status. */
int live(const struct options *o);

/* Handle a wrong command line with --on-exit closed: shut the interfaces of -i, as after any refused start, unless
 * an instance of that name runs, and report it. Return 2. */
int live_shut(const struct options *o);
