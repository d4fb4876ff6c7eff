/* Clean stop by SIGINT and SIGTERM: a replay ends with its summary and complete files. A second signal kills the
 * process. */
#pragma once

#include <stdbool.h>

/* Install the signal handlers. Return 0 or a negative errno. */
int stop_begin(void);
bool stop_asked(void);
/* Return a descriptor that is readable once a stop has been asked for. */
int stop_fd(void);
