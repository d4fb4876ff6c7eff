/* What stands in the way on this host. */
#ifndef RUNTIME_LIVE_MAIN_LOOK_H
#define RUNTIME_LIVE_MAIN_LOOK_H

#include "runtime/live/main/state.h"

/* Rights, interfaces and, where the program could be loaded, ways to servers; each finding is a line with what mends
 * it. The exit status. */
int look_at_host(struct live *l);

#endif
