/* Notices to the service manager while live traffic runs, and its watchdog. */
#pragma once

#include "runtime/live/tell/tell_state.h"

/* Find out whether a service manager listens and how often it wants a sign of life. Call before the fork. */
void notified_begin(struct notified *n);

void notified_ready(struct tell *tell); /* called at the start, and at the end of each reload, successful or not */
void notified_reloading(struct tell *tell);
void notified_stopping(struct tell *tell);

/* True if it is time for a sign of life. */
bool notified_due(const struct tell *tell, uint64_t now_ns);
/* Send a sign of life. Call once all workers have been seen to run. */
void notified_alive(struct tell *tell, uint64_t now_ns);
