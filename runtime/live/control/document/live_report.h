/* The counters of all workers as text or JSON. */
#pragma once

#include "runtime/live/control/control_state.h"

/* Return the report according to --format, which the caller frees. NULL: out of memory. running: see tally_take. */
char *live_report(const struct control *control, bool running, size_t *len);

struct cJSON;
struct tally;
/* Write the report of these counters according to --format. False: out of memory. */
bool report_write(FILE *out, const struct control *control, const struct tally *t);
/* Add the members of `--format json` to an object; of many rules, only those that matched most packets. */
void report_add(struct cJSON *root, const struct control *control, const struct tally *t);

/* Write the text to fd, waiting for its reader for at most one second in total. Return 0 or a negative errno:
 * -ETIMEDOUT. */
int report_print(int fd, const char *text, size_t len);
