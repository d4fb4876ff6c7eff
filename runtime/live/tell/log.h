/* The log of --log: where what is told goes. */
#pragma once

#include "runtime/live/tell/state.h"

/* A line on standard error, once it is ready an event. Returns 2. */
int tell_fault(struct tell *tell, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* By whoever has the rights for it. The exit status. */
int log_open(struct tell *tell);

/* Its file or socket once more, by the parent: the file was moved away, or the system's log restarted. */
void log_again(struct tell *tell);
