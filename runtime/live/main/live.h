/* Live traffic: preyrun -i IF … RULES.pbc, from the checks at the start to the last counters. */
#pragma once

#include "runtime/base/options.h"

/* Run live traffic. Return the exit status. */
int live(const struct options *o);
