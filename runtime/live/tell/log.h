/* The log of --log. */
#pragma once

#include "runtime/live/tell/tell_state.h"

/* Write a line on standard error; once live traffic is ready, report it as an event. Return 2. */
int tell_fault(struct tell *tell, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Report the line if `is` has become true since the last call with *was; set *was to `is`. */
void tell_once(struct tell *tell, bool is, bool *was, enum told kind, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Open the log. Call while the process still has the privileges for it. Return the exit status. */
int log_open(struct tell *tell);

/* Have the parent open the log's file or socket again, because the file was moved away or the system's log
 * restarted. */
void log_again(struct tell *tell);
/* Open the log's socket again if lines were lost, because the system's log or the journal was restarted. */
void log_tick(struct tell *tell);
