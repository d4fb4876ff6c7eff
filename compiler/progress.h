/* What a long command is at: one line on standard error where that is a terminal, rewritten in place and gone at the
 * end. A timer shows it, so what is being done pays a store where it says how far it is, and nothing elsewhere. */
#pragma once

#include <stdint.h>

/* From here on, after half a second. Nothing on what is no terminal. */
void progress_show(void);
/* Take the line back before anything else is printed. */
void progress_hide(void);
/* What is being done: a text that stays where it is. What it is done of is forgotten. */
void progress_at(const char *what);
/* So much of it; all: 0 where nobody knows. */
void progress_done(uint64_t done, uint64_t all);
