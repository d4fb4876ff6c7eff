/* What stands in the way on this host. */
#pragma once

#include "runtime/live/main/state.h"

/* Rights, interfaces and, where the program could be loaded, ways to servers; each finding is a line with what mends
 * it. The exit status. */
int look_at_host(struct live *l);
