/* Error messages on standard error. */
#pragma once

/* One line on standard error: "preyrun: ...". A reader that does not read is waited for for a second; then the line is
 * lost. Returns 2. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
