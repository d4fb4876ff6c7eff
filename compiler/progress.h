/* Progress of a long command: one line on standard error if that is a terminal, rewritten in place and removed at the
 * end. A timer shows it, so reporting progress costs a store, and other code nothing. */
#pragma once

#include <stdint.h>

/* Show progress from here on, after half a second; not if standard error is no terminal. */
void progress_show(void);
/* Remove the line before anything else is printed. */
void progress_hide(void);
/* Set the current activity: a text that stays valid. Forget its progress. */
void progress_at(const char *what);
/* Set the progress; all: 0 if unknown. */
void progress_done(uint64_t done, uint64_t all);
