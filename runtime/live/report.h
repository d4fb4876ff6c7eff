/* The counters of all workers, printed. */
#ifndef RUNTIME_LIVE_REPORT_H
#define RUNTIME_LIVE_REPORT_H

#include "runtime/live/state.h"

/* As --format says, while the workers stand still; the text is the caller's to free. NULL: memory is out. */
char *live_report(struct live *l, size_t *len);

/* The text to fd, whose reader is waited for at most a second in all. 0 or a negative errno: -ETIMEDOUT. */
int report_print(int fd, const char *text, size_t len);

#endif
