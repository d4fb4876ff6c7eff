/* Options common to the commands that look on: a filter, and how long. */
#pragma once

#include "runtime/preyctl/talk.h"

/* Put the question with the filter that the arguments are, and `count`, `ns` and (snaps) `snap` as they say. 0, or 2
 * after lines that say why not. */
int look_ask(struct talk *t, enum question q, bool snaps, const char *usage);
