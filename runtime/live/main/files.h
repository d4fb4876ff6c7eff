/* The number of descriptors that may be open at once. */
#pragma once

#include "runtime/live/main/state.h"

/* Raises the bound on descriptors (RLIMIT_NOFILE) of this process, and of those that it starts: as far as it may
 * without asking, and, where ports, workers, checks and sessions of carry->now may need more, beyond that. Where the
 * kernel refuses, a notice says what that means and what mends it. After start_look. */
void files_allow(const struct live *l);
