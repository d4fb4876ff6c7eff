/* Progress of a long command: one line on standard error if that is a terminal, rewritten in place and removed at
 * the end. A timer shows it, so reporting progress costs one store, and other code is unaffected. */
#pragma once

#include <stdint.h>

/* Show progress from here on, after half a second, if standard error is a terminal. */
void progress_show(void);
/* Remove the line before anything else is printed. */
void progress_hide(void);
/* Set the current activity, a text that must stay valid, and reset the progress. */
void progress_at(const char *what);
/* Set the progress; all: 0 if unknown. */
void progress_done(uint64_t done, uint64_t all);
