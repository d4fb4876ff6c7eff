/* Error messages on standard error. */
#pragma once

/* Write the line "preyrun: ..." to standard error and return 2. If the reader takes nothing for a second, the line is
 * lost. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
