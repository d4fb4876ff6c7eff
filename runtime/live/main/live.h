/* Live traffic: preyrun -i IF … RULES.pbc, from the checks at the start to the last counters. */
#ifndef RUNTIME_LIVE_MAIN_LIVE_H
#define RUNTIME_LIVE_MAIN_LIVE_H

#include "runtime/base/options.h"

/* The exit status. */
int live(const struct options *o);

#endif
