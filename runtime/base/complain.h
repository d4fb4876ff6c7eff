/* Error messages on standard error. */
#ifndef RUNTIME_BASE_COMPLAIN_H
#define RUNTIME_BASE_COMPLAIN_H

/* One line on standard error: "preyrun: ...". Returns 2. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
