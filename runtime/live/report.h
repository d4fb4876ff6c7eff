/* The counters of all workers, printed. */
#ifndef RUNTIME_LIVE_REPORT_H
#define RUNTIME_LIVE_REPORT_H

#include "runtime/live/state.h"

/* On standard output. 0 or 2. */
int live_report(struct live *l);

#endif
