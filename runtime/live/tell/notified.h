/* Notices to the service manager while live traffic runs, and its watchdog. */
#pragma once

#include "runtime/live/tell/state.h"

/* Before the fork: is there one, and how often does it want a sign of life? */
void notified_begin(struct notified *n);

void notified_ready(struct tell *tell); /* at the start, and at the end of each reload, however it ended */
void notified_reloading(struct tell *tell);
void notified_stopping(struct tell *tell);

/* Is it time for a sign of life? */
bool notified_due(const struct tell *tell, uint64_t now_ns);
/* That: all workers move, and so does the main thread, which says it. */
void notified_alive(struct tell *tell, uint64_t now_ns);
