/* The counters of all workers, printed. */
#pragma once

#include "runtime/live/control/state.h"

/* As --format says; the text is the caller's to free. NULL: memory is out. running: as for tally_take. */
char *live_report(const struct control *control, bool running, size_t *len);

/* The document of `--format json`, into an object; of many rules those that matched most packets. */
struct cJSON;
struct tally;
void report_add(struct cJSON *root, const struct control *control, const struct tally *t);

/* The text to fd, whose reader is waited for at most a second in all. 0 or a negative errno: -ETIMEDOUT. */
int report_print(int fd, const char *text, size_t len);
