/* What the service manager is told while live traffic runs, and its watchdog. */
#pragma once

#include "runtime/live/main/state.h"

/* Before the fork: is there one, and how often does it want a sign of life? */
void notified_begin(struct notified *n);

void notified_ready(struct live *l); /* at the start, and at the end of each reload, however it ended */
void notified_reloading(struct live *l);
void notified_stopping(struct live *l);

/* Is it time for a sign of life? */
bool notified_due(const struct live *l, uint64_t now_ns);
/* That: all workers move, and so does the main thread, which says it. */
void notified_alive(struct live *l, uint64_t now_ns);
