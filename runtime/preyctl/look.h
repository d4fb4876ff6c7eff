/* Options common to `trace` and `capture`: a filter, and bounds. */
#pragma once

#include "runtime/preyctl/talk.h"

/* Ask the question, with the filter in the arguments and `count`, `ns` and (snaps) `snap` from the options. Return 0,
 * or 2 after lines with the reason. */
int look_ask(struct talk *t, enum question q, bool snaps, const char *usage);
