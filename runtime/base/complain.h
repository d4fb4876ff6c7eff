/* Error messages on standard error. */
#pragma once

/* One line on standard error: "preyrun: ...". Returns 2. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
