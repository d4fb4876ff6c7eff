/* SIGINT and SIGTERM end a replay as its end does: with a summary, and with whole files. The second one kills. */
#pragma once

#include <stdbool.h>

/* From here on. 0 or a negative errno. */
int stop_begin(void);
bool stop_asked(void);
/* Readable once it is asked for. */
int stop_fd(void);
