/* Messages of preyc itself: lines that name files and words as the user typed them, safe for a terminal. */
#pragma once

#include <stdio.h>

/* Print the text, with controls and invalid UTF-8 as `?`, and end the line. */
void say(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
