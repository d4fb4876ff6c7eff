/* Live traffic: preyrun -i IF … RULES.pbc, from the checks at the start to the last counters. */
#pragma once

#include "runtime/base/options/run_options.h"

/* Run live traffic. Return the exit status. */
int live(const struct options *o);

/* After a command line that is wrong, with --on-exit closed: shut what -i names, as any refused start does, unless an
 * instance of that name runs, and say so. Return 2. */
int live_shut(const struct options *o);
