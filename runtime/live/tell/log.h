/* Error messages, and the log of --log: where what is told goes. */
#pragma once

#include "runtime/live/tell/state.h"

/* One line on standard error; returns 2. */
int live_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, once it is ready an event. */
int tell_fault(struct tell *tell, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* By whoever has the rights for it. The exit status. */
int log_open(struct tell *tell);

/* Its file or socket once more, by the parent: the file was moved away, or the system's log restarted. */
void log_again(struct tell *tell);
